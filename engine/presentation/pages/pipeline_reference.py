"""The reference of the pipeline file, written for people: Markdown from the JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]

REFERENCE = {"$ref": "#/$defs/Reference"}
PLACES = {"Source": "source", "Sink": "sinks", "Repartition": "event.repartition"}
HEAD = "| field | expected | default | meaning |\n|---|---|---|---|"
INTRODUCTION = """\
# The pipeline file

One YAML file says what a pipeline is. `pynomaly validate FILE` checks it, and names the line of
each mistake; `pynomaly schema > pipeline.schema.json` lets an editor complete it. Unknown fields
are refused. Anywhere in it `${NAME}` and `${NAME:-default}` come from the environment,
`${file:/path}` from a file. Commented examples are in [examples/](../examples/).

This page is written by `pynomaly schema --markdown`, with the plug-ins that are installed.
"""


def markdown(schema: Schema) -> str:
    """Return the reference for a schema of `json_schema`: a table for each part of the file."""
    definitions: Schema = schema["$defs"]
    parts = [INTRODUCTION, "\n".join(_table(schema, definitions))]
    sections = {name: place for place, name in _sections(schema, definitions, "")}
    for name, place in sections.items():
        part = definitions[name]
        text = part.get("description", "")
        parts.append("\n".join([f"## {place}", "", text, "", *_table(part, definitions)]))
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _sections(part: Schema, definitions: Schema, prefix: str) -> Iterator[tuple[str, str]]:
    """Yield the place and the definition of each part below another, in the file's order."""
    for field, schema in part.get("properties", {}).items():
        for name in _named(schema):
            place = f"{prefix}{field}"
            if name in PLACES:
                yield from _plugins(name, definitions)
            elif "properties" in definitions[name]:
                yield place, name
                yield from _sections(definitions[name], definitions, f"{place}.")


def _plugins(role: str, definitions: Schema) -> Iterator[tuple[str, str]]:
    for name in sorted(definitions):
        if name.startswith(f"{role}.") and name.count(".") == 1:
            yield f"{PLACES[role]}: {name.split('.')[1]}", name


def _table(part: Schema, definitions: Schema) -> list[str]:
    required = part.get("required", [])
    rows = []
    for field, schema in part.get("properties", {}).items():
        default = "**required**" if field in required else _default(schema)
        meaning = schema.get("description") or _described(schema, definitions)
        rows.append(f"| `{field}` | {_expected(schema)} | {default} | {_cell(meaning)} |")
    return [HEAD, *rows] if rows else []


def _default(schema: Schema) -> str:
    if schema.get("default") in (None, {}, []):
        return ""
    return f"`{_cell(json.dumps(schema['default'], ensure_ascii=False).strip(chr(34)))}`"


def _described(schema: Schema, definitions: Schema) -> str:
    return next((str(definitions[name].get("description", "")) for name in _named(schema)), "")


def _named(schema: Schema) -> list[str]:
    """Return the definitions that a field's value may be of."""
    found = [schema["$ref"]] if "$ref" in schema else []
    found += [option["$ref"] for option in schema.get("anyOf", []) if "$ref" in option]
    return [ref.rsplit("/", 1)[1] for ref in dict.fromkeys(found) if ref != REFERENCE["$ref"]]


def _expected(schema: Schema) -> str:
    """Return in a few words what a field takes."""
    if schema.get("examples"):
        return f"such as `{schema['examples'][0]}`"
    options = [option for option in schema.get("anyOf", []) if option != REFERENCE]
    if options:
        texts = [_expected(option) for option in options if option.get("type") != "null"]
        return " or ".join(dict.fromkeys(texts))
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return {"Source": "a source", "Sink": "a sink", "Detector": "a detector"}.get(
            name, "fields"
        )
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    kind = schema.get("type", "anything")
    kind = " or ".join(kind) if isinstance(kind, list) else str(kind)
    if kind == "array":
        item = _expected(schema.get("items", {}))
        return f"list of {item.removeprefix('a ')}{'s' * item.startswith('a ')}"
    text = {"object": "mapping", "string": "text", "boolean": "true or false"}.get(kind, kind)
    return text + _bounds(schema)


def _bounds(schema: Schema) -> str:
    words = (
        ("minimum", "at least"),
        ("exclusiveMinimum", "above"),
        ("maximum", "at most"),
        ("exclusiveMaximum", "below"),
    )
    found = [f"{word} {schema[name]}" for name, word in words if name in schema]
    return f" {', '.join(found)}" if found else ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
