"""Paths into a document."""

from __future__ import annotations

from dataclasses import dataclass

MOST_STEPS = 32
"""Of a path: deeper documents are rejected as too deep anyway."""


@dataclass(frozen=True, slots=True)
class Named:
    """The step to the first element of an array whose field has this text: `[name=temperature]`.

    In an object whose field is an array of names, it is the step to the place of that name in the
    arrays beside it.
    """

    field: str
    text: str


@dataclass(frozen=True, slots=True)
class Tagged:
    """The step to what follows a tag in an array of texts such as "host:web-1": `[host:]`."""

    tag: str


@dataclass(frozen=True, slots=True)
class OneOf:
    """The step to the first of some fields that is there: `[doubleValue|intValue]`."""

    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JsonText:
    """The step into JSON that is text in a field: `log | json`."""


@dataclass(frozen=True, slots=True)
class Base64Text:
    """The step into a text that is base64 in a field: `body | base64`."""


Step = str | int | Named | Tagged | OneOf | JsonText | Base64Text
"""One step: the name of a field, the index of an array, or one of the above."""
Path = tuple[Step, ...]
"""Steps into a document, from the outside in."""

EACH = "*"
"""In the path of what is exploded: each field of an object, as an object of `name` and `value`."""


def field_names(step: Step) -> tuple[str, ...]:
    """Return the names of the fields that a step may lead to; none for an element of an array."""
    if isinstance(step, OneOf):
        return step.fields
    return (step,) if isinstance(step, str) else ()


def path_text(path: Path) -> str:
    """Write a path the way the pipeline file does: `a.b[0]`."""
    text = "".join(map(_step_text, path))
    return text.removeprefix(".")


def _step_text(step: Step) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    if isinstance(step, Named):
        return f"[{step.field}={step.text}]"
    if isinstance(step, Tagged):
        return f"[{step.tag}]"
    if isinstance(step, OneOf):
        return f"[{'|'.join(step.fields)}]"
    if isinstance(step, JsonText):
        return " | json"
    if isinstance(step, Base64Text):
        return " | base64"
    return f'["{step}"]' if any(sign in step for sign in ".[]|") else f".{step}"
