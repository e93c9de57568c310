"""Messages that a mapping is not for: the condition that passes over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.domain.path import EACH, OneOf, Path, Step, path_text


def condition(
    documents: Sequence[Any], array: Path | None, always: Sequence[Path], values: Sequence[Path]
) -> tuple[dict[str, Any] | None, list[str]]:
    """Return the condition for a mapping that not all messages fit, and a note on it.

    Args:
        documents: the messages.
        array: what is exploded; None: nothing.
        always: fields that each event has.
        values: those that are read, which not all may have.
    """
    asked = _asked(documents, array, always, values)
    count = sum(all(_lacks(one, path) for path in asked) for one in documents) if asked else 0
    if not count:
        return None, []
    texts = list(map(path_text, asked))
    note = f"{count} messages have no {' or '.join(texts)[:200]}, or not in each part: passed over"
    parts: list[dict[str, Any]] = [{"path": text, "exists": True} for text in texts]
    return (parts[0] if len(parts) == 1 else {"or": parts}), [note]


def _asked(
    documents: Sequence[Any], array: Path | None, always: Sequence[Path], values: Sequence[Path]
) -> Sequence[Path]:
    """Return the fields of which an event has at least one."""
    if array is None:
        return always[:1]
    if EACH in array:
        return ()
    if not any(_is_other(one, array) for one in documents):
        return (array,) if array else ()
    # A number in the place of the array, or among its elements, has no fields.
    below = [path for path in always if path[: len(array)] == array != path]
    return below[:1] or values


def _lacks(node: Any, path: Sequence[Step]) -> bool:
    """Return whether something, or an element of an array on the way, has nothing at a path."""
    if isinstance(node, list) and path:
        return any(_lacks(element, path) for element in node)
    if not path:
        return node is None
    if not isinstance(node, Mapping):
        return True
    names = path[0].fields if isinstance(path[0], OneOf) else (path[0],)
    return all(_lacks(node.get(name), path[1:]) for name in names)


def _is_other(node: Any, path: Sequence[Step]) -> bool:
    """Return whether a number or text is at a path, or among the elements of the array there."""
    if isinstance(node, list):
        return any(_is_other(one, path) or (one is None and not path) for one in node)
    if not path or not isinstance(node, Mapping):
        return not isinstance(node, Mapping) and node is not None
    return _is_other(node.get(path[0]), path[1:])
