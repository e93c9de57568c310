"""Paths into a message, as written in the pipeline file: `readings[0].value`."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import PlainValidator, WithJsonSchema

from engine.application.config.issues import invalid
from engine.domain.path import MOST_STEPS, Base64Text, JsonText, Named, OneOf, Path, Step, Tagged

STEP = re.compile(
    r"(?P<json>\s*\|\s*json(?![^.\[|\s])\s*(?P<pipe>\|\s*)?)"
    r"|(?P<base64>\s*\|\s*base64(?=\s*\||$))"
    r'|(?P<dot>\.?)(?P<name>(?:(?!\s*\|\s*(?:json|base64)\b)[^.\[\]"])+)'
    r'|\[(?P<index>\d{1,9})\]|\["(?P<quoted>[^"]+)"\]'
    r'|\[(?P<tag>[^:=\[\]"]+[:=])\]'
    r'|\[(?P<either>[^|=\[\]"]+(?:\|[^|=\[\]"]+)+)\]'
    r'|\[(?P<field>[^=\[\]"]+)=(?:"(?P<text>[^"]*)"|(?P<plain>[^\]"]+))\]'
)


def parse_path(value: object) -> Path:
    """Read a path.

    `a.b[0]` is an element of an array, `a[name=x].b` one whose field `name` is "x", `a[host:]` the
    rest of the text in an array that begins with "host:". `row[names=x].values` is the element of
    the array `values` at the place that "x" has in the array `names`. `a | json.b` is a field of
    JSON that stands as text in `a`, in base64 with `a | base64 | json.b`. `a[b|c]` is the first of
    the fields b and c that is there. A name with dots or brackets is written `["a.b"]`. `[0].b`
    begins in a message that is an array.
    """
    if not isinstance(value, str) or not value:
        raise invalid("expected a path to a field, such as readings[0].value")
    steps: list[Step] = []
    position, joined = 0, True
    while position < len(value):
        found = STEP.match(value, position)
        if found is None or not _joins(found, first=position == 0, joined=joined):
            rest = value[position:]
            raise invalid(f'expected a path such as a.b[0].c, it cannot be read from "{rest}" on')
        steps.append(_step(found))
        # After | json a name may follow with a dot, after another | without one.
        joined = bool(found["pipe"])
        position = found.end()
    if len(steps) > MOST_STEPS:
        raise invalid(f"expected a path of at most {MOST_STEPS} steps, it has {len(steps)}")
    return tuple(steps)


def _step(found: re.Match[str]) -> Step:
    if found["json"]:
        return JsonText()
    if found["base64"]:
        return Base64Text()
    if found["index"]:
        return int(found["index"])
    if found["tag"]:
        return Tagged(found["tag"].strip())
    if found["either"]:
        return OneOf(tuple(name.strip() for name in found["either"].split("|")))
    if found["field"]:
        text = found["plain"] if found["text"] is None else found["text"]
        return Named(found["field"].strip(), text.strip())
    return found["name"] or found["quoted"]


def _joins(step: re.Match[str], first: bool, joined: bool) -> bool:
    """Names are joined by dots; the outermost step is a name, or an element of an array."""
    if step["name"]:
        return bool(step["dot"]) != (first or joined)
    return not first or not (step["json"] or step["base64"])


JsonPath = Annotated[
    Path,
    PlainValidator(parse_path),
    WithJsonSchema({"type": "string", "minLength": 1, "examples": ["readings[0].value"]}),
]
PATH_SCHEMA = {"type": "string", "minLength": 1}
