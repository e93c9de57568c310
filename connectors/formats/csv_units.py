"""Rows of units below the header of CSV, as data loggers write them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

MOST_ROWS, SHARE = 3, 0.9
_NUMBER = re.compile(r"\s*[+-]?[.,]?[0-9]")
_IN_BRACKETS = re.compile(r"\s*(?:\([^()]*\)|\[[^\[\]]*\])\s*")
_TIME = re.compile(
    r"\s*(?:[0-9]{1,4}[-/:][0-9]|[0-9]{1,2}\.[0-9]{1,2}\."
    r"|(?:19|20)[0-9]{6}|1[0-9]{9}(?:[0-9]{3}){0,3}(?:\s|\.|$))"
)
"""What dates, times of day, times in digits and seconds, ms, us or ns since 1970 begin like."""


def rows_of_units(rows: Sequence[Sequence[str]]) -> int:
    """Return how many of the first rows say what the columns are, and nothing that was measured.

    They have no number in any cell, and no time where the rows after them have one: a row without
    its time could not become an event. Or all of their cells are in brackets: (ms),(V).

    Args:
        rows: below the header, blank ones left out.
    """
    if rows and any(rows[0]) and all(map(_IN_BRACKETS.fullmatch, filter(None, rows[0]))):
        return 1
    count = 0
    while count < min(MOST_ROWS, len(rows)) and not any(map(_NUMBER.match, rows[count])):
        count += 1
    data = rows[count:]
    if not count or not data:
        return 0
    counts = Counter(place for row in data for place, cell in enumerate(row) if _TIME.match(cell))
    # A file may have a line of another kind at its end.
    return count if max(counts.values(), default=0) >= SHARE * len(data) else 0
