"""The type of a JSON message: made from the event mapping, so that one call decodes a batch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from engine.domain.mapping import EXCEL_FORMATS, EventMapping, TimeField
from engine.domain.path import EACH, Path


@dataclass
class Node:
    """A field of a message.

    Attributes:
        fields: what is read below it, by name; none if it is read itself.
        kinds: the types it is read as.
        required: whether a message without it is not an event.
    """

    fields: dict[str, Node] = field(default_factory=dict)
    kinds: list[Any] = field(default_factory=list)
    required: bool = False

    @property
    def is_structure(self) -> bool:
        """Whether it is an object of which only fields are read."""
        return bool(self.fields) and not self.kinds

    def insert(self, path: Path, kind: Any, required: bool) -> None:
        """Add what is read below it."""
        node = self
        for step in path:
            if not isinstance(step, str) or not is_nameable(step):
                # What is not a field of an object is judged in columns, with all that lies below.
                kind = Any
                break
            node = node.fields.setdefault(step, Node())
            node.required |= required
        node.kinds.append(kind)


class MessageType:
    """A msgspec structure with as much of a message as the mapping reads.

    Strict about types where every message has to be an event. If some are passed over or
    hold several, the outermost fields alone are known: what lies below is judged in columns.

    Attributes:
        names: of the outermost fields that are read.
        is_whole: whether a message is decoded with all that it holds.
        decoder: decodes one message, or many lines of them.
    """

    def __init__(self, mapping: EventMapping) -> None:
        self._root = Node()
        strict = mapping.where is None and mapping.explode is None
        for path, kind, required in wanted(mapping) if strict else _outermost(mapping):
            self._root.insert(path, kind, required)
        self.names = tuple(self._root.fields)
        explode = mapping.explode
        self.is_whole = bool(self._root.kinds) or (
            explode is not None and (mapping.array or explode[:1] in ((), (EACH,)))
        )
        kind = Any if self.is_whole else structure(self._root)
        self.decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(kind)

    def attributes(self, path: Path) -> int:
        """Return how many steps of a path are attributes of structures; below are plain objects."""
        return attributes(self._root, path)


def attributes(node: Node, path: Path) -> int:
    """Return how many steps of a path below a node are attributes of structures."""
    for count, step in enumerate(path):
        if not node.is_structure or not isinstance(step, str):
            return count
        node = node.fields[step]
    return len(path)


def is_nameable(name: str) -> bool:
    """Whether a field of this name can be one of a structure: msgspec escapes nothing."""
    return not any(sign in '\\"' or sign < " " for sign in name)


def field_name(name: str) -> str:
    """Return the identifier that stands for a field of this name."""
    return "f_" + name.encode().hex()


def wanted(mapping: EventMapping) -> Iterable[tuple[Path, Any, bool]]:
    """Yield the path, the type, and whether it is required, of each field that is read."""
    for part in mapping.key:
        if isinstance(part, tuple):
            yield part, str | int, True
    for path in mapping.time.paths:
        yield path, _time_type(mapping.time), True
    if mapping.time.step is not None and mapping.time.step.path is not None:
        yield mapping.time.step.path, Any, True
    for value in mapping.values:
        kind = Any if value.takes_text else float | bool
        may_miss = value.optional or bool(value.missing)
        yield value.path, kind | None if may_miss and kind is not Any else kind, not may_miss


def _outermost(mapping: EventMapping) -> Iterable[tuple[Path, Any, bool]]:
    # What is exploded is looked for, also if nothing in it is read.
    exploded = [mapping.explode] if mapping.explode else []
    return ((path[:1], Any, False) for path in (*mapping.paths, *exploded))


def _time_type(time: TimeField) -> Any:
    is_text = time.unit is None and time.format not in EXCEL_FORMATS
    return str | int if is_text else str | int | float


def structure(node: Node) -> Any:
    """Return the type of an object of which only the fields of a node are read."""
    required, optional, names = [], [], {}
    for name, inner in node.fields.items():
        kind = _kind(inner)
        identifier = names[name] = field_name(name)
        if inner.required:
            required.append((identifier, kind))
        else:
            optional.append((identifier, kind, None))
    renamed = {identifier: name for name, identifier in names.items()}
    return msgspec.defstruct("Message", [*required, *optional], rename=renamed, gc=False)


def _kind(node: Node) -> Any:
    if node.is_structure:
        return structure(node) if node.required else structure(node) | None
    same = all(kind == node.kinds[0] for kind in node.kinds)
    # A field that is read in two ways may be of either type: the columns decide.
    return node.kinds[0] if same and not node.fields else Any
