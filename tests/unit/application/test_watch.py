"""The watch on a source."""

from __future__ import annotations

import os

import pytest

from connectors import memory
from connectors.memory import MemorySource, MemorySourceSettings
from engine.application.ports import RunContext
from engine.application.pulse import Listener, Pulse
from engine.application.watch import WatchedSource


def test_a_source_is_watched_from_its_first_partition_to_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("engine.application.pulse.BEAT_SECONDS", 0.0)
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    context = RunContext("t", pulse=Pulse(writing))
    listener = Listener(reading)

    def resting() -> bool:
        listener.listen()
        return listener.resting

    memory.messages["watched"] = [[b"1"], [b"2"]]
    plugin = MemorySource(MemorySourceSettings(store="watched"), context)
    source = WatchedSource(plugin.source(), context)
    assert source.list_parts() == ["0", "1"]
    assert resting()
    first, second = (source.build_part("s", name, None) for name in "01")
    assert not resting()
    assert [batch.values for batch in first.next_batch()] == [[b"1"]]
    assert first.next_awake() is None
    assert not listener.stored
    assert first.snapshot() == 1
    with pytest.raises(StopIteration):
        first.next_batch()
    assert not resting()
    assert listener.stored
    assert context.telemetry.registry.get_sample_value("pynomaly_checkpoints_total") == 1
    second.next_batch()
    with pytest.raises(StopIteration):
        second.next_batch()
    assert resting()
    first.close()
    for end in (reading, writing):
        os.close(end)
