"""What clients of the API rely on, in short: endpoints, parameters, and fields of bodies.

`python -m tests.support.api_contract > tests/unit/presentation/api/contract.json` writes it anew,
once it is meant that clients have to change. What was only added needs no new one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from engine.presentation.api.app import openapi

Contract = dict[str, dict[str, list[str]]]
"""By endpoint: `gives` (fields of replies), `takes` (fields and parameters), `needs` (of these)."""
MOST_DEPTH = 6


def contract_of(document: Mapping[str, Any]) -> Contract:
    """Return the contract of a description in OpenAPI."""
    return {
        f"{method.upper()} {path}": _endpoint(document, endpoint)
        for path, methods in sorted(document["paths"].items())
        for method, endpoint in sorted(methods.items())
    }


def broken(released: Contract, now: Contract) -> list[str]:
    """Return what clients of a released contract miss now, or have to send as well."""
    found = []
    for name, before in released.items():
        after = now.get(name)
        if after is None:
            found.append(f"{name}: is gone")
            continue
        for what, verb in (("gives", "no longer gives"), ("takes", "no longer takes")):
            gone = set(before[what]) - set(after[what])
            found += [f"{name}: {verb} {one}" for one in sorted(gone)]
        found += [
            f"{name}: needs {one} now" for one in sorted(set(after["needs"]) - set(before["needs"]))
        ]
    return found


def _endpoint(document: Mapping[str, Any], endpoint: Mapping[str, Any]) -> dict[str, list[str]]:
    gives: set[str] = set()
    for status, reply in endpoint["responses"].items():
        if status.startswith("2"):
            gives.add(status)
            gives |= {name for name, _ in _content(document, reply)}
    body = endpoint.get("requestBody", {})
    fields = list(_content(document, body))
    takes = {name for name, _ in fields}
    needs = {name for name, needed in fields if needed and body.get("required")}
    for one in endpoint.get("parameters", ()):
        name = f"{one['in']} {one['name']}"
        takes.add(name)
        takes |= {f"{name}={value}" for value in _values(document, one["schema"])}
        if one.get("required"):
            needs.add(name)
    return {"gives": sorted(gives), "takes": sorted(takes), "needs": sorted(needs)}


def _content(document: Mapping[str, Any], holder: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    for media_type, one in holder.get("content", {}).items():
        yield media_type, True
        yield from _fields(document, one.get("schema", {}), media_type, 0, True)


def _fields(
    document: Mapping[str, Any], schema: Mapping[str, Any], place: str, depth: int, needed: bool
) -> Iterator[tuple[str, bool]]:
    """Yield the fields of a schema, each with whether it has to be there."""
    if depth > MOST_DEPTH:
        return
    schema = _resolved(document, schema)
    for value in _values(document, schema):
        yield f"{place}={value}", False
    for name, inner in schema.get("properties", {}).items():
        has_to_be = needed and name in schema.get("required", ())
        yield f"{place}/{name}", has_to_be
        yield from _fields(document, inner, f"{place}/{name}", depth + 1, has_to_be)
    inner_schemas = [schema["items"]] if "items" in schema else []
    for inner in (*inner_schemas, *schema.get("anyOf", ())):
        yield from _fields(document, inner, place, depth + 1, False)


def _values(document: Mapping[str, Any], schema: Mapping[str, Any]) -> list[str]:
    """Return the values of an enumeration."""
    schema = _resolved(document, schema)
    inner = [value for one in schema.get("anyOf", ()) for value in _values(document, one)]
    return [*map(str, schema.get("enum", ())), *inner]


def _resolved(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        found = document
        for step in schema["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        schema = found
    return schema


if __name__ == "__main__":
    print(json.dumps(contract_of(openapi()), indent=1))
