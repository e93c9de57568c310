"""Mappings that are suggested from messages."""

from __future__ import annotations

from typing import Any

import pytest

from engine.domain.control.suggestion import suggested_mapping

METRICBEAT = {
    "@timestamp": "2024-01-01T00:00:00.123Z",
    "host": {"name": "h1"},
    "system": {"cpu": {"total": 0.25}},
}
ADAPTER = {"name": "node_load1", "timestamp": "2024-01-01T00:00:00Z", "value": "1.25"}
RULE = {"clientid": "press-4", "ts": 1_704_067_200_000, "temp": 21.5, "serial": "0042"}


@pytest.mark.parametrize(
    ("message", "mapping"),
    [
        (
            METRICBEAT,
            {
                "key": "host.name",
                "time": {"path": "@timestamp", "format": "iso8601"},
                "values": {"system.cpu.total": {"path": "system.cpu.total"}},
            },
        ),
        (
            ADAPTER,
            {
                "key": "name",
                "time": {"path": "timestamp", "format": "iso8601"},
                "values": {"value": {"path": "value", "as": "number"}},
            },
        ),
        (
            RULE,
            {
                "key": "clientid",
                "time": {"path": "ts", "unit": "ms"},
                "values": {"temp": {"path": "temp"}},
            },
        ),
    ],
    ids=["a time with a sign", "a number as text", "an id of digits is not a value"],
)
def test_key_time_and_values_are_suggested(message: Any, mapping: Any) -> None:
    assert suggested_mapping([message, message]) == mapping
