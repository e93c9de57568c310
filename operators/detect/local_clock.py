"""Local time, for patterns that repeat by the hour of the day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from engine.domain.batch import Int64s
from engine.domain.time_units import NS_PER_SECOND

QUARTER_NS = 900 * NS_PER_SECOND
"""ns: time zones change their offset at quarters of an hour."""
MOST_QUARTERS = 192
"""Of a stretch whose offsets are all looked up; in a longer one, those that events lie in."""
MOST_REMEMBERED = 100_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class LocalClock:
    """The local times of one zone.

    Args:
        zone: its name.
    """

    def __init__(self, zone: str) -> None:
        self._zone = ZoneInfo(zone)
        self._offsets: dict[int, int] = {}

    def show(self, times: Int64s) -> Int64s:
        """Return what a clock shows at each time, as ns since 1970 on that clock.

        It shows an hour twice in autumn, and leaves one out in spring.

        Args:
            times: int64 [n], ns since 1970.
        """
        if not len(times):
            return times
        quarters = times // QUARTER_NS
        first, last = int(quarters.min()), int(quarters.max())
        if last - first < MOST_QUARTERS:
            table = np.array([self._offset(one) for one in range(first, last + 1)])
            return np.asarray(times + table[quarters - first])
        found, places = np.unique(quarters, return_inverse=True)
        table = np.array([self._offset(one) for one in found.tolist()])
        return np.asarray(times + table[places])

    def _offset(self, quarter: int) -> int:
        known = self._offsets.get(quarter)
        if known is None:
            moment = EPOCH + timedelta(minutes=15 * quarter)
            ahead = moment.astimezone(self._zone).utcoffset() or timedelta()
            if len(self._offsets) >= MOST_REMEMBERED:
                self._offsets = {}
            known = self._offsets[quarter] = ahead // timedelta(seconds=1) * NS_PER_SECOND
        return known
