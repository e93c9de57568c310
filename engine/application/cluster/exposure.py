"""Exposure: open ports and unencrypted connections, logged at the start of a run."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from engine.application.config.pipeline_file import PipelineFile
from engine.application.config.sections import MetricsSpec
from engine.application.config.url import is_loopback
from engine.application.ports import Settings
from engine.domain.mapping import MessageKey


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that people should know before they go on.

    Attributes:
        level: of the log line.
        text: what it says.
    """

    level: int
    text: str


def exposure(file: PipelineFile) -> list[Notice]:
    """Return what to say of the address that a run listens on, and of those that it calls."""
    return notices(file.metrics, _risks(file))


def notices(
    metrics: MetricsSpec | None, risks: Iterable[tuple[str, Sequence[str]]] = ()
) -> list[Notice]:
    """Return what to say of the metrics page and of risks, each once.

    Args:
        metrics: the metrics page; None if there is none.
        risks: of what calls out, with its place in the pipeline file.
    """
    places: dict[str, list[str]] = {}
    for place, found in risks:
        for risk in found:
            places.setdefault(risk, []).append(place)
    warnings = [
        Notice(logging.WARNING, f"{', '.join(where)}: {risk}") for risk, where in places.items()
    ]
    return [*_of_metrics(metrics), *warnings]


def _risks(file: PipelineFile) -> Iterator[tuple[str, Sequence[str]]]:
    for place, settings in _callers(file):
        if settings is not None:
            yield place, settings.risks()
    for part in file.event.key:
        if isinstance(part, MessageKey):
            yield "event.key", part.risks


def _callers(file: PipelineFile) -> Iterator[tuple[str, Settings | None]]:
    """Yield the settings of what calls out, with their places in the pipeline file."""
    yield f"source.{file.source.kind}", file.source.settings
    if file.event.format is not None:
        yield "event.format", file.event.format.settings
    for place, choice in (("state.kafka", file.state.kafka), ("control.kafka", file.control.kafka)):
        if choice is not None:
            yield place, choice.settings
    for sink in file.sinks.chosen():
        yield f"sinks.{sink.place}.{sink.choice.kind}", sink.choice.settings
    for number, silence in enumerate(file.silences):
        yield f"silences[{number}].calendar", silence.calendar
    yield "tracing", file.tracing


def _of_metrics(metrics: MetricsSpec | None) -> list[Notice]:
    if metrics is None or is_loopback(metrics.host):
        return []
    if metrics.basic_auth is None:
        text = f"whoever reaches {metrics.host} sees the metrics; metrics.basic_auth can ask who"
        return [Notice(logging.INFO, text)]
    if metrics.tls is None:
        text = "the metrics page's password is sent in the clear: metrics.tls encrypts it"
        return [Notice(logging.WARNING, text)]
    return []
