"""Paths into a message, as written in the pipeline file: `readings[0].value`."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import PlainValidator, WithJsonSchema

from engine.application.config.issues import misfit
from engine.domain.mapping import MOST_STEPS, Path

STEP = re.compile(
    r'(?P<dot>\.?)(?P<name>[^.\[\]"]+)|\[(?P<index>\d{1,9})\]|\["(?P<quoted>[^"]+)"\]'
)


def parse_path(value: object) -> Path:
    """Read `a.b[0]`; a name that holds dots or brackets is written `["a.b"]`."""
    if not isinstance(value, str) or not value:
        raise invalid("expected a path to a field, such as readings[0].value")
    steps: list[str | int] = []
    position = 0
    while position < len(value):
        step = STEP.match(value, position)
        if step is None or not _joins(step, first=position == 0):
            rest = value[position:]
            raise invalid(f'expected a path such as a.b[0].c, it cannot be read from "{rest}" on')
        steps.append(int(step["index"]) if step["index"] else step["name"] or step["quoted"])
        position = step.end()
    if len(steps) > MOST_STEPS:
        raise misfit(f"expected a path of at most {MOST_STEPS} steps, it has {len(steps)}")
    return tuple(steps)


def _joins(step: re.Match[str], first: bool) -> bool:
    """Names are joined by dots, the outermost step is a name: a message is an object."""
    if step["name"]:
        return bool(step["dot"]) != first
    return not (first and step["index"])


JsonPath = Annotated[
    Path,
    PlainValidator(parse_path),
    WithJsonSchema({"type": "string", "minLength": 1, "examples": ["readings[0].value"]}),
]
