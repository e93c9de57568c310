"""A lease: of several servers of one store, one does some work at a time."""

from __future__ import annotations

import random

from engine.application.control_ports import Store
from engine.domain.time_units import NS_PER_SECOND

LEASE_NS = 30 * NS_PER_SECOND
"""Far more than the clocks of servers differ. A server that is gone is replaced after it."""
PARTITION = "lease"


class Lease:
    """The right to do some work, which one server has at a time.

    It is renewed as it is used. A server that hangs for longer than the lease may believe
    for a moment that it still has it: what it does has to be repeatable.

    Args:
        store: of all servers; has the end of the lease among its positions.
        name: of the work.
    """

    def __init__(self, store: Store, name: str) -> None:
        self._store = store
        self._name = name
        self._until = 0

    def is_ours(self, now: int) -> bool:
        """Take or renew the lease if nobody else has it, at a time in ns; return whether."""
        if now < self._until - LEASE_NS // 2:
            return True
        with self._store.reading() as work:
            found = work.positions.get(self._name).get(PARTITION)
        if found is not None and found != self._until and found > now:
            return False
        # No other server takes it until the same nanosecond.
        until = now + LEASE_NS + random.randrange(NS_PER_SECOND)
        with self._store.writing() as work:
            taken = work.positions.replace(self._name, PARTITION, found, until)
        self._until = until if taken else 0
        return taken

    def release(self) -> None:
        """Let another server take it at once."""
        if self._until:
            with self._store.writing() as work:
                work.positions.replace(self._name, PARTITION, self._until, 0)
        self._until = 0
