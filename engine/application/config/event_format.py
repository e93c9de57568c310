"""The format of messages in the pipeline file: a plug-in with its settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import PlainValidator, ValidationError, WithJsonSchema

from engine.application import registry
from engine.application.config.issues import invalid, invalid_fields, nested
from engine.application.ports import Settings
from engine.domain.errors import UnknownNameError
from engine.domain.format import Format

JSON = "json"


@dataclass(frozen=True)
class FormatChoice:
    """A format plug-in and its settings."""

    kind: str
    plugin: Any
    settings: Settings

    def create(self, text_fields: frozenset[str]) -> Format:
        """Return what reads payloads."""
        made: Format = self.plugin(self.settings, text_fields)
        return made


def choose_format(value: object) -> FormatChoice | None:
    """Read `avro`, or `{avro: {registry: {...}}}`; None is JSON."""
    if isinstance(value, str):
        value = {value: {}}
    if not isinstance(value, dict) or len(value) != 1:
        known = ", ".join([JSON, *registry.names("formats")])
        raise invalid(f"expected one format with its settings ({known})")
    ((kind, settings),) = value.items()
    if kind == JSON:
        return None
    try:
        plugin = registry.format(str(kind))
    except UnknownNameError as error:
        raise invalid(str(error), kind) from None
    except ImportError as error:
        advice = "pip install 'pynomaly-engine[formats]'"
        raise invalid(f"{kind} needs what is not installed: {error}: {advice}", kind) from None
    try:
        return FormatChoice(kind, plugin, plugin.Settings.model_validate(settings or {}))
    except ValidationError as error:
        raise invalid_fields(nested(error, plugin.Settings, kind)) from None


FORMAT_SCHEMA = {"anyOf": [{"type": "string"}, {"type": "object", "maxProperties": 1}]}
FormatField = Annotated[
    FormatChoice | None, PlainValidator(choose_format), WithJsonSchema(FORMAT_SCHEMA)
]
