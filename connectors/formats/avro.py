"""Avro: with the schemas of a registry, or with one that the pipeline file gives."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any, Self

import fastavro
import fastavro.schema
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from pydantic import model_validator

from connectors.formats.registry import RegistrySettings, Schemas, references
from engine.domain.batch import Headers
from engine.domain.format import FormatError
from pynomaly.plugins import Settings

KEPT = {"decimal", "uuid"}
"""Logical types that become more than the number that is written: times stay numbers."""
Decode = Callable[[io.BytesIO], Any]


class AvroSettings(Settings):
    """Avro, each message with the id of its schema in a registry, or all of one schema."""

    registry: RegistrySettings | None = None
    """The schema registry that the ids are of."""
    schema_text: str | None = None
    """The schema as JSON, where messages have no id: ${file:/path} reads it from a file."""

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.registry is None) == (self.schema_text is None):
            raise ValueError("expected either registry or schema_text")
        if self.schema_text is not None:
            try:
                _decoder(self.schema_text, {})
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
        if settings.registry is not None:
            self._schemas = Schemas(settings.registry, _read_with, "AVRO")
        self._decode = None if settings.schema_text is None else _decoder(settings.schema_text, {})

    def decode(self, payload: bytes, headers: Headers) -> Any:
        """Return the record."""
        decode, start = self._decode, 0
        if self._schemas is not None:
            decode, start = self._schemas.of(payload, headers)
        assert decode is not None
        stream = io.BytesIO(payload)
        stream.seek(start)
        try:
            return decode(stream)
        except RecursionError:
            raise FormatError("the payload nests too deeply") from None


def _read_with(schema: Schema, client: SchemaRegistryClient) -> Decode:
    return _decoder(schema.schema_str or "", references(schema, client))


def _decoder(text: str, named: dict[str, str]) -> Decode:
    """Return what reads the records of a schema."""
    known: dict[str, Any] = {}
    for reference in reversed(list(named.values())):
        fastavro.parse_schema(_plain(json.loads(reference)), named_schemas=known)
    parsed = fastavro.parse_schema(_plain(json.loads(text)), named_schemas=known)
    read = fastavro.schemaless_reader
    return lambda stream: read(stream, parsed, None)


def _plain(schema: Any) -> Any:
    """Return a schema without the logical types that would make objects of numbers."""
    if isinstance(schema, list):
        return [_plain(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    left_out = {"logicalType"} if schema.get("logicalType") not in KEPT else set()
    return {name: _plain(part) for name, part in schema.items() if name not in left_out}
