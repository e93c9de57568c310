"""Open incidents whose alerts were sent: Alertmanager keeps alerts in memory, and may restart."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

import orjson

from connectors.alertmanager.waiting import partition_of
from engine.domain.record import Record

AGAIN_SECONDS = 60.0
"""Between repeats, as those of Prometheus."""
MOST_SENT = 1_000
"""Incidents that are sent again; beyond, the one without a message for longest is not."""


class SentIncidents:
    """The newest event of each open incident.

    Args:
        partitions: returns the names of those that this process has; another one sends the
            incidents of the others.
        every: seconds between repeats.
    """

    def __init__(
        self, partitions: Callable[[], Collection[str]], every: float = AGAIN_SECONDS
    ) -> None:
        self._partitions = partitions
        self._every = every
        self._sent: dict[str, tuple[str, Record]] = {}
        self._due = time.monotonic() + every

    def note(self, record: Record) -> None:
        """Note an event that is sent now."""
        event = orjson.loads(record.value or b"{}")
        self._sent.pop(event["id"], None)
        if event["state"] == "open":
            self._sent[event["id"]] = partition_of(event), record
            if len(self._sent) > MOST_SENT:
                del self._sent[next(iter(self._sent))]

    def take_due(self) -> list[Record]:
        """Return what is to be sent again."""
        names = self._partitions()
        self._sent = {key: one for key, one in self._sent.items() if one[0] in names}
        if time.monotonic() < self._due:
            return []
        self._due = time.monotonic() + self._every
        return [record for _, record in self._sent.values()]
