"""Numbers that say something of an entity, or count its messages: not its values."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from engine.domain.suggestion.fields import Field
from engine.domain.suggestion.names import NUMBERED

LEAST_EVENTS = 4
"""Of each entity, on average, that tell whether a number changes."""
MANY = 8
"""Events in which a number would hardly be one more each by chance."""


def is_of_entity(field: Field, entities: Sequence[object]) -> bool:
    """Return whether each entity has one integer, and not all the same: such as an address."""
    found = [(entity, one) for entity, one in zip(entities, field.column, strict=True)]
    numbers = [one for _, one in found if one is not None]
    count = len(set(entities))
    if count < 2 or len(found) < LEAST_EVENTS * count or not all(map(is_integer, numbers)):
        return False
    return field.is_always_there and field.distinct > 1 and len(set(found)) == count


def numbers_messages(field: Field, entities: Sequence[object]) -> bool:
    """Return whether a number is one more in each event than in the one before.

    Or in that of its entity; where its name says that it is a number of runs, several events may
    have the same.
    """
    column = field.column
    if len(column) < MANY or not all(map(is_integer, column)):
        return False
    if all(step == 1 for step in _steps(column, [()] * len(column))):
        return True
    steps = list(_steps(column, entities))
    is_numbered = NUMBERED.search(field.name) is not None
    taken = {0, 1} if is_numbered else {1}
    return len(steps) >= MANY and {*steps} <= taken and 1 in steps


def _steps(column: Sequence[int], entities: Sequence[object]) -> Iterator[int]:
    """Yield how much more each number is than the one before of its entity."""
    rows = sorted(range(len(column)), key=lambda row: str(entities[row]))
    for one, other in itertools.pairwise(rows):
        if entities[one] == entities[other]:
            yield column[other] - column[one]


def is_integer(value: object) -> bool:
    """Return whether a value is a whole number."""
    return isinstance(value, int) and not isinstance(value, bool)
