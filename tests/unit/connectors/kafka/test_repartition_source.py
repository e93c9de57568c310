"""Messages that were re-keyed are read as the events that they held before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import orjson
import pytest
from confluent_kafka import Message

from connectors.kafka.repartition_source import RepartitionSource, RepartitionSourceSettings
from engine.application.ports import RunContext
from engine.domain.batch import EventBatch, RawBatch
from engine.domain.mapping import EventMapping, ValueField
from engine.domain.path import Path
from engine.domain.record import Record
from engine.domain.reject import Reject
from operators.decode.decoder import Decoder
from operators.repartition import RepartitionStep
from tests.unit.operators.pipelines import pipeline

STAMP_MS = 1_767_225_600_000
Event = tuple[tuple[str, int, int], int | None, str, float]
"""Origin, index, entity, value."""
ITEMS: Path = ("items",)


def mapping(explode: Path | None) -> EventMapping:
    before = explode or ()
    fields = (ValueField("a", (*before, "a")),)
    whole = pipeline(values=("a",)).mapping
    return replace(whole, key=((*before, "key"),), values=fields, explode=explode)


def raw(*payloads: bytes, keys: list[bytes | None] | None = None) -> RawBatch:
    n = len(payloads)
    stamps = np.full(n, STAMP_MS * 1_000_000)
    return RawBatch("raw", 2, np.arange(10, 10 + n), stamps, list(payloads), keys)


def message_of(*elements: tuple[str, float] | None) -> bytes:
    items = [None if each is None else {"key": each[0], "a": each[1]} for each in elements]
    return orjson.dumps({"items": items})


def rekeyed(read: EventMapping, batch: RawBatch) -> tuple[list[Record], list[Reject]]:
    step = RepartitionStep(replace(pipeline(values=("a",)), mapping=read), RunContext("plant"))
    records: list[Record] = []
    rejects: list[Reject] = []
    for part in step([batch]):
        for one in part:
            if isinstance(one, Reject):
                rejects.append(one)
            else:
                records.append(one)
    return records, rejects


def arrived(records: Sequence[Record]) -> RawBatch:
    """Return records as the source of the topic reads them."""
    settings = RepartitionSourceSettings(brokers="b:9092", topic="keyed", original="raw")
    messages = [
        Message("keyed", 0, n, one.key, one.value, [*one.headers], None, (1, STAMP_MS))
        for n, one in enumerate(records)
    ]
    return RepartitionSource(settings, RunContext("plant")).batch(0, messages)


def described(events: EventBatch) -> list[Event]:
    indices = [None] * len(events) if events.indices is None else events.indices.tolist()
    return [
        (events.origin(row), indices[row], events.keys[row], float(events.values[row, 0]))
        for row in range(len(events))
    ]


@pytest.mark.parametrize(
    "payloads",
    [
        [message_of(("p", 1.0), ("q", 2.0), ("p", 3.0)), message_of(("q", 4.0))],
        [message_of(("p", 1.0), None, ("q", 2.0)), message_of(), message_of(None)],
    ],
)
def test_events_of_exploded_messages_come_once_and_keep_their_places(payloads: list[bytes]) -> None:
    read = mapping(ITEMS)
    direct, rejected = Decoder(read).decode([raw(*payloads)])

    records, rejects = rekeyed(read, raw(*payloads))
    events, again = Decoder(read).decode([arrived(records)])

    assert sorted(described(events), key=str) == sorted(described(direct), key=str)
    assert [(one.offset, one.index) for one in rejects] == [
        (one.offset, one.index) for one in rejected
    ]
    assert again == []


def test_a_record_has_the_events_of_one_entity() -> None:
    read = mapping(ITEMS)
    payload = message_of(("p", 1.0), ("q", 2.0), ("p", 3.0), ("p", 4.0))

    records, _ = rekeyed(read, raw(payload, keys=[b"sender"]))

    assert [(one.key, one.value) for one in records] == [(b"p", payload), (b"q", payload)]
    assert [dict(one.headers)["pynomaly-indices"] for one in records] == [b"0,2-3", b"1"]
    assert len({one.id for one in records}) == 2
    assert arrived(records).keys == [b"sender", b"sender"]


def test_a_message_that_is_an_event_has_no_indices() -> None:
    records, _ = rekeyed(mapping(None), raw(b'{"key": "p", "a": 1}'))

    assert [name for name, _ in records[0].headers] == ["pynomaly-origin"]
    assert arrived(records).elements == {}


def test_indices_of_a_stranger_are_not_believed() -> None:
    forged = (("pynomaly-indices", b"0-2000000000"), ("pynomaly-origin", b"raw/2/10"))
    payload = message_of(("p", 1.0))

    batch = arrived([Record(b"p", payload, forged, STAMP_MS, "")])

    assert batch.elements == {}
    assert batch.origin(0) == ("keyed", 0, 0)
    assert batch.headers(0) == forged
