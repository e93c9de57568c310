"""Fields that can be values: numbers, also as texts or with units, with words beside them."""

from __future__ import annotations

from typing import Any

from engine.domain.path import path_text
from engine.domain.suggestion.fields import NUMBER, Field, is_number, is_number_as_text
from engine.domain.suggestion.names import ENTITY
from engine.domain.suggestion.quantities import unit_of

GAPS = frozenset({"", "-", "--", "n/a", "na", "nan", "none", "null", "unavailable", "unknown"})
"""Words for what was not measured."""
MOST_WORDS, LONGEST_WORD = 5, 40
"""Of words that may stand for a gap because they are among numbers; and their letters."""
MANY = 20
"""Events in which a value that can change has probably changed."""
STATES = {"on": 1, "off": 0, "true": 1, "false": 0, "open": 1, "closed": 0, "yes": 1, "no": 0}


def is_value(field: Field) -> bool:
    """Return whether a field can be a value: at least one of what it holds is a number."""
    found = field.found
    if all(_is_reading(value, field.name) for value in found) or _unit_of(field):
        return True
    # One with a point shows that the digits beside it are numbers as well.
    return any(_is_reading(value, field.name) for value in found) and all(
        isinstance(value, (int, float)) or (isinstance(value, str) and _is_known(value))
        for value in found
        if value not in words_of(field)
    )


def is_text_value(field: Field) -> bool:
    """Return whether a field is a value whose numbers are texts: it names nothing."""
    return any(isinstance(value, str) for value in field.found) and is_value(field)


def is_digits(field: Field) -> bool:
    """Return whether a field is texts of digits, which may be numbers if nothing else is."""
    texts = [value for value in field.found if isinstance(value, str)]
    is_number_text = all(NUMBER.fullmatch(text) and text.lstrip("-+") != "" for text in texts)
    has_zeros = any(len(text) > 1 and text[0] == "0" and text[1] != "." for text in texts)
    return is_number_text and len(texts) == len(field.found) > 0 and not has_zeros


def words_of(field: Field) -> list[str]:
    """Return the words among the numbers of a field that say why there is none, such as timeout.

    None if they are many, or if most of what the field holds are words.
    """
    numbers = sum(is_number(value) for value in field.found)
    if 2 * numbers < len(field.found):
        return []
    texts = {value for value in field.found if isinstance(value, str) and not _is_known(value)}
    are_few = len(texts) <= MOST_WORDS and all(len(text) <= LONGEST_WORD for text in texts)
    return sorted(texts) if are_few else []


def is_constant(field: Field) -> bool:
    """Return whether a field is the same in all of many events."""
    return field.distinct == 1 and len(field.column) >= MANY


def value_spec(field: Field) -> dict[str, Any]:
    """Return a value as in a pipeline file."""
    texts = sorted({value for value in field.found if isinstance(value, str)})
    unit = _unit_of(field)
    words = words_of(field)
    gaps = [text for text in texts if text.lower() in GAPS or text in words]
    states = {text: STATES[text.lower()] for text in texts if text.lower() in STATES}
    return {
        "path": path_text(field.path),
        **({} if field.is_always_there else {"optional": True}),
        **({"as": "number"} if texts and unit is None else {}),
        **({"as": "quantity", "unit": unit} if unit else {}),
        **({"missing": gaps} if gaps else {}),
        **({"map": states} if states else {}),
    }


def _unit_of(field: Field) -> str | None:
    return None if ENTITY.search(field.name) else unit_of(field.found)


def _is_reading(value: Any, name: str) -> bool:
    return is_number(value) or is_number_as_text(value, name)


def _is_known(text: str) -> bool:
    return NUMBER.fullmatch(text) is not None or text.lower() in GAPS or text.lower() in STATES
