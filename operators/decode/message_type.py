"""The type of a message: made from the event mapping, so that one call decodes a batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from engine.domain.mapping import EventMapping, Path, TimeField

Column = list[Any]
Read = Callable[[list[Any]], Column]


class MessageType:
    """A msgspec structure with as much of a message as the mapping reads.

    Attributes:
        decoder: decodes one message, or many lines of them; strict about types.
    """

    def __init__(self, mapping: EventMapping) -> None:
        root: dict[str, Any] = {}
        for path in mapping.key:
            _insert(root, path, str | int, required=True)
        if mapping.time.path is not None:
            _insert(root, mapping.time.path, _time_type(mapping.time), required=True)
        for value in mapping.values:
            leaf = float | None if value.optional else float
            _insert(root, value.path, leaf, required=not value.optional)
        self.decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(_structure(root))


def reader(path: Path) -> Read:
    """Return a function from decoded messages to the column of what stands at a path.

    None stands for what is absent or null; on the way, too.
    """
    expression = "m"
    for number, step in enumerate(path):
        inner = f"v{number}"
        if isinstance(step, int):
            reach = f"{inner}[{step}] if isinstance(({inner} := {expression}), list)"
            expression = f"({reach} and len({inner}) > {step} else None)"
        elif number and isinstance(path[number - 1], int):
            reach = f"{inner}.get({step!r}) if isinstance(({inner} := {expression}), dict)"
            expression = f"({reach} else None)"
        elif number:
            name = _identifier(step)
            expression = f"({inner}.{name} if ({inner} := {expression}) is not None else None)"
        else:
            expression = f"m.{_identifier(step)}"
    # The names come from _identifier and repr: no text of the pipeline file is executed.
    read: Read = eval(f"lambda messages: [{expression} for m in messages]")
    return read


def _time_type(time: TimeField) -> Any:
    return int | float if time.unit is not None else str


def _insert(tree: dict[str, Any], path: Path, leaf: Any, *, required: bool) -> None:
    """Add a path to the tree of wanted fields; below an array everything is judged in columns."""
    name = str(path[0])
    if len(path) == 1:
        tree.setdefault(name, (leaf, required))
    elif isinstance(path[1], int):
        tree.setdefault(name, (list[Any] if required else list[Any] | None, required))
    else:
        branch = tree.setdefault(name, {})
        if isinstance(branch, dict):
            _insert(branch, path[1:], leaf, required=required)


def _structure(tree: dict[str, Any]) -> Any:
    required, optional = [], []
    for name, branch in tree.items():
        if isinstance(branch, dict):
            kind, needed = _structure(branch), _is_required(branch)
            kind = kind if needed else kind | None
        else:
            kind, needed = branch
        if needed:
            required.append((_identifier(name), kind))
        else:
            optional.append((_identifier(name), kind, None))
    names = {_identifier(name): name for name in tree}
    return msgspec.defstruct("Message", [*required, *optional], rename=names, gc=False)


def _is_required(tree: dict[str, Any]) -> bool:
    return any(
        _is_required(branch) if isinstance(branch, dict) else branch[1] for branch in tree.values()
    )


def _identifier(name: str | int) -> str:
    return "f_" + str(name).encode().hex()
