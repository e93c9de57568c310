"""Avro fields that were renamed: read by the name that the mapping knows, through aliases.

A schema is changed before anything is read with it: a field has the name that the mapping reads if
the schema, or the newest of its subject, says that both are the same field. So reading costs
nothing more, and nothing changes where no name is missing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

from confluent_kafka.schema_registry import SchemaRegistryClient, SchemaRegistryError

from engine.domain.path import Path

log = logging.getLogger(__name__)
Aliases = dict[tuple[str, str], set[str]]
"""The former names of a field, by its record and its name."""
RECORDS = ("record", "error")
WITHOUT_VERSIONS = (400, 403, 404, 405, 422, 501)
"""Statuses of a registry that has no list of versions, or refuses it."""


def use_mapped_names(schema: Any, paths: frozenset[Path], newer: Callable[[], list[Any]]) -> None:
    """Give the fields of a schema the names that are read, where aliases say that they are theirs.

    Args:
        schema: the schema, as JSON is read; it is changed.
        paths: all that is read.
        newer: returns newer schemas of its kind; called if a name is not found otherwise.
    """
    fields = _MappedFields(schema, paths)
    fields.use_own_aliases()
    if fields.missing:
        fields.use_aliases_of(newer())


def newest_schemas(own: int | str, client: SchemaRegistryClient) -> list[str]:
    """Return the newest schemas of the subjects of a schema; none if the registry tells none."""
    if isinstance(own, str):
        return []
    try:
        subjects = {version.subject for version in client.get_schema_versions(own)}
        newest = [
            client.get_latest_version(subject).schema for subject in sorted(filter(None, subjects))
        ]
    except SchemaRegistryError as error:
        if error.http_status_code in WITHOUT_VERSIONS:
            return []
        raise
    except (ValueError, TypeError, KeyError, AttributeError):
        return []
    return [one.schema_str for one in newest if isinstance(one.schema_str, str)]


class _MappedFields:
    """The fields of a schema that are read.

    Attributes:
        missing: the records without a field that is read, and its name.
    """

    def __init__(self, schema: Any, paths: frozenset[Path]) -> None:
        self.missing: list[tuple[dict[str, Any], str]] = []
        self._schema = schema
        self._paths = sorted(paths, key=str)
        self._wanted = {step for path in paths for step in path if isinstance(step, str)}
        records = (one for one in _nodes(schema) if one["type"] in RECORDS)
        self._records = {_last(one["name"]): one for one in records}

    def use_own_aliases(self) -> None:
        """Rename fields to one of their aliases if that is what is read."""
        self.missing = []
        for path in self._paths:
            self._walk(self._schema, path)

    def use_aliases_of(self, schemas: list[Any]) -> None:
        """Rename fields to what newer schemas call them if that is what is read."""
        later = [_aliases(one) for one in schemas]
        for record, name in self.missing:
            place = _last(record["name"]), name
            self._rename(record, name, {old for one in later for old in one.get(place, ())})
        # What is below a field that was found has names of its own.
        self.use_own_aliases()

    def _walk(self, node: Any, path: Path) -> None:
        if isinstance(node, str):
            node = self._records.get(_last(node))
        if isinstance(node, list):
            for branch in node:
                self._walk(branch, path)
        elif isinstance(node, dict) and path:
            self._walk_into(node, node["type"], path)

    def _walk_into(self, node: dict[str, Any], kind: Any, path: Path) -> None:
        if isinstance(kind, (dict, list)):
            self._walk(kind, path)
        elif kind == "array":
            # A path goes through an array that is exploded without a step of its own.
            self._walk(node["items"], path if isinstance(path[0], str) else path[1:])
        elif kind == "map":
            self._walk(node["values"], path[1:])
        elif kind in RECORDS and isinstance(path[0], str):
            aliased = {one["name"] for one in node["fields"] if path[0] in one.get("aliases", ())}
            found = _field(node, path[0]) or self._rename(node, path[0], aliased)
            if found is None:
                self.missing.append((node, path[0]))
            else:
                self._walk(found["type"], path[1:])

    def _rename(self, record: dict[str, Any], name: str, others: set[str]) -> Any:
        """Return the field with one of other names, renamed; one whose own name is read stays."""
        for field in record["fields"]:
            if field["name"] in others - self._wanted:
                log.info("%s of Avro record %s is read as %s", field["name"], record["name"], name)
                field["name"] = name
                return field
        return None


def _field(record: dict[str, Any], name: str) -> dict[str, Any] | None:
    return next((field for field in record["fields"] if field["name"] == name), None)


def _aliases(schema: Any) -> Aliases:
    """Return the former names of all fields, also by the former names of their records."""
    found: Aliases = {}
    for one in _nodes(schema):
        if one["type"] not in RECORDS:
            continue
        for record in (one["name"], *one.get("aliases", ())):
            for field in one["fields"]:
                names = found.setdefault((_last(record), field["name"]), set())
                names.update(field.get("aliases", ()))
    return found


def _nodes(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield all types of a schema that are objects."""
    if isinstance(schema, list):
        for part in schema:
            yield from _nodes(part)
    elif isinstance(schema, dict):
        yield schema
        for part in schema.get("fields", ()):
            yield from _nodes(part["type"])
        for name in ("type", "items", "values"):
            yield from _nodes(schema.get(name))


def _last(name: str) -> str:
    return name.rpartition(".")[2]
