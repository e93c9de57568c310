"""Reading: functions from decoded messages to the column of what stands at a path."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.domain.mapping import Path, Step
from operators.decode.message_type import field_name

Column = list[Any]
Read = Callable[[list[Any]], Column]


class Misplaced:
    """What stands in a column where the way to a field ends at something else than an object."""

    def __repr__(self) -> str:
        return "MISPLACED"


MISPLACED = Misplaced()


def reader(path: Path, attributes: int = 0) -> Read:
    """Return a function from decoded messages to the column of what stands at a path.

    None stands for what is absent or null, on the way too; MISPLACED for what lies below
    something that holds no fields or elements.

    Args:
        path: where to read.
        attributes: how many of its first steps are attributes of structures; the rest are keys of
            dictionaries and indices of lists.
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
    read: Read = eval(f"lambda messages: [{expression} for m in messages]", {"nothing": _nothing})
    return read


def _inner(expression: str, name: str, step: Step) -> str:
    """Return the expression for a step below another, which may lead to anything."""
    if isinstance(step, int):
        kind, reach = "list", f"({name}[{step}] if len({name}) > {step} else None)"
    else:
        kind, reach = "dict", f"{name}.get({step!r})"
    return f"({reach} if type({name} := {expression}) is {kind} else nothing({name}))"


def _nothing(found: Any) -> Any:
    return None if found is None else MISPLACED
