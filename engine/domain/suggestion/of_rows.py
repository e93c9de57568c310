"""A mapping for rows in an array, which may be of several tables, as wal2json writes them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from engine.domain.path import Named, Path, path_text
from engine.domain.suggestion.fields import fields_of
from engine.domain.suggestion.mixed import at
from engine.domain.suggestion.names_beside import names_of
from engine.domain.suggestion.one_kind import SuggestedMapping

TABLE = re.compile(r"table|collection|topic", re.IGNORECASE)
Suggest = Callable[[Sequence[Any], Sequence[str | None], bool], SuggestedMapping | None]
Row = tuple[Any, str | None]
"""With the key of its message."""


def mapping_of_rows(
    documents: Sequence[Any], keys: Sequence[str | None], array: Path, suggest: Suggest
) -> SuggestedMapping | None:
    """Return a mapping for the rows of the table that has most of them; None if it has no value.

    Args:
        documents: the messages.
        keys: of the messages.
        array: of the rows.
        suggest: returns a mapping for messages of one row each, and their keys.
    """
    every: list[Row] = [
        (row, key)
        for document, key in zip(documents, keys, strict=True)
        for row in _elements(document, array)
    ]
    rows = [(row, key) for row, key in every if names_of(at(row, array)) is not None]
    chosen, asked = _of_one_table(rows, array)
    if len(rows) < len(every):
        # Rows that were deleted have no values.
        names = path_text((*array, *filter(None, [names_of(at(rows[0][0], array))])))
        asked = [*asked, {"path": names, "exists": True}]
    found = suggest([row for row, _ in chosen], [key for _, key in chosen], False)
    if found is None:
        return None
    asked = [*asked, *([found.event["where"]] if "where" in found.event else [])]
    where = {"where": asked[0] if len(asked) == 1 else asked} if asked else {}
    others = len(every) - len(chosen)
    note = [f"{others} of {len(every)} rows are of other tables or deleted: passed over"]
    event = {"explode": path_text(array), **where, **found.event, **where}
    return SuggestedMapping(event, [*(note if others else []), *found.notes])


def _of_one_table(rows: Sequence[Row], array: Path) -> tuple[list[Row], list[dict[str, Any]]]:
    """Return the rows with the commonest names, and the condition that they meet alone."""
    names = [frozenset(map(str, filter(_is_named, at(row, array)))) for row, _ in rows]
    (most, count), *_ = Counter(names).most_common()
    chosen = [one for one, own in zip(rows, names, strict=True) if own == most]
    if count == len(rows):
        return chosen, []
    fields = fields_of([row for row, _ in rows])
    for path, field in sorted(fields.items(), key=lambda one: not TABLE.search(one[1].name)):
        is_told = not any(map(_is_named, path)) and all(isinstance(v, str) for v in field.column)
        own = {v for v, found in zip(field.column, names, strict=True) if found == most}
        others = {v for v, found in zip(field.column, names, strict=True) if found != most}
        if is_told and len(own) == 1 and not own & others:
            return chosen, [{"path": path_text(path), "equals": own.pop()}]
    step = next(step for step in at(chosen[0][0], array) if _is_named(step) and str(step) in most)
    return chosen, [{"path": path_text((*array, step)), "exists": True}]


def _is_named(step: object) -> bool:
    return isinstance(step, Named)


def _elements(node: Any, array: Path) -> Iterator[Any]:
    """Yield a message with each element in the place of its array."""
    if not array:
        yield from node if isinstance(node, list) else [node]
    elif isinstance(node, Mapping):
        for element in _elements(node.get(array[0]), array[1:]):
            yield {**node, array[0]: element}
