"""Exploded messages that are read as a whole: the same as element by element."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain.batch import RawBatch
from operators.decode.decoder import Decoder
from tests.unit.operators.decode.mapping_case import NOW, TS, decoder

INNER = """
explode: site.readings
key: [site.name, site.readings.id]
time: {path: site.readings.ts, unit: ms}
values: {v: site.readings.v, w: {path: site.readings.more.w, optional: true}}
"""
WHOLE = "explode: $message\nkey: id\ntime: {path: ts, unit: ms}\nvalues: [v]"
GOOD = {"id": "a", "ts": TS, "v": 1.5, "more": {"w": 2}}
ELEMENT = st.sampled_from(
    [
        GOOD,
        GOOD,
        {**GOOD, "id": 7},
        {**GOOD, "v": None},
        {**GOOD, "ts": 10**16},
        {},
        7,
        None,
        [GOOD],
    ]
)
READINGS = st.one_of(st.lists(st.just(GOOD)), st.lists(ELEMENT, max_size=5))
SITE = st.fixed_dictionaries({"name": st.just("s"), "readings": READINGS})
ODD: list[Any] = [{}, {"site": None}, {"site": {"name": "s"}}, {"site": {"readings": GOOD}}, 7]
MESSAGE = st.one_of(st.fixed_dictionaries({"site": SITE}), st.sampled_from(ODD))
Found = tuple[Any, ...]


def decoded(found: Decoder, messages: list[Any]) -> Found:
    n = len(messages)
    payloads = [orjson.dumps(message) for message in messages]
    batch = RawBatch("t", 0, np.arange(n), np.full(n, NOW), payloads)
    events, rejects = found.decode([batch])
    assert events.indices is not None
    columns = (events.keys, events.times, events.values, events.offsets, events.indices)
    passed = +found.passed_over
    return *(column.tolist() for column in columns), rejects, passed


def both(text: str, messages: list[Any]) -> tuple[str, str]:
    quick, slow = decoder(text), decoder(text)
    assert quick._typed is not None
    slow._typed = None
    return repr(decoded(quick, messages)), repr(decoded(slow, messages))


@settings(deadline=None)
@given(st.lists(MESSAGE, min_size=1, max_size=6))
def test_elements_of_an_inner_array_are_read_alike(messages: list[Any]) -> None:
    quick, slow = both(INNER, messages)

    assert quick == slow


CONDITIONS = [
    "{path: site.readings.id, equals: a}",
    "{path: site.readings.id, equals: none}",
    "{path: site.readings.more, exists: true}",
    "{path: site.readings.v, equals: 1.5}",
    "{path: site.name, in: [s, t]}",
    "{path: site.name, equals: t}",
    "[{path: site.name, equals: s}, {not: {path: site.readings.id, equals: 7}}]",
    "{or: [{path: site.name, equals: t}, {path: site.readings.id, equals: a}]}",
]
SITES = st.fixed_dictionaries({"name": st.sampled_from("st"), "readings": READINGS})


@pytest.mark.parametrize("where", CONDITIONS)
@settings(deadline=None, max_examples=50)
@given(messages=st.lists(st.fixed_dictionaries({"site": SITES}), min_size=1, max_size=4))
def test_conditions_are_asked_alike(where: str, messages: list[Any]) -> None:
    quick, slow = both(f"{INNER}where: {where}", messages)

    assert quick == slow


def test_elements_with_a_condition_are_read_without_documents() -> None:
    found = decoder(f"{INNER}where: {CONDITIONS[0]}")
    assert found._typed is not None
    message = {"site": {"name": "s", "readings": [GOOD, {**GOOD, "id": 7}]}}

    assert found._typed.decode([orjson.dumps(message)]) is not None
    assert decoded(found, [message])[0] == ["s/a"]


@settings(deadline=None)
@given(st.lists(st.one_of(READINGS, st.sampled_from([GOOD, 7])), min_size=1, max_size=6))
def test_elements_of_a_message_that_is_an_array_are_read_alike(messages: list[Any]) -> None:
    quick, slow = both(WHOLE, messages)

    assert quick == slow


def test_all_good_elements_are_read_without_documents() -> None:
    found = decoder(INNER)

    assert found._typed is not None
    message = orjson.dumps({"site": {"name": "s", "readings": [GOOD] * 3}})

    assert found._typed.decode([message] * 2) is not None


@pytest.mark.parametrize(
    "text",
    [
        "explode: a\nkey: {const: x}\nvalues: {v: a}",
        "explode: a.b\nkey: a\nvalues: [a.b.v]",
        "explode: a | json\nkey: id\nvalues: [v]",
        'key: id\nvalues: {each: "fields.*"}',
    ],
)
def test_what_may_be_of_any_type_is_read_element_by_element(text: str) -> None:
    assert decoder(text)._typed is None
