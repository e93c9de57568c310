"""Parallel arrays: {"ts": [1, 2], "v": [3, 4]} as a document for each place in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from engine.domain.path import Path, field_names, path_text
from operators.decode.reading import MisplacedError

Tree = dict[str, Any]
"""Fields that are read, by name: a tree of those below; True for one that may be an array, of which
a document takes one place; False for one that is taken as a whole."""


class ParallelArrays:
    """Makes documents of elements whose fields are arrays.

    Args:
        before: path of the elements, for messages.
        read: all paths that are read below it.
    """

    def __init__(self, before: Path, read: Iterable[Path]) -> None:
        self._before = before
        self._tree = _tree(read)

    def documents(self, element: Any) -> list[Any]:
        """Return a document for each place of the arrays; the element itself if it has none.

        A document has only what is read: a large field must not be multiplied. A field that is
        not an array is the same in all of them.

        Raises:
            MisplacedError: one array is longer than another.
        """
        arrays = dict(_arrays(element, self._tree, ()))
        if not arrays:
            return [element]
        sizes = {len(array) for array in arrays.values()}
        if len(sizes) > 1:
            found = (f"{self._text(path)} has {len(array)}" for path, array in arrays.items())
            raise MisplacedError(f"{', '.join(found)} elements: expected as many in each array")
        return [_at(place, element, self._tree) for place in range(sizes.pop())]

    def _text(self, path: Path) -> str:
        return path_text((*self._before, *path))


def _tree(read: Iterable[Path]) -> Tree:
    root: Tree = {}
    paths = list(read)
    if () in paths:
        # The element itself is read.
        return root
    for path in paths:
        node = root
        for step, following in zip(path, (*path[1:], None), strict=True):
            if not isinstance(step, str):
                node |= dict.fromkeys(field_names(step), False)
                break
            if isinstance(following, str):
                below = node.setdefault(step, {})
                if isinstance(below, dict):
                    node = below
                    continue
            # A field that is read as an array, or in two ways, is taken as a whole.
            node[step] = following is None and node.get(step, True) is True
            break
    return root


def _arrays(node: Any, tree: Tree, path: Path) -> Iterator[tuple[Path, list[Any]]]:
    if type(node) is not dict:
        return
    for name, below in tree.items():
        found = node.get(name)
        if below is True and type(found) is list:
            yield (*path, name), found
        elif isinstance(below, dict):
            yield from _arrays(found, below, (*path, name))


def _at(place: int, node: Any, tree: Tree) -> Any:
    if type(node) is not dict:
        return node
    document = {}
    for name, below in tree.items():
        if name in node:
            found = node[name]
            if isinstance(below, dict):
                found = _at(place, found, below)
            elif below and type(found) is list:
                found = found[place]
            document[name] = found
    return document
