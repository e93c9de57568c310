"""Avro: with the schemas of a registry, or with one that the pipeline file gives."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any, Self

import fastavro
import fastavro.schema
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from pydantic import model_validator

from connectors.formats.avro_aliases import newest_schemas, use_mapped_names
from connectors.formats.avro_arrays import check_arrays
from connectors.formats.avro_columns import AvroColumns
from connectors.formats.cursor import OneByOneError
from connectors.formats.registry import Schemas
from connectors.formats.registry_answers import references
from connectors.formats.registry_settings import RegistrySettings
from connectors.formats.wanted import Wanted
from engine.domain.batch import Headers
from engine.domain.format import Columns, FormatError
from engine.domain.path import Path
from pynomaly.plugins import Settings

KEPT = {"decimal"}
"""Logical types that become more than what is written: times stay numbers, and UUIDs texts."""


class AvroSettings(Settings):
    """Avro, each message with the id of its schema in a registry, or all of one schema."""

    registry: RegistrySettings | None = None
    """The schema registry that the ids are of."""
    schema_text: str | None = None
    """The schema as JSON, if messages have no id: ${file:/path} reads it from a file."""

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.registry is None) == (self.schema_text is None):
            raise ValueError("expected either registry or schema_text")
        if self.schema_text is not None:
            try:
                _reader(json.loads(self.schema_text), {})
            except (fastavro.schema.SchemaParseException, ValueError, TypeError) as error:
                raise ValueError(f"expected an Avro schema as JSON: {error}") from None
        return self


class Avro:
    """The plug-in behind `format: {avro: ...}`."""

    Settings = AvroSettings
    name = "avro"
    many = False

    def __init__(self, settings: AvroSettings, text_fields: frozenset[str]) -> None:
        self._schemas = None
        self._paths: frozenset[Path] = frozenset()
        self._text = settings.schema_text
        if settings.registry is not None:
            self._schemas = Schemas(settings.registry, self._read_with, "AVRO")
        self._reader = None if self._text is None else _reader(json.loads(self._text), {})

    def map_fields(self, paths: frozenset[Path]) -> None:
        """Read fields that were renamed by the names that the mapping knows, through aliases."""
        self._paths = paths
        if self._text is not None:
            schema = json.loads(self._text)
            use_mapped_names(schema, paths, list)
            self._reader = _reader(schema, {})

    def decode(self, payload: bytes, headers: Headers) -> Any:
        """Return the record."""
        reader, start = self._reader, 0
        if self._schemas is not None:
            reader, start = self._schemas.of(payload, headers)
        assert reader is not None
        stream = io.BytesIO(payload)
        stream.seek(start)
        try:
            return fastavro.schemaless_reader(stream, reader.schema, None)
        except RecursionError:
            raise FormatError("the payload nests too deeply") from None

    def columns(self, payloads: Sequence[bytes], paths: frozenset[Path]) -> Columns | None:
        """Return the values at some paths, if all are of one schema."""
        try:
            if self._schemas is None:
                assert self._reader is not None
                return self._reader.columns(paths).read(payloads, 0)
            return self._schemas.columns(
                payloads, 5, lambda reader, some: reader.columns(paths).read(some, 5)
            )
        except OneByOneError:
            return None

    def _read_with(self, schema: Schema, client: SchemaRegistryClient, own: int | str) -> Reader:
        def newest() -> list[Any]:
            return [json.loads(text) for text in newest_schemas(own, client)]

        found = json.loads(schema.schema_str or "")
        use_mapped_names(found, self._paths, newest)
        return _reader(found, references(schema, client))


class Reader:
    """Reads records of one schema.

    Args:
        schema: the schema, parsed.
        named: the schemas that its names mean.
    """

    def __init__(self, schema: Any, named: dict[str, Any]) -> None:
        self.schema = schema
        self._named = named
        self._columns: dict[frozenset[Path], AvroColumns] = {}

    def columns(self, paths: frozenset[Path]) -> AvroColumns:
        """Return what reads columns."""
        if paths not in self._columns:
            self._columns[paths] = AvroColumns(self.schema, self._named, Wanted(paths))
        return self._columns[paths]


def _reader(schema: Any, named: dict[str, str]) -> Reader:
    """Return what reads the records of a schema.

    Raises:
        ValueError: a few bytes of it may become billions of elements.
    """
    known: dict[str, Any] = {}
    for reference in reversed(list(named.values())):
        fastavro.parse_schema(_plain(json.loads(reference)), named_schemas=known)
    parsed = fastavro.parse_schema(_plain(schema), named_schemas=known)
    check_arrays(parsed, known)
    return Reader(parsed, known)


def _plain(schema: Any) -> Any:
    """Return a schema without the logical types that would make objects of numbers."""
    if isinstance(schema, list):
        return [_plain(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    left_out = {"logicalType"} if schema.get("logicalType") not in KEPT else set()
    return {name: _plain(part) for name, part in schema.items() if name not in left_out}
