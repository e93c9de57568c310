"""Waiting for what a pipeline has still to do: for as long as it makes progress."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from tests.chaos.reader import Monitor
from tests.chaos.stall import StalledError, backlog

STILL_SECONDS = 600.0
"""Without any progress for so long it is given up. A slow machine is no reason to give up."""


def wait_for(
    monitor: Monitor,
    ends: Mapping[int, int],
    ensure: Callable[[], None],
    logs: Callable[[], str],
) -> None:
    """Wait until all input before `ends` is accounted for in what readers see.

    Args:
        monitor: of the outputs.
        ends: offset behind the last input, of each partition.
        ensure: is called again and again; starts what has ended.
        logs: what the instances said last.

    Raises:
        StalledError: nothing more was accounted for in `STILL_SECONDS`.
    """
    seen, since = -1, time.monotonic()
    while any(monitor.behind.get(partition, 0) < end for partition, end in ends.items()):
        now, accounted = time.monotonic(), monitor.accounted()
        if accounted > seen:
            seen, since = accounted, now
        elif now - since > STILL_SECONDS:
            raise StalledError(f"{backlog(monitor.behind, ends)}\n{logs()}")
        ensure()
        time.sleep(0.02)
