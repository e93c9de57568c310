"""Block: the mean of the values of about a minute, of an entity that sends many in a minute.

Level, season, shift and drift are judged and learned by these means, in place of single values:
else the level of a sensor with an event a second would be that of its last half hour, and nothing
slower could be seen. Spikes, bursts and stuck values are judged by each event.

Evidence that one event in n has is n times as rare among events.
"""

from __future__ import annotations

from math import exp
from typing import Any

from operators.detectors.auto.hours import NS_PER_MINUTE
from operators.kernels.kernel_part import kernel_part

KNOWN_EVENTS = 256
"""Events after which the usual gap tells the length of blocks, and between two looks at it."""
MOST_EVENTS = 60_000.0
OTHER_PACE = 16.0
"""How much shorter or longer than a minute blocks become before their length changes: the traffic
of a day and of a night differ less."""
FIELDS = [("sum", "<f8"), ("events", "<u2"), ("blocks", "<u2"), ("judged", "u1")]


@kernel_part
def length(events: int, usual_log_gap: float, known: bool) -> int:
    """Return the events of a block.

    Args:
        events: of a block until now.
        usual_log_gap: logarithm of the usual gap between events in ns.
        known: whether blocks have been of a known length.
    """
    in_a_minute = NS_PER_MINUTE / exp(usual_log_gap)
    if known and 1.0 / OTHER_PACE < in_a_minute / events < OTHER_PACE:
        return events
    return int(min(max(in_a_minute, 1.0), MOST_EVENTS) + 0.5)


@kernel_part
def forget(state: Any) -> None:
    """Start afresh."""
    restart(state)
    state.blocks = 0
    state.judged = 0


@kernel_part
def restart(state: Any) -> None:
    """Begin a block."""
    state.sum = 0.0
    state.events = 0


@kernel_part
def ends(place: int, events: int) -> bool:
    """Return whether the next event ends a block, in which `place` others came before."""
    return place + 1 >= events


@kernel_part
def mean(state: Any, x: float) -> float:
    """Return the mean of a block that ends with a value."""
    return (state.sum + x) / (state.events + 1.0) if state.events > 0 else x


@kernel_part
def learn(state: Any, x: float, ends: bool) -> None:
    """Add a value to the block, and begin another one if it has ended."""
    if ends:
        restart(state)
        state.blocks = min(state.blocks + 1, 65_535)
    else:
        state.sum += x
        state.events += 1
