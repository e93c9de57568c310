"""Units of time: all times and durations are nanoseconds."""

from __future__ import annotations

NS_PER_SECOND = 1_000_000_000
NS_PER_HOUR = 3_600 * NS_PER_SECOND
NS_PER_DAY = 24 * NS_PER_HOUR
SECONDS_PER_DAY = 86_400
NS_PER_UNIT = {"s": NS_PER_SECOND, "ms": 1_000_000, "us": 1_000, "ns": 1}
NS_PER_UNIT |= {"100ns": 100, "d": NS_PER_DAY}
"""By the name of the unit in a pipeline file."""
