"""Sparkplug B: messages of industrial devices over MQTT, which bridges forward to Kafka."""

from __future__ import annotations

from typing import Any

from connectors.formats.binary import NoSettings
from connectors.formats.wire import Value, double, fields, inner, signed, single, text
from engine.domain.batch import Headers

INT8, INT16, INT32, INT64 = 1, 2, 3, 4
BITS = {INT8: 8, INT16: 16, INT32: 32, INT64: 64}


class SparkplugB:
    """The plug-in behind `format: sparkplug`: a message with its metrics.

    Metrics that have an alias alone are named by it: the birth of the device, which may lie long
    before, has the name that it stands for.
    """

    Settings = NoSettings
    name = "sparkplug"
    many = False

    def __init__(self, settings: NoSettings, text_fields: frozenset[str]) -> None:
        pass

    def decode(self, payload: bytes, headers: Headers) -> Any:
        """Return `timestamp` in ms, `seq`, and `metrics` with name, alias, timestamp and value."""
        found: dict[str, Any] = {"metrics": []}
        for number, _, value in fields(payload):
            if number == 1:
                found["timestamp"] = signed(value)
            elif number == 2:
                found["metrics"].append(_metric(inner(value)))
            elif number == 3:
                found["seq"] = signed(value)
        for metric in found["metrics"]:
            metric.setdefault("timestamp", found.get("timestamp"))
        return found


def _metric(data: bytes) -> dict[str, Any]:
    metric: dict[str, Any] = {"name": None, "value": None}
    raw: tuple[int, Value] | None = None
    for number, _, value in fields(data):
        if number == 1:
            metric["name"] = text(value)
        elif number in (2, 3, 4):
            metric[{2: "alias", 3: "timestamp", 4: "datatype"}[number]] = signed(value)
        elif 10 <= number <= 16:
            raw = number, value
    if raw is not None:
        metric["value"] = _value(*raw, metric.get("datatype", 0))
    if metric["name"] is None and "alias" in metric:
        metric["name"] = str(metric["alias"])
    return metric


def _value(number: int, value: Value, datatype: int) -> Any:
    if number in (10, 11):
        unsigned = signed(value) % 2**64
        bits = BITS.get(datatype)
        if bits is None:
            return unsigned
        unsigned %= 2**bits
        return unsigned - 2**bits if unsigned >= 2 ** (bits - 1) else unsigned
    if number == 12:
        return single(value)
    if number == 13:
        return double(value)
    if number == 14:
        return bool(value)
    return text(value) if number == 15 else None
