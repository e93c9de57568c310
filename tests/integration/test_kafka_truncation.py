"""A source topic whose broker lost its last messages, as by a power failure, and got others."""

from __future__ import annotations

import time
from typing import Any

import pytest

from engine.application.dataflow.delivery import Delivery
from engine.application.dataflow.reader import TaskReader
from engine.application.dataflow.task import Live
from engine.application.dataflow.tasks import EPOCH, Tasks
from engine.application.ports import RunContext
from engine.application.state.memory import MemoryStore
from engine.application.state.store import Checkpoint
from engine.domain.batch import RawBatch
from engine.domain.errors import OffsetLostError
from tests.integration.source_reading import produce, read, source
from tests.support.kafka_broker import KafkaBroker

SNAPSHOT, LOST, POSITION, NEW = 50, 100, 200, 150


def lose_and_write_others(broker: KafkaBroker) -> None:
    broker.kill()
    broker.lose_messages("in", LOST)
    broker.start()
    produce(broker, "in", NEW)


def resumed(plugin: Any, epoch: int, snapshot: int) -> TaskReader:
    """Return the reader of a task with a checkpoint at POSITION."""
    store, context = MemoryStore(), RunContext("test")
    whole = Checkpoint("0", snapshot, {}, None, 5, 1, {EPOCH: epoch})
    store.save([whole], {})
    store.save([Checkpoint("0", POSITION, None, None, 7, 1, {EPOCH: epoch})], {})
    delivery = Delivery([], context)
    tasks = Tasks(plugin, plugin.source(), store, delivery, lambda _: [], context, keep=False)
    tasks.open(["0"])
    return tasks.readers["0"]


def read_on(reader: TaskReader, end: int) -> list[RawBatch | Live]:
    found: list[RawBatch | Live] = []
    until = time.monotonic() + 120
    while reader.task.position != end or not found:
        assert time.monotonic() < until, f"it stands at {reader.task.position}"
        found += reader.read()
    return found


def offsets(found: list[RawBatch | Live]) -> list[int]:
    return [o for item in found if isinstance(item, RawBatch) for o in item.offsets.tolist()]


def test_messages_that_lie_where_lost_ones_were_are_new(
    fresh_kafka: KafkaBroker, caplog: pytest.LogCaptureFixture
) -> None:
    fresh_kafka.create_topic("in")
    produce(fresh_kafka, "in", LOST)
    produce(fresh_kafka, "in", POSITION - LOST)
    running = source(fresh_kafka, "in", on_missing_offset="earliest")
    open_reader = running.source().build_part("source", "0", None)
    epoch = read(open_reader, POSITION)[-1].epoch
    assert epoch is not None
    lose_and_write_others(fresh_kafka)
    plugin = source(fresh_kafka, "in", batch=30)
    reader = resumed(plugin, epoch, SNAPSHOT)

    found = read_on(reader, LOST + NEW)
    plugin.consumer.close()

    at = [isinstance(item, Live) for item in found].index(True)
    assert offsets(found[:at]) == [*range(SNAPSHOT, LOST)]
    assert offsets(found[at:]) == [*range(LOST, LOST + NEW)]
    assert f"lost those from offset {LOST} on" in caplog.text
    assert reader.task.epoch != epoch

    # Nothing is replayed where the last checkpoint was whole: the client finds it out.
    plugin = source(fresh_kafka, "in")
    failing = resumed(plugin, epoch, POSITION)
    with pytest.raises(OffsetLostError, match=r"lost the messages from offset 100 on.*earliest"):
        read_on(failing, -1)
    plugin.consumer.close()

    plugin = source(fresh_kafka, "in", on_missing_offset="earliest")
    going_on = resumed(plugin, epoch, POSITION)
    assert offsets(read_on(going_on, LOST + NEW)) == [*range(LOST, LOST + NEW)]
    plugin.consumer.close()

    assert offsets([*read(open_reader, NEW)]) == [*range(LOST, LOST + NEW)]
    assert open_reader.position == LOST + NEW
    running.consumer.close()
