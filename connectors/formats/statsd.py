"""Metrics of StatsD, `users.online:1|c|@0.1|#host:a`; tags of Datadog, Telegraf and Graphite."""

from __future__ import annotations

import re
from typing import Any

from connectors.formats.binary import NoSettings
from connectors.formats.text import decode_text
from engine.domain.batch import Headers

_NO_METRICS = ("_e{", "_sc|")
"""What events and checks of Datadog begin with."""
_TAGS = re.compile(r"[,;](?=[^,;=]+=)")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", re.ASCII)
COUNTER, GAUGE = "c", "g"


class StatsD:
    """The plug-in behind `format: statsd`: each value of a line is an event.

    Counters are scaled up by their sample rate, as a server of StatsD would.
    """

    Settings = NoSettings
    name = "statsd"
    many = True

    def __init__(self, settings: NoSettings, text_fields: frozenset[str]) -> None:
        pass

    def decode(self, payload: bytes, headers: Headers) -> Any:
        """Return name, value, type, tags and rate of each value; a broken line is a text."""
        text = decode_text(payload)
        found: list[Any] = []
        for line in text.splitlines():
            if line.strip() and not line.startswith(_NO_METRICS):
                try:
                    found += _metrics(line.strip())
                except ValueError:
                    found.append(line)
        return found


def _metrics(line: str) -> list[dict[str, Any]]:
    """Read one line.

    Raises:
        ValueError: it is of another form.
    """
    head, *rest = line.split("|")
    if not rest or not rest[0]:
        raise ValueError(line)
    name, *values = head.split(":")
    name, *pairs = _TAGS.split(name)
    if not name or not values:
        raise ValueError(line)
    tags = dict(pair.partition("=")[::2] for pair in pairs)
    metric: dict[str, Any] = {"name": name, "type": rest[0], "tags": tags, "rate": 1.0}
    for part in rest[1:]:
        if part[:1] == "@":
            metric["rate"] = _rate(part[1:])
        elif part[:1] == "#":
            tags |= dict(tag.partition(":")[::2] for tag in part[1:].split(",") if tag)
        elif part[:1] == "T":
            metric["time"] = int(part[1:])
    return [metric | _value(text, metric) for text in values]


def _rate(text: str) -> float:
    rate = float(text)
    if not 0 < rate <= 1:
        raise ValueError(text)
    return rate


def _value(text: str, metric: dict[str, Any]) -> dict[str, Any]:
    """Return a value; a gauge with a sign is a change of the value before, and not one itself."""
    if not _NUMBER.fullmatch(text):
        return {"value": text}
    if metric["type"] == GAUGE and text[0] in "+-":
        return {"change": float(text)}
    return {"value": float(text) / (metric["rate"] if metric["type"] == COUNTER else 1)}
