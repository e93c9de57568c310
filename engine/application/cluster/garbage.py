"""The cyclic garbage collector of a process that reads events: it looks seldom."""

from __future__ import annotations

import gc

NEW_OBJECTS = 250_000
"""Objects that may be new before they are searched for cycles. A client's messages are objects
that the collector follows, tens of thousands at a time, and free of cycles: at Python's threshold
of 700 it looked through each several times, which took 60 ns an event."""


def collect_rarely() -> None:
    """Keep what is there out of all later looks, and look at what is new seldom.

    Looking through what was there at the start would stop the stream for 0.1 s.
    """
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS)
