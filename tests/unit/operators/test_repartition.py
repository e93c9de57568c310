"""repartition: messages leave as they came, keyed by their entities."""

from __future__ import annotations

import numpy as np
import orjson

from engine.application.ports import RunContext
from engine.domain.batch import Headers, RawBatch
from engine.domain.reject import Reject
from operators.repartition import RepartitionStep
from tests.unit.operators.pipelines import pipeline

HEADERS: Headers = (("sender", b"line 3"),)
STAMP = 1_767_225_600_000_000_000
Message = tuple[str, int] | None
"""The key of an event, and its time behind STAMP; None for garbage."""


def raw(partition: int, *messages: Message, keys: list[bytes | None] | None = None) -> RawBatch:
    n = len(messages)
    return RawBatch(
        topic="raw",
        partition=partition,
        offsets=np.arange(10, 10 + n),
        timestamps=np.array([STAMP + (0 if one is None else one[1]) for one in messages]),
        values=[b"garbage" if one is None else payload(one[0]) for one in messages],
        keys=keys,
        headers=lambda _row: HEADERS,
    )


def payload(key: str) -> bytes:
    return orjson.dumps({"key": key, "a": 1.0})


def step() -> RepartitionStep:
    return RepartitionStep(pipeline(values=("a",)), RunContext("plant"))


def test_a_message_keeps_its_bytes_and_says_where_it_stood() -> None:
    (found,) = step()([raw(2, ("a", 5), keys=[b"sender key"])])

    (record,) = found
    assert not isinstance(record, Reject)
    assert (record.key, record.value, record.timestamp) == (b"a", payload("a"), STAMP + 5)
    ours = (("pynomaly-key", b"sender key"), ("pynomaly-origin", b"raw/2/10"))
    assert record.headers == HEADERS + ours


def test_partitions_are_merged_by_time_and_each_keeps_its_order() -> None:
    batches = [raw(0, ("a", 1), ("a", 9), ("a", 3)), raw(1, ("a", 2), ("b", 4), ("a", 20))]

    (found,) = step()(batches)

    assert [record.timestamp - STAMP for record in found] == [1, 2, 4, 9, 3, 20]
    places = [dict(record.headers)["pynomaly-origin"] for record in found]
    assert places == [b"raw/0/10", b"raw/1/10", b"raw/1/11", b"raw/0/11", b"raw/0/12", b"raw/1/12"]


def test_an_element_that_is_not_an_event_is_rejected_alone() -> None:
    re_keyed, rejects = step()([raw(1, ("a", 1), None, ("b", 2))])

    assert [record.key for record in re_keyed] == [b"a", b"b"]
    (reject,) = rejects
    assert isinstance(reject, Reject)
    assert (reject.topic, reject.partition, reject.offset) == ("raw", 1, 11)
