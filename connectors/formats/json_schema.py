"""JSON with the id of a schema of a registry before it."""

from __future__ import annotations

from typing import Any

import orjson

from engine.domain.batch import Headers
from engine.domain.format import FormatError
from pynomaly.plugins import Settings


class JsonSchemaSettings(Settings):
    """JSON that serializers for a schema registry write; the registry itself is not asked."""


class JsonSchema:
    """The plug-in behind `format: json_schema`."""

    Settings = JsonSchemaSettings
    name = "json_schema"
    many = False

    def __init__(self, settings: JsonSchemaSettings, text_fields: frozenset[str]) -> None:
        pass

    def decode(self, payload: bytes, headers: Headers) -> Any:
        """Return the document; the magic byte and the id, or guid, before it are left out."""
        start = {b"\0": 5, b"\1": 17}.get(payload[:1], 0)
        try:
            return orjson.loads(payload[start:])
        except orjson.JSONDecodeError as error:
            raise FormatError(f"not JSON at byte {start + error.pos}: {error.msg}") from None
