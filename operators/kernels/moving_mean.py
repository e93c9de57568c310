"""A mean that forgets: of the first observations a plain mean, then an exponential one."""

from __future__ import annotations

from operators.kernels.kernel_part import kernel_part


@kernel_part
def newest_weight(events: float, memory_events: float) -> float:
    """Return the weight of the newest observation in the mean.

    Args:
        events: observations, this one included.
        memory_events: observations that the mean rests on in the long run.
    """
    return max(1.0 / events, 1.0 / memory_events)
