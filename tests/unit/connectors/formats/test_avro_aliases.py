"""Avro fields that were renamed, read by the name that the mapping knows."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from connectors.formats.avro_aliases import use_mapped_names
from engine.application.config.json_path import parse_path


def record(name: str, *fields: Any) -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": list(fields)}


def field(name: str, kind: Any = "double", *aliases: str) -> dict[str, Any]:
    return {"name": name, "type": kind, **({"aliases": list(aliases)} if aliases else {})}


OLD = record("plant.R", field("ts", "long"), field("temp"))
NEW = record("plant.R", field("ts", "long"), field("temperature", "double", "temp"))


def names(schema: Any, *paths: str, newer: Any = ()) -> Any:
    """Return the names of a schema's fields once it has those that are read."""
    changed = copy.deepcopy(schema)
    use_mapped_names(changed, frozenset(map(parse_path, paths)), lambda: list(newer))
    return fields(changed)


def fields(node: Any) -> Any:
    if isinstance(node, list):
        return [fields(part) for part in node]
    if not isinstance(node, dict):
        return node
    if "fields" in node:
        return {one["name"]: fields(one["type"]) for one in node["fields"]}
    return fields(node.get("items", node.get("values", node["type"])))


@pytest.mark.parametrize(
    ("schema", "path", "newer", "expected"),
    [
        (NEW, "temp", [], {"ts": "long", "temp": "double"}),
        (OLD, "temperature", [NEW], {"ts": "long", "temperature": "double"}),
        (OLD, "temp", [NEW], {"ts": "long", "temp": "double"}),
        (NEW, "temperature", [], {"ts": "long", "temperature": "double"}),
        (OLD, "pressure", [NEW], {"ts": "long", "temp": "double"}),
    ],
    ids=["the former name", "the new name", "not renamed", "not former", "another name"],
)
def test_a_field_has_the_name_that_is_read(
    schema: Any, path: str, newer: Any, expected: Any
) -> None:
    assert names(schema, path, newer=newer) == expected


def test_a_field_keeps_its_name_where_both_are_read() -> None:
    assert names(OLD, "temp", "temperature", newer=[NEW]) == {"ts": "long", "temp": "double"}


def test_newer_schemas_are_not_asked_for_where_no_name_is_missing() -> None:
    def newer() -> Any:
        raise AssertionError("asked")

    use_mapped_names(copy.deepcopy(OLD), frozenset({("temp",), ("ts",)}), newer)


@pytest.mark.parametrize(
    ("wrap", "path"),
    [
        (lambda kind: kind, "inner.temp"),
        (lambda kind: ["null", kind], "inner.temp"),
        (lambda kind: {"type": "array", "items": kind}, "inner.temp"),
        (lambda kind: {"type": "array", "items": kind}, "inner[0].temp"),
        (lambda kind: {"type": "map", "values": kind}, "inner.any.temp"),
        (lambda kind: {"type": kind}, "inner.temp"),
    ],
    ids=["a record", "a union", "an array", "an element", "a map", "a type in a type"],
)
def test_fields_below_others_are_found(wrap: Any, path: str) -> None:
    schema = record("Outer", field("inner", wrap(NEW)))

    found = names(schema, path)

    assert "'temp'" in str(found)
    assert "temperature" not in str(found)


def test_a_record_that_is_named_again_is_renamed_with_its_definition() -> None:
    schema = record("Outer", field("first", NEW), field("second", ["null", "plant.R"]))

    found = names(schema, "second.temp")

    assert found == {"first": {"ts": "long", "temp": "double"}, "second": ["null", "plant.R"]}


def test_a_record_below_a_field_that_was_renamed_since_is_read() -> None:
    old = record("Outer", field("r", NEW))
    new = record("Outer", field("reading", NEW, "r"))

    assert names(old, "reading.temp", newer=[new]) == {"reading": {"ts": "long", "temp": "double"}}


def test_a_schema_that_refers_to_itself_ends() -> None:
    node = record("Node", field("value"), field("next", ["null", "Node"]))

    assert names(node, "next.next.next.missing") == fields(node)
