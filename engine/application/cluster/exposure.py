"""Exposure: open ports and unencrypted connections, logged at the start of a run."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from engine.application.config.sections import MetricsSpec
from engine.application.config.url import is_loopback
from engine.application.ports import Settings


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that people should know before they go on.

    Attributes:
        level: of the log line.
        text: what it says.
    """

    level: int
    text: str


def notices(
    metrics: MetricsSpec | None, settings: Iterable[tuple[str, Settings | None]] = ()
) -> list[Notice]:
    """Return what to say of the address that a run listens on, and of those that it calls.

    Args:
        metrics: the metrics page; None if there is none.
        settings: of what calls out, each with its place in the pipeline file.
    """
    risks = [
        Notice(logging.WARNING, f"{place}: {risk}")
        for place, part in settings
        if part is not None
        for risk in part.risks()
    ]
    return [*_of_metrics(metrics), *risks]


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
