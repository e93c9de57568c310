"""Envelopes around JSON: Kafka Connect, Debezium and CloudEvents."""

from __future__ import annotations

import base64
from decimal import Decimal
from typing import Any

import orjson

from connectors.formats.binary import NoSettings
from engine.domain.batch import Headers
from engine.domain.format import FormatError

DECIMAL = "org.apache.kafka.connect.data.Decimal"
VARIABLE_DECIMAL = "io.debezium.data.VariableScaleDecimal"
NO_CHANGE = (
    "the payload is not a change event: it has no field op. Where Debezium or a transform unwraps "
    "them (ExtractNewRecordState), set format: connect"
)


class Connect:
    """The plug-in behind `format: connect`: JSON of Kafka Connect's converter."""

    Settings = NoSettings
    name = "connect"
    many = False

    def __init__(self, settings: NoSettings, text_fields: frozenset[str]) -> None:
        pass

    def decode(self, payload: bytes, headers: Headers) -> Any:
        """Return the payload of the envelope, its decimals as numbers; what has none as it is."""
        return _opened(_json(payload))


class Debezium:
    """The plug-in behind `format: debezium`: the state of a row after each change."""

    Settings = NoSettings
    name = "debezium"
    many = False

    def __init__(self, settings: NoSettings, text_fields: frozenset[str]) -> None:
        pass

    def decode(self, payload: bytes, headers: Headers) -> Any:
        """Return the row, with `__op`, `__ts_ms` and `__source`; None if it was deleted."""
        change = _opened(_json(payload))
        if not isinstance(change, dict) or "op" not in change:
            raise FormatError(NO_CHANGE)
        if change["op"] in ("d", "t", "m"):
            return None
        row = change.get("after")
        if not isinstance(row, dict):
            raise FormatError("the change event has no object in its field after")
        notes = {"op": change["op"], "ts_ms": change.get("ts_ms"), "source": change.get("source")}
        return {**row, **{f"__{name}": value for name, value in notes.items()}}


class CloudEvents:
    """The plug-in behind `format: cloudevents`: structured, or in the headers of the message."""

    Settings = NoSettings
    name = "cloudevents"
    many = False

    def __init__(self, settings: NoSettings, text_fields: frozenset[str]) -> None:
        pass

    def decode(self, payload: bytes, headers: Headers) -> Any:
        """Return the attributes of the event, and its JSON below `data`."""
        named = {name.lower(): value for name, value in headers if value is not None}
        if "ce_specversion" not in named:
            event_or_batch = _json(payload)
            if isinstance(event_or_batch, list):
                return [_of_batch(event) for event in event_or_batch]
            return _structured(event_or_batch)
        try:
            event: dict[str, Any] = {
                name[3:]: value.decode() for name, value in named.items() if name[:3] == "ce_"
            }
        except UnicodeDecodeError:
            raise FormatError("a ce_ header is not UTF-8") from None
        return event | {"data": _json(payload)}


def _of_batch(event: Any) -> Any:
    """Return an event of a batch; one that is none stays as it is, and is rejected alone."""
    try:
        return _structured(event)
    except FormatError:
        return event


def _structured(event: Any) -> Any:
    if not isinstance(event, dict) or "specversion" not in event:
        raise FormatError(
            "the payload is not a CloudEvent: it has no specversion, nor have its ce_ headers"
        )
    if "data_base64" in event:
        try:
            data = base64.b64decode(str(event["data_base64"]), validate=True)
        except ValueError:
            raise FormatError("data_base64 of the CloudEvent is not base64") from None
        return event | {"data": _json(data)}
    return event


def _json(payload: bytes) -> Any:
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise FormatError(f"not JSON at byte {error.pos}: {error.msg}") from None


def _opened(document: Any) -> Any:
    """Return what is in an envelope of schema and payload."""
    if not isinstance(document, dict) or not {"schema", "payload"} >= document.keys():
        return _shaped(document, 0)
    schema, payload = document.get("schema"), document.get("payload")
    return _typed(payload, schema, 0) if schema else _shaped(payload, 0)


def _shaped(found: Any, depth: int) -> Any:
    """Return a value without a schema, its decimals of variable scale as numbers."""
    if depth > 50 or not isinstance(found, (dict, list)):
        return found
    if isinstance(found, list):
        return [_shaped(value, depth + 1) for value in found]
    if found.keys() == {"scale", "value"} and type(found["scale"]) is int:
        number = _decimal(found["value"], found)
        return found if isinstance(number, str) else number
    return {name: _shaped(value, depth + 1) for name, value in found.items()}


def _typed(found: Any, schema: Any, depth: int) -> Any:
    """Return a value with its decimals as numbers."""
    if not isinstance(schema, dict) or found is None or depth > 50:
        return found
    if schema.get("name") == DECIMAL and isinstance(found, str):
        return _decimal(found, schema.get("parameters"))
    if schema.get("name") == VARIABLE_DECIMAL and isinstance(found, dict):
        return _decimal(found.get("value"), {"scale": found.get("scale")})
    if isinstance(found, list) and schema.get("type") == "map" and all(map(_is_pair, found)):
        # A map whose keys are not texts is written as pairs.
        return {str(name): _typed(value, schema.get("values"), depth + 1) for name, value in found}
    if isinstance(found, dict) and schema.get("type") == "map":
        inner = schema.get("values")
        return {name: _typed(value, inner, depth + 1) for name, value in found.items()}
    if isinstance(found, dict) and isinstance(schema.get("fields"), list):
        kinds = {f.get("field"): f for f in schema["fields"] if isinstance(f, dict)}
        return {name: _typed(value, kinds.get(name), depth + 1) for name, value in found.items()}
    if isinstance(found, list):
        return [_typed(value, schema.get("items"), depth + 1) for value in found]
    return found


def _is_pair(found: Any) -> bool:
    return isinstance(found, list) and len(found) == 2


def _decimal(text: Any, parameters: Any) -> Any:
    scale = parameters.get("scale", "0") if isinstance(parameters, dict) else "0"
    try:
        unscaled = int.from_bytes(base64.b64decode(text, validate=True), "big", signed=True)
        # A whole number may be a key.
        return float(Decimal(unscaled).scaleb(-int(scale))) if int(scale) else unscaled
    except (ValueError, ArithmeticError, TypeError):
        return text
