"""Carrying state between kinds of stores, through an archive."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from engine.application.state.archive import write_archive
from engine.application.state.carrying import export_stored, import_stored
from engine.application.state.directory import DirectoryStore
from engine.application.state.store import Checkpoint, StoredTask
from engine.application.telemetry.heartbeat import Heartbeat
from engine.domain.errors import FatalError

NEWEST = StoredTask(
    task="0",
    number=7,
    position=20,
    snapshot={"detect": b"blob", "alert": b""},
    snapshot_position=12,
    snapshot_results=3,
    journal=(),
    results=5,
    partitions=2,
    identity={"name": "p"},
    outputs={"scores": {"ends": [[0, 4]]}},
)


class Shelf:
    """State that lies in memory."""

    def __init__(self, *tasks: StoredTask) -> None:
        self.stored = {task.task: task for task in tasks}

    def tasks(self) -> Sequence[str]:
        return sorted(self.stored)

    def load(self, task: str) -> StoredTask | None:
        return self.stored.get(task)

    def require_stopped(self) -> None:
        """Nothing runs."""

    def fill(self, tasks: Iterable[StoredTask]) -> None:
        self.stored = {task.task: task for task in tasks}

    def clear(self) -> None:
        self.stored = {}

    def close(self) -> None:
        """Nothing is open."""


def test_an_archive_brings_back_position_snapshot_and_digests(tmp_path: Path) -> None:
    archive, other = tmp_path / "state.tar.gz", Shelf()

    size = export_stored(Shelf(NEWEST), archive)
    import_stored(archive, other)

    assert size == archive.stat().st_size
    (found,) = other.stored.values()
    assert (found.task, found.position, found.results) == ("0", 20, 5)
    assert (found.snapshot_position, found.snapshot_results) == (12, 3)
    assert found.snapshot == NEWEST.snapshot
    assert (found.partitions, found.identity) == (2, {"name": "p"})
    assert [path.name for path in tmp_path.iterdir()] == ["state.tar.gz"]


def test_no_state_is_no_archive(tmp_path: Path) -> None:
    with pytest.raises(FatalError, match="there is no state"):
        export_stored(Shelf(), tmp_path / "state.tar.gz")

    assert not [*tmp_path.iterdir()]


def test_refuses_kept_messages_of_a_source_that_cannot_be_read_again(tmp_path: Path) -> None:
    directory, archive = tmp_path / "state", tmp_path / "state.tar.gz"
    store = DirectoryStore(directory, 0, Heartbeat())
    store.load("0")
    store.save([Checkpoint("0", 1, {"detect": b"blob"}, None, 0, 1)], {})
    store.save([Checkpoint("0", 2, None, b"journal", 0, 1)], {})
    write_archive(directory, archive)

    with pytest.raises(FatalError, match="messages of partition 0"):
        import_stored(archive, Shelf())
