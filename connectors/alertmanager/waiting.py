"""Open incidents that are not alerts yet, because the stream is far behind the clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import orjson

from engine.domain.record import Record
from engine.domain.time_units import NS_PER_SECOND

MOST_WAITING = 1_000
"""Incidents that wait at a time; beyond, the one that has waited longest is dropped."""
Lags = Callable[[], Mapping[str, float]]
"""Returns how many seconds the event time of each partition is behind the clock, by its name."""


class WaitingIncidents:
    """Open incidents of partitions that are behind, as after an outage of the pipeline.

    Only the rest of a backlog shows whether an incident in it is over. Whichever is still open when
    its partition has come near to the clock is an alert from then on.

    Args:
        longest: seconds up to which an event, or a partition, is not behind.
        lags: of the partitions of this process.
    """

    def __init__(self, longest: float, lags: Lags) -> None:
        self._longest = longest
        self._lags = lags
        self._waiting: dict[str, tuple[str, Record]] = {}

    def keeps(self, record: Record) -> bool:
        """Keep the newest event of an incident that has to wait; return whether it does.

        Args:
            record: an event of an incident.
        """
        event: dict[str, Any] = orjson.loads(record.value or b"{}")
        partition = partition_of(event)
        self._waiting.pop(event["id"], None)
        is_old = (time.time_ns() - int(event["time_ns"])) / NS_PER_SECOND > self._longest
        if event["state"] != "open" or not is_old or self._is_near(partition, self._lags()):
            return False
        self._waiting[event["id"]] = partition, record
        if len(self._waiting) > MOST_WAITING:
            del self._waiting[next(iter(self._waiting))]
        return True

    def take_due(self) -> list[Record]:
        """Return the incidents that need not wait any more."""
        if not self._waiting:
            return []
        lags = self._lags()
        due = [key for key, (name, _) in self._waiting.items() if self._is_near(name, lags)]
        return [self._waiting.pop(key)[1] for key in due]

    def dump(self) -> list[str] | None:
        """Return what waits, of the partitions of this process; None if nothing does."""
        names = self._lags()
        kept = [
            (record.value or b"").decode()
            for name, record in self._waiting.values()
            if name in names or not names
        ]
        return kept or None

    def load(self, stored: Iterable[Sequence[str]]) -> None:
        """Restore what `dump` returned in the processes that had the partitions before."""
        for value in (value for values in stored for value in values):
            event = orjson.loads(value)
            name, key = partition_of(event), event["id"].encode()
            record = Record(key, value.encode(), (), event["time_ns"], event["event_id"])
            self._waiting[event["id"]] = name, record

    def _is_near(self, partition: str, lags: Mapping[str, float]) -> bool:
        return lags.get(partition, float("inf")) <= self._longest


def partition_of(event: Mapping[str, Any]) -> str:
    """Return the name of the partition that an incident is of."""
    return str(event["last_origin"]["partition"])
