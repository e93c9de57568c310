"""Times that name no year, such as those of syslog: Jul  1 09:00:55."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from engine.domain.time_units import NS_PER_DAY, NS_PER_SECOND

LEAP_YEAR = 2000
"""They are read as times of this year, which has a 29th of February."""
AHEAD_NS = NS_PER_DAY
"""ns that a time may be after that of its message: clocks and time zones differ."""
YEARS_BACK = 4
"""To the last 29th of February."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def in_its_year(moment: int, stamp: int) -> int:
    """Return a time of LEAP_YEAR in the last year in which it is not ahead of its message.

    Args:
        moment: ns since 1970, in LEAP_YEAR.
        stamp: of the message, ns since 1970.

    Raises:
        ValueError: there is no such year.
    """
    seconds, rest = divmod(moment, NS_PER_SECOND)
    read = _EPOCH + timedelta(seconds=seconds)
    latest = stamp + AHEAD_NS
    year = (_EPOCH + timedelta(seconds=latest // NS_PER_SECOND)).year
    for back in range(YEARS_BACK + 1):
        try:
            dated = read.replace(year=year - back)
        except ValueError:
            # The 29th of February.
            continue
        found = (dated - _EPOCH) // timedelta(seconds=1) * NS_PER_SECOND + rest
        if found <= latest:
            return found
    raise ValueError(moment)
