"""The progress of a run in the log: a line a minute, and a summary at its end."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from threading import Event, Thread

from prometheus_client.metrics import MetricWrapperBase

from engine.application.telemetry.metrics import Telemetry, value_of
from engine.domain.alert_promise import AlertPromise

logger = logging.getLogger("pynomaly.progress")

MINUTE_SECONDS, DAY_SECONDS = 60.0, 86_400.0
EVENT_EACH_NS = 1e9
"""Events a second, from which on event times are equal and show no rate."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What a process has done since it started."""

    read: int
    scored: int
    warming: int
    rejects: int
    anomalies: int

    def since(self, earlier: Counts) -> Counts:
        """Return what was done since earlier counts."""
        return Counts(
            self.read - earlier.read,
            self.scored - earlier.scored,
            self.warming - earlier.warming,
            self.rejects - earlier.rejects,
            self.anomalies - earlier.anomalies,
        )

    def __str__(self) -> str:
        parts = [
            f"{self.read:,} messages read",
            f"{self.scored:,} events scored",
            f"{self.warming:,} while entities warmed up",
            f"{self.rejects:,} rejected",
            f"{self.anomalies:,} anomalies",
        ]
        return ", ".join(parts)


NONE = Counts(0, 0, 0, 0, 0)


def counts_of(telemetry: Telemetry) -> Counts:
    """Return what the metrics of a process say that it has done."""
    return Counts(
        _total(telemetry.events),
        _total(telemetry.scored),
        _total(telemetry.warming),
        _total(telemetry.rejects),
        _total(telemetry.anomalies),
    )


class ProgressLog:
    """Writes a line each minute, from a thread of its own.

    Args:
        telemetry: the metrics of this process.
        promise: of the alert policy.
        seconds: between lines.
    """

    def __init__(
        self, telemetry: Telemetry, promise: AlertPromise, seconds: float = MINUTE_SECONDS
    ) -> None:
        self._telemetry = telemetry
        self._promise = promise
        self._seconds = seconds
        self._began = time.monotonic()
        self._ended = Event()
        self._thread = Thread(target=self._run, name="progress", daemon=True)
        self._thread.start()

    def end(self, how: str) -> None:
        """Stop, and write the summary.

        Args:
            how: why the run ended.
        """
        self._ended.set()
        self._thread.join()
        seconds = time.monotonic() - self._began
        rate = counts_of(self._telemetry).read / max(seconds, 1e-3)
        logger.info(
            "%s: %s in %s, %s messages/s; %s",
            how,
            counts_of(self._telemetry),
            _duration(seconds),
            f"{rate:,.0f}",
            self._promise.kept(_total(self._telemetry.emitted), value_of(self._telemetry.expected)),
        )

    def _run(self) -> None:
        earlier = NONE
        while not self._ended.wait(self._seconds):
            now = counts_of(self._telemetry)
            logger.info(
                "in the last %s: %s; %s messages behind; %s",
                _duration(self._seconds),
                now.since(earlier),
                f"{_total(self._telemetry.lag):,}",
                budget_of(self._telemetry, self._promise),
            )
            earlier = now


def budget_of(telemetry: Telemetry, promise: AlertPromise) -> str:
    """Return what the alert policy means for the stream as it is now."""
    entities = _total(telemetry.entities)
    rate = value_of(telemetry.event_rate)
    if entities == 0 or rate <= 0:
        return f"{entities:,} entities, whose rates of events are not known yet"
    if rate >= EVENT_EACH_NS:
        return (
            f"{entities:,} entities, whose rates of events are not known: event times are equal. "
            "Nothing alerts until they differ; check event.time"
        )
    # While all entities warm up there is no threshold in force: say what it will be.
    return promise.in_force(entities, rate * DAY_SECONDS, telemetry.mean_threshold() or None)


def _total(metric: MetricWrapperBase) -> int:
    return int(value_of(metric))


def _duration(seconds: float) -> str:
    if seconds < MINUTE_SECONDS:
        return f"{seconds:.1f} s"
    hours, rest = divmod(int(seconds), 3_600)
    minutes, left = divmod(rest, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {left} s" if left else f"{minutes} min"
