"""Reading: functions from decoded messages to the column of values at a path."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from itertools import islice
from typing import Any

from engine.domain.path import Base64Text, JsonText, Named, OneOf, Path, Step, Tagged, path_text
from operators.decode.columns import Table
from operators.decode.message_type import field_name
from operators.decode.path_steps import (
    MISPLACED,
    found_by,
    named,
    nothing,
    one_of,
    parsed,
    tagged,
    unpacked,
)

Column = Any
"""The values at a path of each message: a list, or an array of numbers."""
Read = Callable[[list[Any] | Table], Column]


class MissingError(Exception):
    """Nothing is at a path; the message is the part of the path that exists, and the next step."""


class MisplacedError(Exception):
    """A step of a path does not fit what is there; the message says so."""


def reader(path: Path, attributes: int = 0) -> Read:
    """Return a function from decoded messages to the column of values at a path.

    None stands for a value that is absent or null, also at a step before the last; MISPLACED for a
    value below something without fields or elements.

    Args:
        path: the path.
        attributes: number of its first steps that are attributes of structures; the others are
            keys of dictionaries and indices of lists.
    """
    expression = "m"
    for number, step in enumerate(path):
        if number >= attributes:
            expression = _inner(expression, f"v{number}", step)
        elif number:
            found = f"(v{number} := {expression})"
            expression = f"(v{number}.{field_name(str(step))} if {found} is not None else None)"
        else:
            expression = f"m.{field_name(str(step))}"
    # The names come from field_name and repr: no text of the pipeline file is executed.
    names = {
        "nothing": nothing,
        "named": named,
        "tagged": tagged,
        "one_of": one_of,
        "parsed": parsed,
        "unpacked": unpacked,
    }
    read_each = eval(f"lambda messages: [{expression} for m in messages]", names)

    def read(messages: list[Any] | Table) -> Column:
        return messages.columns[path] if isinstance(messages, Table) else read_each(messages)

    return read


def look_up(document: Any, path: Path) -> Any:
    """Return the value at a path of one document.

    Raises:
        MissingError: nothing is there.
        MisplacedError: a step does not fit what is there.
    """
    for depth, step in enumerate(path):
        where = path_text(path[: depth + 1])
        if document is None:
            raise MissingError(where)
        fits, expected = _expected(step)
        if not isinstance(document, fits) and not _has_names(document, step):
            before = path_text(path[:depth])
            hint = ""
            if isinstance(document, list) and before and document:
                hint = f": set event.explode: {before}, or read one element, {before}[0]"
            found = f"{before or 'the payload'} is {quote(document)}, expected {expected}"
            raise MisplacedError(found + hint)
        document = _step(document, step, where)
    return document


def quote(found: object) -> str:
    """Return what was found as text, cut to the length that fits into a sentence."""
    try:
        text = repr(found)
    except ValueError:
        return "an integer of thousands of digits"
    return text if len(text) <= LONGEST_QUOTE_CHARS else text[:LONGEST_QUOTE_CHARS] + "..."


def other_name(document: Any, path: Path) -> str:
    """Return a hint if a path is cut at dots that belong to a name, or a name is nearly right."""
    for start, step in enumerate(path):
        if not isinstance(document, dict) or not isinstance(step, str):
            return ""
        for end in range(len(path), start + 1, -1):
            name = ".".join(map(str, path[start:end]))
            if name in document:
                return f'; a field is called {name}: write ["{name}"]'
        if step not in document:
            if start == 0 and step == "$":
                return "; paths begin with the name of a field, without $"
            return _near(step, document) or _below(path[:start], path[-1], document)
        document = document[step]
    return ""


def _near(name: str, document: dict[str, Any]) -> str:
    names = list(islice(map(str, document), MOST_NAMES))
    same = [other for other in names if other.lower() == name.lower()]
    found = same or get_close_matches(name, names, 1, 0.75)
    return f'; a field is called "{found[0][:LONGEST_QUOTE_CHARS]}"' if found else ""


def _below(before: Path, name: Step, document: dict[str, Any]) -> str:
    """Return a hint at a field of this name one step further in, or at the fields there are."""
    for outer, inner in islice(document.items(), MOST_NAMES):
        if isinstance(inner, dict) and name in inner:
            return f"; there is {path_text((*before, str(outer), name))[:LONGEST_QUOTE_CHARS]}"
    names = [str(one)[:LONGEST_NAME_CHARS] for one in islice(document, MOST_LISTED)]
    more = ", ..." if len(document) > MOST_LISTED else ""
    return f"; the fields are {', '.join(names)}{more}" if names else ""


MOST_LISTED, LONGEST_NAME_CHARS = 8, 30
"""Names of fields that a sentence lists, and their letters."""
MOST_NAMES = 50
"""Fields of a message that are compared with a name that is not among them."""
LONGEST_QUOTE_CHARS = 80


def _expected(step: Step) -> tuple[tuple[type, ...], str]:
    if isinstance(step, (int, Named, Tagged)):
        return (list,), "an array"
    if isinstance(step, JsonText):
        return (str, dict, list), "JSON as text"
    if isinstance(step, Base64Text):
        return (str, dict, list), "a text in base64"
    return (dict,), "an object"


def _has_names(document: Any, step: Step) -> bool:
    """Return whether a step by name leads to a place of the arrays of an object."""
    if not isinstance(document, dict) or not isinstance(step, Named):
        return False
    return isinstance(document.get(step.field), list)


def _step(document: Any, step: Step, where: str) -> Any:
    if isinstance(step, (Named, Tagged, OneOf)):
        found = found_by(document, step)
        if found is None:
            raise MissingError(where)
        return found
    if isinstance(step, (JsonText, Base64Text)):
        is_json = isinstance(step, JsonText)
        found = parsed(document) if is_json else unpacked(document)
        if found is MISPLACED:
            expected = "not JSON" if is_json else "not base64 text"
            raise MisplacedError(f"{where} cannot be read: {quote(document)} is {expected}")
        return found
    try:
        return document[step]
    except (KeyError, IndexError):
        raise MissingError(where) from None


def _inner(expression: str, name: str, step: Step) -> str:
    """Return the expression for a step below another, whose value may be of any type."""
    if isinstance(step, Named):
        return f"named({expression}, {step.field!r}, {step.text!r})"
    if isinstance(step, Tagged):
        return f"tagged({expression}, {step.tag!r})"
    if isinstance(step, OneOf):
        return f"one_of({expression}, {step.fields!r})"
    if isinstance(step, JsonText):
        return f"parsed({expression})"
    if isinstance(step, Base64Text):
        return f"unpacked({expression})"
    if isinstance(step, int):
        kind, reach = "list", f"({name}[{step}] if len({name}) > {step} else None)"
    else:
        kind, reach = "dict", f"{name}.get({step!r})"
    return f"({reach} if type({name} := {expression}) is {kind} else nothing({name}))"
