"""Fields that can be values: numbers, also as texts, with words for states and gaps."""

from __future__ import annotations

from typing import Any

from engine.domain.path import path_text
from engine.domain.suggestion.fields import NUMBER, Field, is_number, is_number_as_text

GAPS = frozenset({"", "-", "--", "n/a", "na", "nan", "none", "null", "unavailable", "unknown"})
"""Words for what was not measured."""
MANY = 20
"""Events in which a value that can change has probably changed."""
STATES = {"on": 1, "off": 0, "true": 1, "false": 0, "open": 1, "closed": 0, "yes": 1, "no": 0}


def is_value(field: Field) -> bool:
    """Return whether a field can be a value: at least one of what it holds is a number."""
    found = field.found
    if all(_is_reading(value, field.name) for value in found):
        return True
    # One with a point shows that the digits beside it are numbers as well.
    return any(_is_reading(value, field.name) for value in found) and all(
        is_number(value) or (isinstance(value, str) and _is_known(value)) for value in found
    )


def is_constant(field: Field) -> bool:
    """Return whether a field is the same in all of many events."""
    return field.distinct == 1 and len(field.column) >= MANY


def value_spec(field: Field) -> dict[str, Any]:
    """Return a value as in a pipeline file."""
    texts = sorted({value for value in field.found if isinstance(value, str)})
    gaps = [text for text in texts if text.lower() in GAPS]
    states = {text: STATES[text.lower()] for text in texts if text.lower() in STATES}
    return {
        "path": path_text(field.path),
        **({} if field.is_always_there else {"optional": True}),
        **({"as": "number"} if texts else {}),
        **({"missing": gaps} if gaps else {}),
        **({"map": states} if states else {}),
    }


def _is_reading(value: Any, name: str) -> bool:
    return is_number(value) or is_number_as_text(value, name)


def _is_known(text: str) -> bool:
    return NUMBER.fullmatch(text) is not None or text.lower() in GAPS or text.lower() in STATES
