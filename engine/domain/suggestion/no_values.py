"""Numbers that are not values by their names: ids, times, the status of an answer."""

from __future__ import annotations

import itertools

from engine.domain.suggestion.fields import Field, is_number, is_number_as_text
from engine.domain.suggestion.names import CALENDAR, DURATION, is_counted, is_time
from engine.domain.suggestion.readings import is_value
from engine.domain.suggestion.times import is_time_of_values

LEAST_TIME = 10**7
"""Less than any time in seconds since 1970 that occurs."""


def names_something(field: Field) -> bool:
    """Return whether a field of numbers is something other than a value."""
    if _is_status(field) or (is_counted(field.name) and not _is_since(field)):
        return True
    return is_time(field.name) and not _is_duration(field)


def _is_since(field: Field) -> bool:
    """Return whether a field is an amount since a day or hour began: its numbers have parts."""
    has_parts = any(isinstance(value, float) and value % 1 for value in field.found)
    return has_parts and CALENDAR.search(field.name) is not None


def _is_duration(field: Field) -> bool:
    """Return whether a field is how long something took: no date, and not ever later."""
    if not DURATION.search(field.name) or not is_value(field):
        return False
    found = [float(one) for one in field.found if is_number(one) or is_number_as_text(one)]
    falls = any(later < earlier for earlier, later in itertools.pairwise(found))
    return falls and (max(found) < LEAST_TIME or not is_time_of_values(found))


def _is_status(field: Field) -> bool:
    """Return whether a field is the status of an answer of HTTP."""
    is_named = field.name.lower().replace("-", "_").endswith(("status", "status_code"))
    found = field.found
    return is_named and all(is_number(value) and 100 <= value <= 599 for value in found)
