import pickle
from dataclasses import replace

import numpy as np

from engine.domain.batch import EventBatch
from engine.domain.origins import NO_PLACE, Origins, place_of
from engine.domain.trace import Trace


def batch(*keys: str, first: int = 0) -> EventBatch:
    n = len(keys)
    rows = np.arange(first, first + n)
    return EventBatch(
        topic="sensors",
        keys=np.array(keys, dtype=object),
        times=rows * 1_000,
        values=np.column_stack([rows, -rows]).astype(float),
        partitions=np.zeros(n, np.int32),
        offsets=rows,
        timestamps=rows * 1_001,
    )


def test_taking_rows_keeps_all_columns_together() -> None:
    taken = batch("a", "b", "c").take(np.array([2, 0]))

    assert taken.keys.tolist() == ["c", "a"]
    assert taken.values.tolist() == [[2.0, -2.0], [0.0, 0.0]]
    assert taken.timestamps.tolist() == [2_002, 0]
    assert taken.topic == "sensors"


def test_joining_cuts_gives_the_whole() -> None:
    whole = batch("a", "b", "c", "d")
    joined = EventBatch.concatenate([whole.take(slice(0, 1)), whole.take(slice(1, 4))])

    for one, other in zip(joined.columns(), whole.columns(), strict=True):
        assert one.tolist() == other.tolist()


def test_joining_one_batch_copies_nothing() -> None:
    whole = batch("a")

    assert EventBatch.concatenate([whole]) is whole


def test_the_rows_of_a_traced_batch_are_in_its_trace_wherever_they_go() -> None:
    trace = Trace("a" * 32, "b" * 16)
    traced = replace(batch("a", "b"), trace=trace)
    taken = traced.take(slice(1, 2))

    assert pickle.loads(pickle.dumps(taken)).trace == trace
    assert EventBatch.concatenate([traced, batch("c")]).trace is None


def test_an_event_that_was_re_keyed_stands_where_its_producer_put_it() -> None:
    places = np.array([place_of(3, 2**47), NO_PLACE, place_of(0, 0)])
    re_keyed = replace(batch("a", "b", "c"), origins=Origins("raw", places))

    found = [re_keyed.take(np.array([2, 1, 0])).origin(row) for row in range(3)]

    assert found == [("raw", 0, 0), ("sensors", 0, 1), ("raw", 3, 2**47)]


def test_joining_keeps_the_origins_of_those_that_have_some() -> None:
    re_keyed = replace(batch("a"), origins=Origins("raw", np.array([place_of(5, 7)])))

    joined = EventBatch.concatenate([batch("b"), re_keyed])

    assert [joined.origin(row) for row in range(2)] == [("sensors", 0, 0), ("raw", 5, 7)]
