"""Keys of series whose events have times of their own: nothing clashes if a part is missing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.domain.suggestion.suggesting import notes, suggested

TS = 1_767_225_600
ISO = "2026-01-01T{:02}:{:02}:{:02}Z"


def iso(n: int) -> str:
    return ISO.format(n // 3600, n // 60 % 60, n % 60)


def noise(n: int) -> float:
    return 20 + n * 7 % 5 / 10


def prometheus(n: int) -> dict[str, Any]:
    labels = {"__name__": "load", "host": f"h{n % 3}", "cpu": f"cpu{n // 3 % 3}"}
    return {"metric": labels, "value": noise(n), "timestamp": TS + n * 7}


def mtconnect(n: int) -> dict[str, Any]:
    """An answer of an agent, in the second version of its JSON."""
    components = [
        {
            "component": "Linear",
            "name": axis,
            "Samples": {
                "Position": [
                    {"dataItemId": f"{axis}1", "timestamp": iso(n), "value": base + noise(n)}
                ]
            },
        }
        for axis, base in (("X", 100), ("Y", 50), ("Z", 10))
    ]
    device = {"name": f"VMC{n % 2}", "uuid": f"u{n % 2}", "ComponentStream": components}
    return {
        "MTConnectStreams": {"Header": {"instanceId": 1}, "Streams": {"DeviceStream": [device]}}
    }


def observation(n: int) -> dict[str, Any]:
    """An observation of MTConnect as an adapter to Kafka writes it."""
    item, base = (("Xpos", 100), ("Ypos", 50), ("speed", 3000))[n % 3]
    return {
        "deviceUuid": f"M{n // 3 % 2}",
        "dataItemId": item,
        "sequence": n,
        "timestamp": iso(n),
        "result": base + noise(n),
    }


@pytest.mark.parametrize(
    ("message", "key"),
    [
        (prometheus, ["metric.host", "metric.cpu"]),
        (observation, ["deviceUuid", "dataItemId"]),
        (
            mtconnect,
            [
                "MTConnectStreams.Streams.DeviceStream.name",
                "MTConnectStreams.Streams.DeviceStream.ComponentStream.name",
            ],
        ),
    ],
)
def test_the_key_has_all_that_names_a_series(message: Any, key: list[str]) -> None:
    assert suggested([message(n) for n in range(120)])["key"] == key


def test_a_field_that_may_name_the_value_is_noted_if_the_values_do_not_differ() -> None:
    documents = [
        {"device": f"d{n % 3}", "type": "ab"[n // 3 % 2], "value": noise(n), "ts": TS + n * 7}
        for n in range(120)
    ]

    assert suggested(documents)["key"] == "device"
    assert "an entity has several of type: part of the key, if it names the value" in notes(
        documents
    )


def test_labels_of_an_event_of_its_own_are_no_part_of_the_key() -> None:
    documents = [
        {"labels": {"host": f"h{n % 3}", "run": f"r{n}"}, "value": noise(n), "ts": TS + n * 7}
        for n in range(120)
    ]

    assert suggested(documents)["key"] == "labels.host"
