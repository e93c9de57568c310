"""Idle entities, which are forgotten after a long time without events.

How long an entity is idle is how far event time came in its task without it, long steps cut short:
a pause of all makes no entity idle. Entities are forgotten at ticks of that time, eight in the
span, so at the same events however the stream is cut into batches.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engine.domain.batch import Int32s, Int64s
from operators.kernels.record_bank import RecordBank

RECORD = np.dtype([("seen", "<i8")])
"""How far event time had come with the newest event, and one more; 0 if there is no entity."""
TICKS = 8
"""Looks at all entities in the time after which one is forgotten."""


class Gone(NamedTuple):
    """Entities that are forgotten before an event.

    Attributes:
        row: the event.
        slots: int32, of the entities, in order.
        silences: int64, ns without an event of each.
    """

    row: int
    slots: Int32s
    silences: Int64s


class IdleWatch(RecordBank):
    """Notes when the entities of a task sent last.

    Args:
        capacity: the number of slots.
        after: ns after which an entity is forgotten.
    """

    def __init__(self, capacity: int, after: int) -> None:
        super().__init__(capacity, RECORD)
        self._after = after
        self._tick = max(after // TICKS, 1)

    def observe(self, slots: Int32s, busy: Int64s, before: int) -> list[Gone]:
        """Note events; return who is forgotten at which of them.

        Args:
            slots: int32 [n], the slot of each event's entity.
            busy: int64 [n], how far event time had come with each, long steps cut short.
            before: how far it had come before the first.
        """
        ticks = busy // self._tick
        changes = np.flatnonzero(np.diff(ticks, prepend=before // self._tick))
        found: list[Gone] = []
        start = 0
        for row in changes.tolist():
            self._mark_seen(slots[start:row], busy[start:row])
            if len(gone := self._idle(int(busy[row]))):
                silences = busy[row] + 1 - self.records["seen"][gone]
                found.append(Gone(row, gone, silences))
                self.reset(gone)
            start = row
        self._mark_seen(slots[start:], busy[start:])
        return found

    def set_seen(self, count: int, busy: int) -> None:
        """Treat the first `count` slots as active now, because their times are unknown."""
        self.records["seen"][:count] = busy + 1

    def _mark_seen(self, slots: Int32s, busy: Int64s) -> None:
        # Of several events of an entity the last one counts, which is the newest.
        self.records["seen"][slots] = busy + 1

    def _idle(self, now: int) -> Int32s:
        seen = self.records["seen"]
        return np.flatnonzero((seen > 0) & (seen <= now + 1 - self._after)).astype(np.int32)
