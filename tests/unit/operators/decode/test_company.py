"""What becomes of a message does not depend on the messages beside it in its batch."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.decode.decoder import Decoder
from tests.unit.operators.decode.mapping_case import TS, batch, decoder

TIME = "key: k\ntime: {path: t, unit: ms}\nvalues: {v: v}"
MAPPINGS = {
    "flat": TIME,
    "optional": "key: k\nvalues: {v: {path: v, optional: true}, w: {path: a.v, optional: true}}",
    "where": f"{TIME}\nwhere: {{path: kind, equals: x}}",
    "explode": "explode: a\nkey: k\nvalues: {v: a.v}",
    "explode, where": "explode: a\nkey: k\nvalues: {v: a.v}\nwhere: {path: kind, equals: x}",
    "explode, where of both": (
        "explode: a\nkey: k\nvalues: {v: a.v}\n"
        "where: [{path: kind, equals: x}, {path: a.v, exists: true}]"
    ),
    "message": f"explode: $message\n{TIME}",
    "message, where": f"explode: $message\n{TIME}\nwhere: {{path: kind, equals: x}}",
    "each": 'key: k\nvalues: {each: "a.*"}',
    "each, where": 'key: k\nvalues: {each: "a.*"}\nwhere: {path: kind, equals: x}',
    "counter as text": "key: k\nvalues: {v: {path: v, as: number, missing: [none]}}",
}
SCALARS: st.SearchStrategy[Any] = st.sampled_from(
    [None, 1, 2.5, True, "x", "3.5", "none", "NaN", 1e400, [], {}, TS]
)
INNER = st.dictionaries(st.sampled_from(["v", "k", "kind"]), SCALARS, max_size=3)
OBJECTS = st.fixed_dictionaries(
    {},
    optional={
        "k": st.sampled_from(["a", "b", 7, None]),
        "kind": st.sampled_from(["x", "y", None]),
        "t": st.sampled_from([TS, str(TS), TS // 1000, None, "x"]),
        "v": SCALARS,
        "a": st.one_of(INNER, st.lists(st.one_of(INNER, SCALARS), max_size=3), SCALARS),
    },
)
MESSAGES = st.one_of(OBJECTS, OBJECTS, st.lists(st.one_of(OBJECTS, SCALARS), max_size=3), SCALARS)


def became(found: Decoder, messages: list[Any], first: int = 0) -> tuple[list[str], int]:
    """Return events and rejects with their places, and how many were passed over."""
    events, rejects = found.decode([batch(*messages)])
    indices = [None] * len(events) if events.indices is None else events.indices.tolist()
    places = (events.offsets + first).tolist()
    columns = events.keys.tolist(), events.times.tolist(), events.values.tolist()
    rows = [repr(row) for row in zip(places, indices, *columns, strict=True)]
    rows += [repr((one.offset + first, one.index, one.reason, one.detail)) for one in rejects]
    return sorted(rows), sum(found.passed_over.values())


@pytest.mark.parametrize("name", MAPPINGS)
@given(messages=st.lists(MESSAGES, min_size=2, max_size=6))
@settings(max_examples=30, deadline=None)
def test_a_message_becomes_the_same_alone_and_beside_others(name: str, messages: list[Any]) -> None:
    found = decoder(MAPPINGS[name])

    rows, passed = became(found, messages)
    alone = [became(found, [message], place) for place, message in enumerate(messages)]

    assert rows == sorted(row for part, _ in alone for row in part)
    assert passed == sum(count for _, count in alone)
