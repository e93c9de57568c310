"""The watch on a source."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

import pytest

from connectors import memory
from connectors.memory import MemorySource, MemorySourceSettings
from engine.application.dataflow.paced_source import TURNS, PacedPartition, PacedSource
from engine.application.ports import RunContext
from engine.application.telemetry.heartbeat import Heartbeat, HeartbeatMonitor


def test_a_source_is_watched_from_its_first_partition_to_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("engine.application.telemetry.heartbeat.BEAT_SECONDS", 0.0)
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    context = RunContext("t", heartbeat=Heartbeat(writing))
    monitor = HeartbeatMonitor(reading)

    def resting() -> bool:
        monitor.listen()
        return monitor.resting

    memory.messages["watched"] = [[b"1"], [b"2"]]
    plugin = MemorySource(MemorySourceSettings(store="watched"), context)
    source = PacedSource(plugin.source(), context)
    assert source.list_parts() == ["0", "1"]
    assert resting()
    first, second = (source.build_part("s", name, None) for name in "01")
    assert not resting()
    assert [batch.values for batch in first.next_batch()] == [[b"1"]]
    assert first.next_awake() is None
    assert not monitor.stored
    assert first.snapshot() == 1
    end(first)
    assert not resting()
    assert monitor.stored
    assert context.telemetry.registry.get_sample_value("pynomaly_checkpoints_total") == 1
    end(second)
    assert resting()
    first.close()
    for descriptor in (reading, writing):
        os.close(descriptor)


def end(part: PacedPartition) -> None:
    """Read a partition to its end, which is noticed once the last batch has left."""
    with pytest.raises(StopIteration):
        turns(part, 2 * TURNS)


def turns(part: PacedPartition, count: int) -> None:
    for _ in range(count):
        part.next_batch()


def test_what_was_read_leaves_before_more_is_read() -> None:
    memory.messages["paced"] = [[b"1", b"2"], [b"3", b"4"]]
    plugin = MemorySource(MemorySourceSettings(store="paced", batch=1), RunContext("t"))
    source = PacedSource(plugin.source(), RunContext("t"))
    parts = [source.build_part("s", name, None) for name in "01"]

    def turn() -> list[list[bytes]]:
        return [batch.values for part in parts for batch in part.next_batch()]

    assert turn() == [[b"1"], [b"3"]], "all partitions are read in the same turn"
    for _ in range(TURNS - 1):
        assert turn() == []
        due = parts[0].next_awake()
        assert due is not None
        assert due < datetime.now(UTC) - timedelta(hours=1), "now would be waited for"
    assert turn() == [[b"2"], [b"4"]]
