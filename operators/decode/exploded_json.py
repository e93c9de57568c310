"""Exploded JSON whose elements are all as they should be: columns of them, without documents."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import msgspec
import numpy as np

from engine.domain.condition import paths
from engine.domain.mapping import EventMapping
from engine.domain.path import EACH, Path
from operators.decode.columns import Table
from operators.decode.decoded import Decoded
from operators.decode.json_messages import decode_all
from operators.decode.message_type import Node, attributes, is_nameable, structure, wanted
from operators.decode.reading import Read, reader


class ExplodedJson:
    """Decodes batches in which every message and every element has the types of an event.

    Args:
        mapping: one for which `is_typed` holds.
    """

    def __init__(self, mapping: EventMapping) -> None:
        explode = mapping.explode
        assert explode is not None
        self._max_bytes = mapping.max_bytes
        element, parents, depth = Node(), Node(), len(explode)
        asked = () if mapping.where is None else paths(mapping.where)
        for path, kind, required in (*wanted(mapping), *((path, Any, False) for path in asked)):
            if path[:depth] == explode:
                element.insert(path[depth:], kind, required)
            else:
                parents.insert(path, kind, required)
        # Elements that are arrays themselves, read by index, have no structure.
        kind = list[structure(element) if element.is_structure else Any]  # type: ignore[misc]
        if explode:
            parents.insert(explode, kind, True)
            kind = structure(parents)
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(kind)
        self._lists = reader(explode, attributes(parents, explode)) if explode else None
        self._of_elements: dict[Path, Read] = {}
        self._of_parents: dict[Path, Read] = {}
        for path in mapping.paths:
            inner = path[depth:]
            if path[:depth] == explode:
                self._of_elements[path] = reader(inner, attributes(element, inner))
            else:
                self._of_parents[path] = reader(path, attributes(parents, path))

    def decode(self, payloads: Sequence[bytes | None]) -> tuple[Decoded, int] | None:
        """Return the elements, and how many messages have none; None if one is not typed."""
        messages = decode_all(self._decoder, payloads, self._max_bytes)
        if messages is None:
            return None
        lists = messages if self._lists is None else self._lists(messages)
        counts = np.fromiter(map(len, lists), np.int64, len(lists))
        elements = list(chain.from_iterable(lists))
        if not elements:
            return None
        columns = {path: read(elements) for path, read in self._of_elements.items()}
        for path, read in self._of_parents.items():
            whole = np.empty(len(messages), object)
            whole[:] = read(messages)
            columns[path] = np.repeat(whole, counts).tolist()
        rows = np.repeat(np.arange(len(lists)), counts)
        first = np.repeat(np.cumsum(counts) - counts, counts)
        indices = (np.arange(len(elements)) - first).astype(np.int32)
        found = Decoded(Table(columns, len(elements)), rows, indices)
        return found, int(np.count_nonzero(counts == 0))


def is_typed(mapping: EventMapping) -> bool:
    """Whether all that is read has types that are known beforehand."""
    explode = mapping.explode
    if explode is None or mapping.format is not None:
        return False
    if any(not isinstance(step, str) or step == EACH for step in explode):
        return False
    if not all(is_nameable(s) for path in mapping.paths for s in path if isinstance(s, str)):
        return False
    depth = len(explode)
    inside = [path for path in mapping.paths if path[:depth] == explode]
    above = [path for path in mapping.paths if path == explode[: len(path)]]
    return all(len(path) > depth for path in inside) and not above
