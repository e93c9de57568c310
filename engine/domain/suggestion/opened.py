"""What lies within texts and rows of messages, as objects: JSON, rows, named values.

An object here may have steps of a path for names: `{"log": {JsonText(): {"took": 3}}}` is what
`log | json.took` reads, `{"points": [{0: 1704067200, 1: 0.7}]}` what `points[1]` reads, and
`{"columns": {Named("name", "v"): {"value": 3}}}` what `columns[name=v].value` reads.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from typing import Any

from engine.domain.path import EACH, Base64Text, JsonText, Named
from engine.domain.suggestion.fields import NUMBER, is_number, is_writable
from engine.domain.suggestion.names_beside import named_by_beside
from engine.domain.suggestion.times import is_time_of_values

DEEPEST = 32
LONGEST_TUPLE = 8
"""Places of an array that is one message, such as a call: [2, "19", "MeterValues", {...}]."""
BEGINNINGS = ("ey", "ew")
"""Of the base64 of an object in JSON."""
NAMED = ("name", "value")
"""Fields of the elements of an array of named values, such as the columns of a row."""
JSON, BASE64 = JsonText(), Base64Text()


def opened(node: Any, depth: int = 0) -> Any:
    """Return a message with its texts of JSON, and its rows with a time, as objects."""
    if depth > DEEPEST:
        return node
    if isinstance(node, str):
        return _opened_text(node, depth)
    if isinstance(node, Mapping):
        # No path can name a field that is called so.
        found = {name: opened(inner, depth + 1) for name, inner in node.items() if name != EACH}
        return {**found, **named_by_beside(node)}
    if not isinstance(node, list):
        return node
    if _is_row(node):
        return _opened_row(node, depth)
    if _is_tuple(node):
        # Numbers among its texts say what kind of call it is.
        row = _opened_row(node, depth)
        return {place: one for place, one in row.items() if not isinstance(one, (int, float))}
    if named := _named(node):
        return {step: opened(one, depth + 1) for step, one in named.items()}
    rows = _has_rows(node)
    return [_opened_row(one, depth) if rows else opened(one, depth + 1) for one in node]


def _named(node: Sequence[Any]) -> dict[Named, Any]:
    """Return the elements of an array of named values by their names; none if it is another one.

    Numbers and other texts are among the values, as in the columns of a row: one event together.
    """
    if len(node) < 2 or not all(isinstance(one, Mapping) and {*NAMED} <= {*one} for one in node):
        return {}
    names, values = ([one[part] for one in node] for part in NAMED)
    are_names = all(isinstance(name, str) and is_writable(name) for name in names)
    if not are_names or len(set(names)) < len(names) or _are_containers(values):
        return {}
    texts = [value for value in values if isinstance(value, str) and not NUMBER.fullmatch(value)]
    is_mixed = bool(texts) and any(map(is_number, values))
    # What else an element has, such as its type, is the same in each message.
    found = zip(names, values, strict=True)
    return {Named(NAMED[0], name): {NAMED[1]: one} for name, one in found} if is_mixed else {}


def _opened_text(text: str, depth: int) -> Any:
    if text.lstrip()[:1] == "{":
        found = _object(text)
        return text if found is None else {JSON: opened(found, depth + 1)}
    if text.startswith(BEGINNINGS):
        try:
            found = _object(base64.b64decode(text, validate=True))
        except (binascii.Error, ValueError):
            return text
        return text if found is None else {BASE64: {JSON: opened(found, depth + 1)}}
    return text


def _object(text: str | bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _opened_row(row: Sequence[Any], depth: int) -> dict[int, Any]:
    return {place: opened(value, depth + 1) for place, value in enumerate(row)}


def _is_row(node: Sequence[Any]) -> bool:
    """Return whether an array is a time and its value, as Prometheus writes them."""
    return len(node) == 2 and not _are_containers(node) and _is_time(node[0]) > _is_time(node[1])


def _is_tuple(node: Sequence[Any]) -> bool:
    """Return whether an array has an object at one place and a text or number at others."""
    objects = sum(isinstance(value, Mapping) for value in node)
    lists = sum(isinstance(value, list) for value in node)
    return objects == 1 < len(node) <= LONGEST_TUPLE and lists == 0


def _has_rows(node: Sequence[Any]) -> bool:
    """Return whether an array is one of rows of equal lengths, with times in a column."""
    if not node or not all(isinstance(row, list) and not _are_containers(row) for row in node):
        return False
    if len(node[0]) < 2 or len({len(row) for row in node}) > 1:
        return False
    columns = list(zip(*node, strict=True))
    times = [column for column in columns if None not in column and is_time_of_values(column)]
    return 0 < len(times) < len(columns)


def _is_time(value: Any) -> bool:
    return value is not None and not isinstance(value, bool) and is_time_of_values([value])


def _are_containers(row: Sequence[Any]) -> bool:
    return any(isinstance(value, (list, Mapping)) for value in row)
