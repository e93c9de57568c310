"""Paths through the first of some fields that is there: `value[doubleValue|intValue]`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.application.config.json_path import parse_path
from engine.domain.path import path_text
from tests.unit.connectors.formats.format_case import decode, entities

EVENT = """
key: id
values: {v: {path: "value[double|int]", as: number}}
"""


def rows(*documents: Any) -> list[bytes]:
    return [json.dumps(document).encode() for document in documents]


def test_the_first_field_that_is_there_is_the_value() -> None:
    found = rows(
        {"id": "a", "value": {"double": 1.5}},
        {"id": "b", "value": {"int": "7"}},
        {"id": "c", "value": {"double": None, "int": 3, "text": "x"}},
        {"id": "d", "value": {"int": 5, "double": 4}},
    )

    events, rejects = decode(EVENT, *found)

    assert (entities(events), rejects) == ([("a", 1.5), ("b", 7.0), ("c", 3.0), ("d", 4.0)], [])


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        ({"text": "x"}, "there is nothing at value[double|int]"),
        ({}, "there is nothing at value[double|int]"),
        (7, "value is 7, expected an object"),
    ],
)
def test_none_of_the_fields_is_a_reject_that_names_them(value: Any, detail: str) -> None:
    _, rejects = decode(EVENT, *rows({"id": "a", "value": value}))

    assert [reject.detail for reject in rejects] == [detail]


def test_fields_below_and_at_the_top_are_read() -> None:
    text = """
key: "[sensor|device]"
values: {v: "[gauge|counter].value"}
"""
    found = rows({"sensor": "a", "gauge": {"value": 1}}, {"device": "b", "counter": {"value": 2}})

    events, rejects = decode(text, *found)

    assert (entities(events), rejects) == ([("a", 1.0), ("b", 2.0)], [])


@pytest.mark.parametrize(
    "message",
    [
        {"id": "m", "points": [{"double": 1}, {"int": 2}]},
        {"id": "m", "series": [{"double": 1}, {"int": 2}]},
    ],
)
def test_what_is_exploded_may_be_one_of_some_fields(message: Any) -> None:
    text = """
explode: "[points|series]"
key: id
values: {v: "[points|series][double|int]"}
"""

    events, rejects = decode(text, *rows(message))

    assert (entities(events), rejects) == ([("m", 1.0), ("m", 2.0)], [])


def test_parallel_arrays_beside_it_are_taken_place_by_place() -> None:
    text = """
explode: $message
key: id
values: {v: level, w: "[a|b]"}
"""

    events, rejects = decode(text, *rows({"id": "m", "level": [1, 2], "b": 5}))

    assert (events.values.tolist(), rejects) == ([[1.0, 5.0], [2.0, 5.0]], [])


@pytest.mark.parametrize("text", ["a[b|c]", "[b|c].d", "a[$numberInt|$numberDouble]", "a[b.c|d]"])
def test_it_is_written_as_it_was_read(text: str) -> None:
    assert path_text(parse_path(text)) == text
