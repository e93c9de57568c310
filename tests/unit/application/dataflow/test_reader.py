"""The reader of a task that resumes, where the source has lost messages since the snapshot."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from connectors import memory
from engine.application.dataflow.reader import TaskReader
from engine.application.dataflow.task import Live, Task
from engine.application.ports import RunContext
from engine.application.state.store import StoredTask
from engine.domain.batch import RawBatch

SNAPSHOT, POSITION, COUNT = 100, 200, 300
READ_EPOCH = 4


class Retained(memory.MemoryPartitions):
    """A source that begins elsewhere than it was asked to."""

    def __init__(self, first: int) -> None:
        self._first = first
        chosen = memory.MemorySourceSettings(store="cut", batch=50)
        super().__init__(memory.MemorySource(chosen, RunContext("p")))

    def build_part(self, step_id: str, for_part: str, resume_state: Any) -> memory.MemoryReader:
        return super().build_part(step_id, for_part, self._first)


class Rewritten(Retained):
    """A source whose brokers lost the messages from an offset on, and have others there."""

    def __init__(self, lost: int) -> None:
        super().__init__(SNAPSHOT)
        self._lost = lost

    def build_part(self, step_id: str, for_part: str, resume_state: Any) -> memory.MemoryReader:
        part = super().build_part(step_id, for_part, resume_state)
        read = part.next_batch
        part.next_batch = lambda: [  # type: ignore[method-assign]
            replace(batch, epoch=READ_EPOCH + (batch.offsets[0] >= self._lost)) for batch in read()
        ]
        return part


def stored_task() -> StoredTask:
    return StoredTask(
        task="0",
        number=3,
        position=POSITION,
        snapshot={},
        snapshot_position=SNAPSHOT,
        snapshot_results=5,
        journal=(),
        results=7,
        partitions=1,
        identity={},
        outputs={},
    )


def read_all(reader: TaskReader) -> list[RawBatch | Live]:
    found: list[RawBatch | Live] = []
    while not reader.ended:
        found += reader.read()
    return found


@pytest.mark.parametrize(
    ("first", "replayed", "new"),
    [(150, 50, 100), (POSITION, 0, 100), (250, 0, 50), (0, 0, COUNT)],
    ids=["partly gone", "gone", "gone beyond the checkpoint", "another topic"],
)
def test_a_replay_that_lacks_messages_is_reported_and_all_new_ones_are_live(
    first: int, replayed: int, new: int, caplog: pytest.LogCaptureFixture
) -> None:
    memory.messages["cut"] = [[b"%d" % n for n in range(COUNT)]]
    task, context = Task("0", 1, results=5), RunContext("p")
    reader = TaskReader(Retained(first), task, stored_task(), context.telemetry, keep=False)
    live_from_start = task.live

    found = read_all(reader)

    lives = [item for item in found if isinstance(item, Live)]
    at = found.index(lives[0]) if lives else 0
    counts = [
        sum(len(i) for i in part if isinstance(i, RawBatch)) for part in (found[:at], found[at:])
    ]
    assert counts == [replayed, new]
    assert live_from_start == (replayed == 0)
    assert [live.expected for live in lives] == ([None] if replayed else [])
    assert f"it begins at {first}, not at {SNAPSHOT}" in caplog.text


def test_a_replay_of_all_messages_is_compared_with_the_stored_digest(
    caplog: pytest.LogCaptureFixture,
) -> None:
    memory.messages["cut"] = [[b"%d" % n for n in range(COUNT)]]
    task, context = Task("0", 1, results=5), RunContext("p")

    reader = TaskReader(Retained(SNAPSHOT), task, stored_task(), context.telemetry, keep=False)

    assert [item.expected for item in read_all(reader) if isinstance(item, Live)] == [7]
    assert not caplog.messages


@pytest.mark.parametrize(
    ("lost", "replayed", "new"),
    [(150, 50, 150), (SNAPSHOT, 0, 200), (POSITION, 100, 100), (250, 100, 100)],
    ids=["since the snapshot", "all since the snapshot", "none that was read", "later ones"],
)
def test_messages_where_brokers_have_lost_those_that_were_read_are_new(
    lost: int, replayed: int, new: int, caplog: pytest.LogCaptureFixture
) -> None:
    memory.messages["cut"] = [[b"%d" % n for n in range(COUNT)]]
    task, context = Task("0", 1, results=5, epoch=READ_EPOCH), RunContext("p")
    reader = TaskReader(Rewritten(lost), task, stored_task(), context.telemetry, keep=False)

    found = read_all(reader)

    at = [isinstance(item, Live) for item in found].index(True)
    counts = [
        sum(len(i) for i in part if isinstance(i, RawBatch)) for part in (found[:at], found[at:])
    ]
    assert counts == [replayed, new]
    is_told = f"lost those from offset {lost} on" in caplog.text
    assert is_told == ("min.insync.replicas" in caplog.text) == (lost < POSITION)
    assert [item.expected for item in found if isinstance(item, Live)] == [None if is_told else 7]
    assert task.epoch == READ_EPOCH + 1
