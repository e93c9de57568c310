"""Messages of any shape: each is an event or a reject, however the stream is cut."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.batch import RawBatch
from tests.unit.operators.decode.mapping_case import (
    NOW,
    decoder,
)

SHAPES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["m", "s", "v", "t", "name", "x"]), inner, max_size=5)
    ),
    max_leaves=12,
)


TEXTS = [
    "explode: m\nkey: [s, m.s]\nvalues: {v: {path: m.v, as: number}}",
    "explode: $message\nkey: s\ntime: {path: t, format: iso8601, zone: Asia/Tokyo}\n"
    "values: {v: 'm[name=x].v'}",
    "explode: m.v\nkey: m.s\nvalues: {v: m.v.v, x: {path: m.v.x, optional: true, missing: [x]}}",
    "where: {not: {path: m.s, equals: x}}\nkey: s\nvalues: {v: {path: 'v | json.x', map: {x: 1}}}",
    "key: {const: c}\nwhere: {path: x, exists: false}\nvalues: {each: {path: 'm.*', as: quantity}}",
]


@given(st.lists(SHAPES, min_size=1, max_size=6), st.sampled_from(TEXTS), st.integers(0, 6))
def test_all_shapes_are_accounted_for_however_the_stream_is_cut(
    shapes: list[Any], text: str, cut: int
) -> None:
    found, cut_up = decoder(text), decoder(text)
    payloads = []
    for shape in shapes:
        try:
            payloads.append(orjson.dumps(shape))
        except TypeError:
            payloads.append(b"x")
    whole = RawBatch("t", 0, np.arange(len(payloads)), np.full(len(payloads), NOW), payloads)

    events, rejects = found.decode([whole])

    seen = {*events.offsets.tolist(), *(r.offset for r in rejects)}

    assert len(seen) + sum(found.passed_over.values()) >= len(payloads)
    parts = [
        RawBatch("t", 0, whole.offsets[rows], whole.timestamps[rows], payloads[rows])
        for rows in (slice(0, cut), slice(cut, None))
        if payloads[rows]
    ]
    results = [cut_up.decode([part]) for part in parts]
    assert [k for e, _ in results for k in e.keys] == events.keys.tolist()
    assert [i for e, _ in results if e.indices is not None for i in e.indices] == (
        [] if events.indices is None else events.indices.tolist()
    )
    assert [(r.offset, r.index, r.detail) for _, rs in results for r in rs] == [
        (r.offset, r.index, r.detail) for r in rejects
    ]
