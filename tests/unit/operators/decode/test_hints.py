"""What a reject says to somebody whose mapping does not fit: where, what was found, what to do."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.operators.decode.mapping_case import decode

MESSAGE = {
    "sensor": "a",
    "temp": 20.5,
    "fields": {"idle": 90},
    "metrics": [{"n": "x", "v": 1}],
}


@pytest.mark.parametrize(
    ("event", "message", "hint"),
    [
        ("key: sensr\nvalues: [temp]", MESSAGE, 'nothing at sensr; a field is called "sensor"'),
        ("key: Sensor\nvalues: [temp]", MESSAGE, 'nothing at Sensor; a field is called "sensor"'),
        ("key: sensor\nvalues: [idle]", MESSAGE, "nothing at idle; there is fields.idle"),
        (
            "key: sensor\nvalues: [pressure]",
            MESSAGE,
            "nothing at pressure; the fields are sensor, temp, fields, metrics",
        ),
        ("key: $.sensor\nvalues: [temp]", MESSAGE, "at $; paths begin with the name of a field"),
        ("key: sensor\nvalues: [fields]", MESSAGE, "read a field of it, such as fields.idle"),
        ("key: sensor\nvalues: [metrics]", MESSAGE, "set event.explode: metrics"),
        ("key: sensor\nvalues: [metrics.v]", MESSAGE, "set event.explode: metrics"),
        ("key: sensor\nvalues: [temp]", [MESSAGE], "set event.explode: $message"),
    ],
)
def test_a_reject_says_what_to_do(event: str, message: Any, hint: str) -> None:
    _, rejects = decode(event, message)

    assert [hint in reject.detail for reject in rejects] == [True]


def test_many_fields_are_not_all_listed() -> None:
    message = {f"field_{number}_{'x' * 100}": number for number in range(100)}

    _, rejects = decode("key: {const: a}\nvalues: [pressure]", message)

    assert len(rejects[0].detail) < 400
    assert rejects[0].detail.endswith(", ...")
