"""Values by name where the names are an array beside them: `row[names=temp].values`."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.operators.decode.mapping_case import TS, decode, rows

EVENT = """
explode: change
key: "change[columnnames=sensor].columnvalues"
values: {temp: "change[columnnames=temp].columnvalues"}
"""


def change(names: Any, values: Any) -> dict[str, Any]:
    return {"kind": "insert", "columnnames": names, "columnvalues": values}


def test_the_value_is_at_the_place_of_its_name_whatever_the_order() -> None:
    changes = [
        change(["id", "sensor", "temp"], [7, "s1", 4.25]),
        change(["temp", "id", "sensor"], [5.5, 8, "s2"]),
    ]

    events, rejects = decode(EVENT, {"change": changes})

    assert (rows(events), rejects) == ([("s1", 4.25), ("s2", 5.5)], [])


@pytest.mark.parametrize(
    ("wrong", "detail"),
    [
        (change(["sensor"], ["s1"]), "there is nothing at change[columnnames=temp]"),
        (change(["sensor", "temp"], "s1"), "expected a number"),
        (change("sensor", "s1"), "expected an array"),
        (change([["sensor"], {}], [1, 2]), "there is nothing at change[columnnames=sensor]"),
        ({"kind": "delete"}, "expected an array"),
    ],
)
def test_a_row_without_the_name_is_a_reject_alone(wrong: Any, detail: str) -> None:
    changes = [change(["sensor", "temp"], ["s1", 4.25]), wrong]

    events, rejects = decode(EVENT, {"change": changes})

    assert rows(events) == [("s1", 4.25)]
    assert detail in rejects[0].detail


def test_a_message_may_be_the_row_itself() -> None:
    text = """
key: "[names=sensor].row"
time: {path: "[names=ts].row", unit: ms}
values: {temp: "[names=temp].row"}
"""

    events, rejects = decode(text, {"names": ["ts", "sensor", "temp"], "row": [TS, "s1", 4.25]})

    assert (rows(events), rejects) == ([("s1", 4.25)], [])
    assert events.times.tolist() == [TS * 10**6]
