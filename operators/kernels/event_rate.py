"""The rate of events, from the mean of the gaps between them."""

from __future__ import annotations

from engine.domain.time_units import NS_PER_DAY
from operators.kernels.kernel_part import kernel_part
from operators.kernels.moving_mean import newest_weight

SMALLEST_GAP_NS = 1.0
"""ns: bursts of equal times still have a rate."""


@kernel_part
def events_per_day(mean_gap: float) -> float:
    """Return the rate of events from their mean gap in ns."""
    return NS_PER_DAY / max(mean_gap, SMALLEST_GAP_NS)


@kernel_part
def next_mean_gap(mean_gap: float, gap: float, gaps: float, memory_gaps: float) -> float:
    """Return the mean gap with one more gap.

    Args:
        mean_gap: ns, before it.
        gap: ns since the newest event. Where events are out of order it is negative and adds no
            time, but is counted: the mean is the span divided by the number.
        gaps: how many there were, this one included.
        memory_gaps: that the mean rests on in the long run.
    """
    return mean_gap + newest_weight(gaps, memory_gaps) * (max(gap, 0.0) - mean_gap)
