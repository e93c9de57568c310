"""The fields of anomalies and incidents, for people: Markdown tables from their JSON Schemas."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]

HEAD = "| field | type | meaning |\n|---|---|---|"


def markdown(schema: Schema) -> str:
    """Return a table of the fields of the schema, and one of each object in it."""
    parts = [_table(schema)]
    parts += [f"`{place}`:\n\n{_table(part)}" for place, part in _objects(schema)]
    return "\n\n".join(parts) + "\n"


def _objects(schema: Schema) -> Iterator[tuple[str, Schema]]:
    """Yield the objects below a schema that have fields of their own, with their places."""
    for field, part in schema["properties"].items():
        item = part.get("items", part)
        if "properties" in item:
            yield f"{field}[]" if "items" in part else field, item


def _table(schema: Schema) -> str:
    required = schema["required"]
    rows = [
        f"| `{field}` | {_type(part)} | {_meaning(part, is_optional=field not in required)} |"
        for field, part in schema["properties"].items()
    ]
    return "\n".join([HEAD, *rows])


def _type(part: Schema) -> str:
    if "enum" in part:
        return ", ".join(f"`{value}`" for value in part["enum"])
    kind = part["type"]
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def _meaning(part: Schema, *, is_optional: bool) -> str:
    text = part.get("description") or part["items"].get("description", "")
    return f"{text} May be absent." if is_optional else str(text)
