"""The JSON Schema of a pipeline file, with what is installed, so that editors complete it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from engine.application import registry
from engine.application.config.defaults import CONNECTION
from engine.application.config.pipeline_file import PipelineFile
from engine.application.config.plugin_choice import PLUGIN
from engine.application.ports import Settings
from engine.domain.detector import Declaration, Parameter

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
REFERENCE: Schema = {"$ref": "#/$defs/Reference"}
NAMED = ("$defs", "properties", "patternProperties")
TYPES = {"int": "integer", "float": "number", "bool": "boolean", "str": "string"}


def json_schema() -> Schema:
    """Return the schema of a pipeline file, for the plug-ins installed here.

    Detectors of packages, such as "river.HalfSpaceTrees", take any parameters in it: they change
    with the package's version, and `pynomaly validate` checks them.
    """
    schema = PipelineFile.model_json_schema()
    definitions: Schema = schema["$defs"]
    sources = {name: registry.source(name).Settings for name in registry.names("sources")}
    sinks = {name: registry.sink(name).Settings for name in registry.names("sinks")}
    definitions["Source"] = _choice(sources, "Source", definitions)
    definitions["Sink"] = _choice(sinks, "Sink", definitions)
    stores = {name: registry.store(name).Settings for name in registry.names("stores")}
    _choice(stores, "Store", definitions)
    logs = {name: _control_log(name) for name in stores if _control_log(name)}
    _choice(logs, "ControlLog", definitions)
    for name in stores.keys() & sources.keys():
        for role in ("Store", "ControlLog"):
            store = definitions.get(f"{role}.{name}", {})
            store["required"] = [f for f in store.get("required", []) if f not in CONNECTION]
    found = {name: registry.repartition(name).Settings for name in registry.names("repartitions")}
    definitions["Repartition"] = _choice(found, "Repartition", definitions)
    _forgive(definitions, shared=sources.keys() & sinks.keys())
    definitions["Detector"] = _detector(registry.declarations())
    definitions["StateSpec"].pop("required", None)
    schema["required"].remove("state")
    schema = {"$schema": DIALECT, **_with_references(schema)}
    schema["$defs"]["Reference"] = {
        "type": "string",
        "pattern": r"\$\{",
        "description": "${VAR}, ${VAR:-default} or ${file:/path}",
    }
    return schema


def _control_log(store: str) -> Any:
    """Return the settings of the control log of a store plug-in; None if it has none."""
    log = getattr(registry.store(store), "ControlLog", None)
    return None if log is None else log.Settings


def _choice(plugins: dict[str, type[Settings]], role: str, definitions: Schema) -> Schema:
    """One plug-in: its name where nothing is required, or its name with its settings."""
    for name, settings in plugins.items():
        prefix = f"{role}.{name}"
        part = settings.model_json_schema(ref_template=f"#/$defs/{prefix}.{{model}}")
        inner = part.pop("$defs", {})
        definitions[prefix] = part
        definitions |= {f"{prefix}.{model}": schema for model, schema in inner.items()}
    references = {name: {"$ref": f"#/$defs/{role}.{name}"} for name in plugins}
    plain = [name for name in plugins if not definitions[f"{role}.{name}"].get("required")]
    return _one_of(plain, references, {})


def _forgive(definitions: Schema, shared: Iterable[str]) -> None:
    """A sink need not say how to reach the brokers that its source reads."""
    for name in shared:
        sink = definitions[f"Sink.{name}"]
        sink["required"] = [f for f in sink.get("required", []) if f not in CONNECTION]


def _detector(declarations: Iterable[Declaration]) -> Schema:
    native = [declaration for declaration in declarations if "." not in declaration.name]
    properties = {declaration.name: _parameters(declaration) for declaration in native}
    names = [declaration.name for declaration in native]
    return _one_of(names, properties, {r"^(river|pyod)\.\w+$": {"type": ["object", "null"]}})


def _parameters(declaration: Declaration) -> Schema:
    return {
        "type": ["object", "null"],
        "description": declaration.summary,
        "properties": {
            parameter.name: _parameter(parameter) for parameter in declaration.parameters
        },
        "additionalProperties": False,
    }


def _parameter(parameter: Parameter) -> Schema:
    schema: Schema = {"description": parameter.description, "default": parameter.default}
    kind = TYPES.get(parameter.type, parameter.type)
    if kind in TYPES.values():
        schema["type"] = kind
    return schema


def _one_of(names: Iterable[str], properties: Schema, patterns: Schema) -> Schema:
    texts: list[Schema] = [{"enum": list(names)}]
    texts += [{"type": "string", "pattern": pattern} for pattern in patterns]
    mapping = {
        "type": "object",
        "properties": properties,
        "patternProperties": patterns,
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }
    return {"anyOf": [*texts, mapping]}


def _with_references(schema: Any) -> Any:
    """Accept a `${VAR}` wherever a number, a choice or a patterned text is expected."""
    if isinstance(schema, list):
        return [_with_references(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if PLUGIN in schema:
        schema = schema | {"$ref": f"#/$defs/{schema[PLUGIN]}"}
        del schema[PLUGIN]
    schema = {
        name: _named(part) if name in NAMED else _with_references(part)
        for name, part in schema.items()
    }
    strict = schema.get("type") in ("integer", "number", "boolean")
    if not strict and not ("pattern" in schema or "enum" in schema):
        return schema
    notes = {n: schema.pop(n) for n in ("title", "description", "default") if n in schema}
    return {**notes, "anyOf": [schema, REFERENCE]}


def _named(parts: Schema) -> Schema:
    """Schemas under names that people chose: a field called "pattern" is not a pattern."""
    return {name: _with_references(part) for name, part in parts.items()}
