"""Local times: what clocks of a time zone show, as ns since 1970."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from engine.domain.batch import NO_TIME
from engine.domain.time_units import NS_PER_SECOND

QUARTER_NS = 900 * NS_PER_SECOND
"""ns: time zones change their offset at quarters of an hour."""
STEP_BACK = QUARTER_NS
"""ns by which a clock must go back to count as set back; events are otherwise out of order."""
NEAR_NS = 1_800 * NS_PER_SECOND
"""ns: distance to one of two hours up to which a message's timestamp decides between them."""
MOST_REMEMBERED = 1_000_000
EPOCH = datetime(1970, 1, 1)

OFFSETS = {
    "UTC": 0,
    "GMT": 0,
    "WET": 0,
    "WEST": 1,
    "BST": 1,
    "CET": 1,
    "CEST": 2,
    "MET": 1,
    "MEST": 2,
}
OFFSETS |= {"MEZ": 1, "MESZ": 2, "EET": 2, "EEST": 3, "MSK": 3, "SAST": 2, "WAT": 1, "EAT": 3}
OFFSETS |= {"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7}
OFFSETS |= {"AKST": -9, "AKDT": -8, "HST": -10, "JST": 9, "KST": 9, "HKT": 8, "SGT": 8, "AWST": 8}
OFFSETS |= {"AEST": 10, "AEDT": 11, "NZST": 12, "NZDT": 13}
"""Hours that abbreviations of time zones stand for; those of several zones as in the US."""


class LocalTimes:
    """Reads local times of one zone, in the order in which they come.

    In the hour that comes twice in autumn, the timestamp of the message decides which one is meant,
    where it is near; else the order does: once an entity's clock steps back, it is the second.

    Attributes:
        ambiguous: the first time that came in such an hour, for the log; or an empty text.
    """

    def __init__(self, zone: str) -> None:
        self.name = zone
        self._zone = ZoneInfo(zone)
        self._offsets: dict[int, tuple[int, int]] = {}
        self._last: dict[str, tuple[int, int]] = {}
        self.ambiguous = ""
        self.abbreviations = {"UTC": 0, "GMT": 0} | {
            str(moment.tzname()): (moment.utcoffset() or timedelta()) // timedelta(seconds=1)
            for year in range(2000, 2040)
            for month in (1, 7)
            for moment in [datetime(year, month, 1, tzinfo=self._zone)]
        }

    def utc(self, local: int, entity: str = "", stamp: int = NO_TIME) -> int:
        """Return ns since 1970 of a local time.

        Args:
            local: ns since 1970 if the clock showed UTC.
            entity: whose clock it is.
            stamp: the message's own time.
        """
        first, second = self._of(local)
        if first <= second:
            # Of times that spring leaves out, the clock had not been set yet.
            self._last.pop(entity, None)
            return local - first
        self.ambiguous = self.ambiguous or _shown(local)
        for moment in (local - first, local - second):
            if stamp != NO_TIME and abs(stamp - moment) <= NEAR_NS:
                return moment
        return local - (first, second)[self._order(local, entity)]

    def _order(self, local: int, entity: str) -> int:
        """Return 0 for the first of the two hours, 1 for the second."""
        last, hour = self._last.get(entity, (local, 0))
        if last - local >= STEP_BACK:
            last, hour = local, 1
        if len(self._last) > MOST_REMEMBERED:
            self._last.clear()
        self._last[entity] = max(last, local), hour
        return hour

    def _of(self, local: int) -> tuple[int, int]:
        """Return the offsets, in ns, of a local time: the first and the second time it is shown."""
        quarter = local // QUARTER_NS
        found = self._offsets.get(quarter)
        if found is None:
            if len(self._offsets) > 100_000:
                self._offsets.clear()
            found = self._offsets[quarter] = self._offset(quarter, 0), self._offset(quarter, 1)
        return found

    def _offset(self, quarter: int, fold: int) -> int:
        moment = EPOCH + timedelta(seconds=quarter * (QUARTER_NS // NS_PER_SECOND))
        offset = moment.replace(tzinfo=self._zone, fold=fold).utcoffset() or timedelta()
        return offset // timedelta(microseconds=1) * 1_000


def _shown(local: int) -> str:
    return f"{datetime.fromtimestamp(local / NS_PER_SECOND, UTC):%Y-%m-%d %H:%M}"
