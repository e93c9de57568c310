"""The choice of a plug-in: the key names it, the rest is its Settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

from pydantic import PlainValidator, ValidationError, WithJsonSchema
from pydantic_core import PydanticCustomError

from engine.application import registry
from engine.application.config.issues import (
    ISSUES,
    FieldIssue,
    invalid,
    invalid_fields,
    nested,
)
from engine.application.ports import Settings
from engine.domain.errors import UnknownNameError

PLUGIN = "x-plugin"
"""Placeholder in a JSON Schema for the schema of the installed plug-ins."""


@dataclass(frozen=True, slots=True)
class PluginChoice:
    """A source or sink that the pipeline file chose.

    Attributes:
        kind: its name, such as "kafka".
        plugin: its class, a SourcePlugin or SinkPlugin.
        settings: an instance of the class's own Settings; not shown in any repr.
    """

    kind: str
    plugin: Any
    settings: Settings = field(repr=False)


def single(value: object) -> tuple[str, Any] | None:
    """Split `{name: rest}`, or a bare name, into name and rest; None if it is neither."""
    if isinstance(value, str):
        return value, {}
    if isinstance(value, dict) and len(value) == 1:
        ((name, rest),) = value.items()
        return str(name), {} if rest is None else rest
    return None


def _choose(group: str, find: Callable[[str], Any], value: object) -> PluginChoice:
    if isinstance(value, PluginChoice):
        return value
    chosen = single(value)
    if chosen is None:
        known = ", ".join(registry.names(group))
        raise invalid(f"expected one plug-in with its settings ({known})")
    kind, settings = chosen
    try:
        plugin = find(kind)
    except UnknownNameError as error:
        raise invalid(str(error), kind) from None
    except (ImportError, AttributeError) as error:
        raise invalid(f'the plug-in "{kind}" cannot be loaded: {error}', kind) from error
    try:
        return PluginChoice(kind, plugin, plugin.Settings.model_validate(settings))
    except ValidationError as error:
        raise invalid_fields(nested(error, plugin.Settings, kind)) from None


def _source(value: object) -> PluginChoice:
    return _choose("sources", registry.source, value)


def _sinks(value: object) -> tuple[PluginChoice, ...]:
    """Return the sinks of a role: one, or a list of them."""
    if isinstance(value, tuple):
        return value
    if not isinstance(value, list):
        return (_choose("sinks", registry.sink, value),)
    if not value:
        raise invalid("expected one sink, or a list of at least one")
    chosen: list[PluginChoice] = []
    found: list[FieldIssue] = []
    for number, one in enumerate(value):
        try:
            chosen.append(_choose("sinks", registry.sink, one))
        except PydanticCustomError as error:
            issues: list[FieldIssue] = (error.context or {})[ISSUES]
            found += [replace(issue, place=(number, *issue.place)) for issue in issues]
    if found:
        raise invalid_fields(found)
    return tuple(chosen)


def _kafka_store(value: object) -> PluginChoice | None:
    if value is None or isinstance(value, PluginChoice):
        return value
    return _choose("stores", registry.store, {"kafka": value})


def _repartition(value: object) -> PluginChoice | None:
    if value is None or isinstance(value, PluginChoice):
        return value
    return _choose("repartitions", registry.repartition, value)


RepartitionChoice = Annotated[
    PluginChoice | None, PlainValidator(_repartition), WithJsonSchema({PLUGIN: "Repartition"})
]


def _kafka_log(value: object) -> PluginChoice | None:
    if value is None or isinstance(value, PluginChoice):
        return value
    return _choose("stores", registry.control_log, {"kafka": value})


KafkaLogChoice = Annotated[
    PluginChoice | None, PlainValidator(_kafka_log), WithJsonSchema({PLUGIN: "ControlLog.kafka"})
]
KafkaStoreChoice = Annotated[
    PluginChoice | None, PlainValidator(_kafka_store), WithJsonSchema({PLUGIN: "Store.kafka"})
]
SourceChoice = Annotated[PluginChoice, PlainValidator(_source), WithJsonSchema({PLUGIN: "Source"})]
SINKS = {
    "anyOf": [
        {PLUGIN: "Sink"},
        {"type": "array", "items": {PLUGIN: "Sink"}, "minItems": 1},
    ]
}
SinkChoices = Annotated[tuple[PluginChoice, ...], PlainValidator(_sinks), WithJsonSchema(SINKS)]
"""The sinks of a role: the file names one, or a list of them."""
