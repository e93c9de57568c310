"""Counts that a worker process reports to its supervisor every second, for people who watch."""

from __future__ import annotations

import time
from collections.abc import Iterable
from threading import Thread
from typing import NamedTuple, Self

from engine.application.telemetry.heartbeat import Heartbeat
from engine.application.telemetry.metrics import Telemetry, value_of

REPORT_SECONDS = 1.0


class LiveCounts(NamedTuple):
    """What a process has done since it started, and what waits.

    Attributes:
        read: messages.
        scored: events.
        rejects: inputs that could not be decoded.
        anomalies: emitted.
        entities: in memory.
        behind: messages not yet read.
    """

    read: int = 0
    scored: int = 0
    rejects: int = 0
    anomalies: int = 0
    entities: int = 0
    behind: int = 0

    @classmethod
    def of(cls, telemetry: Telemetry) -> Self:
        """Return what the metrics of a process say."""
        shown = telemetry
        metrics = (shown.events, shown.scored, shown.rejects, shown.anomalies, shown.entities)
        return cls(*(int(value_of(metric)) for metric in (*metrics, shown.lag)))

    @classmethod
    def sum(cls, several: Iterable[LiveCounts]) -> Self:
        """Return the sums over processes."""
        return cls(*map(sum, zip(cls(), *several, strict=True)))

    @classmethod
    def read_from(cls, line: str) -> Self:
        """Return what `str` wrote."""
        return cls(*map(int, line.split()))

    def __str__(self) -> str:
        return " ".join(map(str, self))


def start_reports(telemetry: Telemetry, heartbeat: Heartbeat) -> None:
    """Report counts every second, in the background, as long as the process lives.

    Args:
        telemetry: the metrics of this process.
        heartbeat: to the supervisor.
    """

    def report() -> None:
        while True:
            heartbeat.report(str(LiveCounts.of(telemetry)))
            time.sleep(REPORT_SECONDS)

    Thread(target=report, name="live counts", daemon=True).start()
