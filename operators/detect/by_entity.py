"""An order of events that groups them by entity.

What detectors and calibrators know of an entity is kilobytes that no cache holds for all entities.
In this order it is read from memory once a batch, not once an event. Results are the same bit by
bit: an entity's depend on its own events alone, whose order does not change.
"""

from __future__ import annotations

import numpy as np

from engine.domain.batch import Int32s, Int64s

SLOTS = 2**16
"""Numbers of sixteen bits are sorted by counting."""


def by_entity(slots: Int32s) -> Int64s | None:
    """Return the rows in this order; None if it does not pay.

    Args:
        slots: int32 [n], of each event's entity.
    """
    if len(slots) < 2 or int(slots.max()) >= min(SLOTS, len(slots)):
        return None
    return np.argsort(slots.astype(np.uint16), kind="stable")
