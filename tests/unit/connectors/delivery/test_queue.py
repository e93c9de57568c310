"""The delivery queue: order, waiting, flushing, and failures that reach the stream."""

from __future__ import annotations

from threading import Event, Thread

import pytest

from connectors.delivery.queue import DeliveryQueue
from connectors.delivery.queued_sink import QueuedPart, QueuedParts
from engine.application.ports import RunContext
from engine.domain.errors import ConnectorError
from engine.domain.record import Record


def record(number: int) -> Record:
    return Record(b"a", b"{}", (), 0, f"id{number}")


class Receiver:
    """Takes records while its gate is open."""

    def __init__(self) -> None:
        self.gate = Event()
        self.taken: list[str] = []
        self.calls: list[int] = []
        self.failure: Exception | None = None
        self.released = False

    def prepare(self) -> None:
        pass

    def release(self) -> None:
        self.released = True

    def deliver(self, records: list[Record]) -> None:
        assert self.gate.wait(60)
        if self.failure is not None:
            raise self.failure
        self.calls.append(len(records))
        self.taken += [one.id for one in records]


def queue(receiver: Receiver, context: RunContext | None = None) -> DeliveryQueue:
    steps = receiver.prepare, receiver.deliver, receiver.release
    return DeliveryQueue(context or RunContext("p"), "anomalies", *steps, most=3, size=4)


def test_flush_returns_when_all_was_taken_in_order() -> None:
    receiver = Receiver()
    box = queue(receiver)
    for number in range(4):
        box.put(record(number))

    assert receiver.taken == []
    receiver.gate.set()
    box.flush()
    assert receiver.taken == ["id0", "id1", "id2", "id3"]
    assert max(receiver.calls) <= 3


def test_a_full_queue_is_waited_for_and_counted() -> None:
    context, receiver = RunContext("p"), Receiver()
    box = queue(receiver, context)

    def write() -> None:
        for number in range(20):
            box.put(record(number))

    writing = Thread(target=write, daemon=True)
    writing.start()
    waits = context.telemetry.registry.get_sample_value
    while not waits("pynomaly_sink_waits_total", {"sink": "anomalies"}):
        assert writing.is_alive()
    receiver.gate.set()
    writing.join(60)
    box.flush()

    assert receiver.taken == [f"id{n}" for n in range(20)]


def test_a_failure_that_no_try_cures_reaches_the_stream() -> None:
    receiver = Receiver()
    receiver.failure = ConnectorError("the table is gone")
    receiver.gate.set()
    box = queue(receiver)
    box.put(record(1))

    with pytest.raises(ConnectorError, match="the table is gone"):
        box.flush()
    with pytest.raises(ConnectorError, match="the table is gone"):
        box.put(record(2))


def test_a_snapshot_and_the_end_wait_for_the_queue() -> None:
    receiver = Receiver()
    part = QueuedParts(lambda _: QueuedPart(queue(receiver))).build_part("step", "0", [])
    receiver.gate.set()

    part.write_batch([[record(1)], [record(2)]])
    part.snapshot()

    assert receiver.taken == ["id1", "id2"]
    part.write_batch([[record(3)]])
    part.close()

    assert receiver.taken == ["id1", "id2", "id3"]
    assert receiver.released


def test_closing_after_a_failure_raises_nothing_more(caplog: pytest.LogCaptureFixture) -> None:
    receiver = Receiver()
    receiver.failure = ConnectorError("the table is gone")
    receiver.gate.set()
    part = QueuedParts(lambda _: QueuedPart(queue(receiver))).build_part("step", "0", [])
    part.write_batch([[record(1)]])

    with pytest.raises(ConnectorError, match="the table is gone"):
        part.snapshot()

    part.close()

    assert receiver.released
    assert "the table is gone" in caplog.text
