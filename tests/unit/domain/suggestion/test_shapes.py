"""Messages that are not all alike: what is suggested for them makes events without a reject."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from engine.domain.suggestion.mapping import suggested_mapping
from tests.unit.connectors.formats.format_case import decode, entities
from tests.unit.domain.suggestion.suggesting import notes, suggested

TS = 1_704_067_200
A = {"ts": TS, "id": "a"}


def read(documents: list[Any]) -> list[tuple[str, float]]:
    """Return the events of messages by the mapping that is suggested for them."""
    text = yaml.safe_dump(suggested(documents), sort_keys=False)
    events, rejects = decode(text, *(json.dumps(one).encode() for one in documents))
    assert rejects == []
    return entities(events)


@pytest.mark.parametrize(
    "other",
    [
        {},
        {"found": []},
        {"found": None},
        {"found": 7},
        {"found": "none"},
        {"found": [7]},
        {"found": [None]},
    ],
    ids=str,
)
@pytest.mark.parametrize("wrap", [False, True], ids=["at the top", "within an object"])
def test_messages_without_the_array_are_passed_over(other: Any, wrap: bool) -> None:
    documents = [{**A, "found": [{"part": "x", "v": 1.5}, {"part": "y", "v": 2.5}]}, {**A, **other}]
    if wrap:
        documents = [{"data": one} for one in documents]

    assert [value for _, value in read(documents)] == [1.5, 2.5]


@pytest.mark.parametrize("other", [{"x": 1.5}, {}, [1.5], []], ids=str)
def test_a_field_that_is_something_else_in_some_messages_is_left_out(other: Any) -> None:
    documents = [{**A, "level": 3.5, "flow": 1.5}, {**A, "level": other, "flow": 2.5}]

    assert read(documents) == [("a", 1.5), ("a", 2.5)]
    assert "left out, for they are an object or an array in some messages: level" in notes(
        documents
    )


def test_numbers_beside_states_that_are_objects_are_values() -> None:
    # As digital states of a PI server are.
    state = {"Name": "No Data", "Value": 248, "IsSystem": True}

    documents = [{"Items": [{"at": TS, "Value": 3.5}, {"at": TS + 60, "Value": state}]}]

    assert [value for _, value in read(documents)] == [3.5]
    assert "1 of 2 have Items.Value.Name: passed over" in notes(documents)


def test_a_word_among_numbers_is_a_gap() -> None:
    # As Litmus Edge writes a value that could not be read.
    documents = [{**A, "value": 1.5}, {**A, "value": "timeout"}, {**A, "value": 2.5}]

    assert [str(value) for _, value in read(documents)] == ["1.5", "nan", "2.5"]
    assert "words among numbers that are taken for gaps: timeout" in notes(documents)


def test_words_that_are_as_many_as_numbers_are_not_gaps() -> None:
    texts = ["up", "down", "idle"]
    documents = [{**A, "flow": 1.5, "state": value} for value in [*texts, 7]]

    assert suggested(documents)["values"] == {"flow": {"path": "flow"}}


def test_flags_among_numbers_are_numbers() -> None:
    # As Sparkplug in JSON: a value of each metric.
    metrics = [{"name": "open", "value": True}, {"name": "temp", "value": 21.5}]

    assert read([{**A, "metrics": metrics}]) == [("open", 1.0), ("temp", 21.5)]


@pytest.mark.parametrize(
    ("texts", "spec", "values"),
    [
        (["0.5s", "12ms"], {"as": "quantity", "unit": "s"}, [0.5, 0.012]),
        (["1520 mV", "1.5 V"], {"as": "quantity", "unit": "V"}, [1.52, 1.5]),
        (["50%", "7.5 %"], {"as": "quantity", "unit": "%"}, [50.0, 7.5]),
        (["512MiB", "1GiB"], {"as": "quantity", "unit": "B"}, [512 * 2.0**20, 2.0**30]),
    ],
)
def test_numbers_with_their_unit_are_values(
    texts: list[str], spec: dict[str, str], values: list[float]
) -> None:
    documents = [{**A, "took": text} for text in texts]

    assert suggested(documents)["values"] == {"took": {"path": "took", **spec}}
    assert [value for _, value in read(documents)] == values


@pytest.mark.parametrize("texts", [["7A", "B7"], ["12ab"], ["3/4"], ["10:30"], ["1s", "1V"]])
def test_texts_of_no_common_unit_are_no_values(texts: list[str]) -> None:
    assert suggested_mapping([{**A, "text": text} for text in texts]) is None


def test_rows_of_words_at_the_end_of_a_file_are_passed_over() -> None:
    # As typeperf ends.
    rows = [{"(PDH-CSV 4.0)": f"01/01/2024 00:00:3{n}.824", "usage": 0.5 + n} for n in range(4)]
    documents = [*rows, {"(PDH-CSV 4.0)": "Exiting, please wait..."}]

    assert [value for _, value in read(documents)] == [0.5, 1.5, 2.5, 3.5]
    assert "1 messages have no usage: passed over" in notes(documents)


def test_the_begin_of_an_interval_is_a_time() -> None:
    documents = [{"MTU": "01.01.2024 00:00 - 01.01.2024 01:00", "price": 68.21}]

    assert suggested(documents)["time"] == {"path": "MTU", "format": "%d.%m.%Y %H:%M"}
    assert [value for _, value in read(documents)] == [68.21]


def test_digits_are_values_where_nothing_else_is() -> None:
    # As journald writes all numbers.
    documents = [{**A, "cpu": "125000000", "zip": "01234"}, {**A, "cpu": "7", "zip": "99999"}]

    assert suggested(documents)["values"] == {"cpu": {"path": "cpu", "as": "number"}}
    assert "cpu" not in suggested([{**one, "flow": 1.5} for one in documents])["values"]


def test_texts_of_numbers_name_no_entity() -> None:
    # As the adapter of Prometheus writes them.
    documents = [{"name": "up", "timestamp": TS, "value": value} for value in ("1.25", "NaN")]

    found = suggested(documents)

    assert found["key"] == "name"
    assert found["values"]["value"] == {"path": "value", "as": "number", "missing": ["NaN"]}


def test_an_object_at_a_place_of_an_array_is_the_message() -> None:
    # As a call of OCPP.
    meter = {"timestamp": "2024-01-01T00:00:00Z", "sampledValue": [{"value": "12.3", "unit": "W"}]}
    documents = [[2, "19223201", "MeterValues", {"connectorId": 1, "meterValue": [meter]}]]

    assert [value for _, value in read(documents)] == [12.3]
    assert suggested(documents)["explode"] == "[3].meterValue.sampledValue"


@pytest.mark.parametrize("digits", ["19223201", "2024010112", "123456"])
def test_digits_of_another_length_are_no_date(digits: str) -> None:
    documents = [{"call": digits, "at": "2024-01-01T00:00:00Z", "v": 1.5}]

    assert suggested(documents)["time"] == {"path": "at", "format": "iso8601"}


def test_values_in_a_field_for_each_type_are_one_value() -> None:
    # As Tesla's fleet telemetry writes them.
    data = [
        {"key": "Soc", "value": {"longValue": "59"}},
        {"key": "Speed", "value": {"doubleValue": 45.5}},
        {"key": "Gear", "value": {"shiftState": "P"}},
    ]
    documents = [{"vin": "v1", "at": TS, "data": data}]

    (found,) = suggested(documents)["values"].values()

    path = "data.value[longValue|doubleValue]"
    assert found == {"path": path, "optional": True, "as": "number"}
    assert [value for _, value in read(documents)][:2] == [59.0, 45.5]


def test_numbers_of_mongodb_are_read_whatever_their_type() -> None:
    documents = [{**A, "doc": {"temp": {"$numberDouble": "21.5"}}}]

    (found,) = suggested(documents)["values"].values()

    assert found["path"] == "doc.temp[$numberDouble|$numberInt|$numberLong|$numberDecimal]"


@pytest.mark.parametrize(
    "documents",
    [
        [{**A, "double": 1.5, "int": 3}],
        [{**A, "temp": 1.5}, {**A, "level": 3.5}],
    ],
    ids=["both are there", "other names"],
)
def test_other_fields_are_values_of_their_own(documents: list[Any]) -> None:
    assert len(suggested(documents)["values"]) == 2


def test_samples_in_an_array_are_noted() -> None:
    documents = [{**A, "rms": 0.5, "wave": {"x": [0.25, 0.5]}, "samples": [1, 2], "one": [1]}]

    assert "numbers in arrays are not read: samples, wave.x; explode makes" in notes(documents)


def test_parallel_arrays_that_are_exploded_are_not_noted() -> None:
    documents = [{"id": "a", "hourly": {"time": [TS, TS + 60], "temp": [1.5, 2.5]}}]

    assert suggested(documents)["explode"] == "hourly"
    assert "numbers in arrays" not in notes(documents)
