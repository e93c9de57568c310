"""InfluxDB line protocol: `cpu,host=h1 idle=90,state="up" 1704067200000000000`."""

from __future__ import annotations

import re
from typing import Any

from connectors.formats.text import decode_text
from engine.domain.batch import Headers
from pynomaly.plugins import Settings

_NAME = re.compile(r"(?:\\.|[^,\s\\]|\\(?![\s\S]))+")
_KEY = re.compile(r"(?:\\.|[^,=\s\\]|\\(?![,=\s]))+")
_VALUE = re.compile(r'"(?:\\.|[^"\\])*"|[^,\s"]+', re.DOTALL)
_SPACES = re.compile(r"[ \t]+")
_ESCAPED = re.compile(r"\\([,= \\])")
_TIME = re.compile(r"-?[0-9]{1,19}")
_TRUTH = dict.fromkeys(("t", "T", "true", "True", "TRUE"), True)
_TRUTH |= dict.fromkeys(("f", "F", "false", "False", "FALSE"), False)


class InfluxSettings(Settings):
    """InfluxDB line protocol; each line is an event with measurement, tags, fields and time."""


class Influx:
    """The plug-in behind `format: influx`."""

    Settings = InfluxSettings
    name = "influx"
    many = True

    def __init__(self, settings: InfluxSettings, text_fields: frozenset[str]) -> None:
        pass

    def decode(self, payload: bytes, headers: Headers) -> Any:
        """Return a document for each line; one that is broken is a text, and is rejected alone."""
        text = decode_text(payload)
        found: list[Any] = []
        for line in text.split("\n"):
            stripped = line.strip()
            if stripped and not stripped.startswith("#"):
                try:
                    found.append(_point(stripped))
                except ValueError:
                    found.append(line)
        return found


def _point(line: str) -> dict[str, Any]:
    """Read one line.

    Raises:
        ValueError: it is of another form.
    """
    name = _match(_NAME, line, 0)
    tags, place = {}, name.end()
    while line[place : place + 1] == ",":
        key, value, place = _pair(line, place + 1, _KEY)
        tags[key] = _unescaped(value)
    fields: dict[str, Any] = {}
    place = _match(_SPACES, line, place).end()
    while True:
        key, value, place = _pair(line, place, _VALUE)
        fields[key] = _field(value)
        if line[place : place + 1] != ",":
            break
        place += 1
    point: dict[str, Any] = {"measurement": _unescaped(name[0]), "tags": tags, "fields": fields}
    rest = line[place:].strip()
    if rest:
        point["time"] = int(_match(_TIME, rest, 0)[0])
        if not _TIME.fullmatch(rest):
            raise ValueError(rest)
    return point


def _pair(line: str, place: int, values: re.Pattern[str]) -> tuple[str, str, int]:
    key = _match(_KEY, line, place)
    if line[key.end() : key.end() + 1] != "=":
        raise ValueError(line)
    value = _match(values, line, key.end() + 1)
    return _unescaped(key[0]), value[0], value.end()


def _match(pattern: re.Pattern[str], line: str, place: int) -> re.Match[str]:
    found = pattern.match(line, place)
    if found is None:
        raise ValueError(line)
    return found


def _field(text: str) -> Any:
    if text[0] == '"':
        return text[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    if text in _TRUTH:
        return _TRUTH[text]
    if text[-1] in "iu":
        return int(text[:-1])
    return float(text)


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(r"\1", text)
