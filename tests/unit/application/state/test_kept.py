"""Earlier checkpoints that are kept: which ones, and that their files stay whole."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from engine.application.state import kept
from engine.application.state.checkpoint_file import newest_manifests, read_manifests
from engine.application.state.directory import TASKS, DirectoryStore
from engine.application.state.kept import KeptCheckpoints, kept_files
from engine.application.state.task_file import TaskFile
from engine.application.telemetry.heartbeat import Heartbeat
from tests.unit.application.state.test_directory import STATE, checkpoint

HOUR = 3_600


class Clock:
    def __init__(self) -> None:
        self.now = 1_000 * HOUR

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()

    def keeper(directory: Path, process: int, count: int, every: timedelta) -> KeptCheckpoints:
        return KeptCheckpoints(directory, process, count, every, made)

    monkeypatch.setattr("engine.application.state.directory.KeptCheckpoints", keeper)
    return made


def run(directory: Path, clock: Clock, hours: int, keep: int) -> None:
    """Store a checkpoint every ten minutes, some of them with what has come since alone."""
    store = DirectoryStore(directory, 0, Heartbeat(), keep=keep, keep_every=timedelta(hours=1))
    store.load("0")
    for n in range(hours * 6):
        snapshot = STATE | {"detect": b"%d" % n * 100} if n % 4 == 0 else None
        journal = None if snapshot else b"journal %d" % n
        store.save([checkpoint("0", n, snapshot=snapshot, journal=journal)], {})
        clock.now += 600
    store.close()


def positions(directory: Path) -> list[int]:
    return [read_manifests(each.path)[0].position for each in kept_files(directory)]


def test_the_first_of_each_hour_is_kept_and_no_more_than_asked_for(
    tmp_path: Path, clock: Clock
) -> None:
    run(tmp_path, clock, hours=6, keep=3)

    assert positions(tmp_path) == [18, 24, 30]


def test_what_is_kept_can_be_read_and_no_file_is_left_beside(tmp_path: Path, clock: Clock) -> None:
    run(tmp_path, clock, hours=6, keep=3)

    manifests = [read_manifests(each.path)[0] for each in kept_files(tmp_path)]
    found = [TaskFile(tmp_path / TASKS, "0", one.file, one.blobs).read() for one in manifests]

    assert [blobs[-1][1] for blobs in found] == [b"journal 18", b"a" * 50, b"journal 30"]
    files = {one.file for one in [*manifests, *newest_manifests(tmp_path).values()]}
    assert {path.name for path in (tmp_path / TASKS).iterdir()} == files | {"0+lock"}


def test_what_is_kept_of_a_task_is_read_newest_first_without_what_is_damaged(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    run(tmp_path, clock, hours=6, keep=3)
    store = DirectoryStore(tmp_path, 0, Heartbeat(), keep=3, keep_every=timedelta(hours=1))
    newest, *_, oldest = reversed(kept_files(tmp_path))

    whole = [state["detect"] for state in store.earlier("0")]
    oldest.path.write_bytes(b"torn")
    left = [state["detect"] for state in store.earlier("0")]
    read_manifests(newest.path)[0].task_file(tmp_path / TASKS).path.write_bytes(b"")

    assert whole == [b"28" * 100, b"24" * 100, b"16" * 100]
    assert left == whole[:2]
    assert [state["detect"] for state in store.earlier("0")] == whole[1:2]
    assert list(store.earlier("1")) == []
    assert "a kept checkpoint is left out" in caplog.text


def test_a_run_that_keeps_none_removes_what_was_kept(tmp_path: Path, clock: Clock) -> None:
    run(tmp_path, clock, hours=6, keep=3)

    run(tmp_path, clock, hours=1, keep=0)

    assert kept_files(tmp_path) == []
    assert len(list((tmp_path / TASKS).iterdir())) == 2


def test_a_new_run_goes_on_with_the_hours(tmp_path: Path, clock: Clock) -> None:
    for _ in range(4):
        run(tmp_path, clock, hours=1, keep=10)
        clock.now -= 1_800

    assert len(kept_files(tmp_path)) == 3
    assert kept.KEPT in {path.name for path in tmp_path.iterdir()}


def test_checkpoints_that_change_nothing_displace_none(tmp_path: Path, clock: Clock) -> None:
    run(tmp_path, clock, hours=4, keep=3)
    before = positions(tmp_path)
    store = DirectoryStore(tmp_path, 0, Heartbeat(), keep=3, keep_every=timedelta(hours=1))
    store.load("0")

    for _ in range(5 * 6):
        store.save([checkpoint("0", 23, snapshot=None)], {})
        clock.now += 600

    # What the first run did in the last hour is kept once.
    assert positions(tmp_path) == [*before[1:], 23]


def test_what_an_idle_process_kept_is_not_displaced_by_a_busy_one(
    tmp_path: Path, clock: Clock
) -> None:
    run(tmp_path, clock, hours=1, keep=2)
    busy = DirectoryStore(tmp_path, 1, Heartbeat(), keep=2, keep_every=timedelta(hours=1))
    busy.load("1")

    for n in range(5 * 6):
        busy.save([checkpoint("1", n, snapshot=STATE)], {})
        clock.now += 600

    kept = [read_manifests(each.path)[0] for each in kept_files(tmp_path)]
    assert [(one.task, one.position) for one in kept] == [("0", 0), ("1", 18), ("1", 24)]


def test_a_task_that_moves_leaves_the_files_that_another_process_kept(
    tmp_path: Path, clock: Clock
) -> None:
    taking = DirectoryStore(tmp_path, 1, Heartbeat(), keep=3, keep_every=timedelta(hours=1))
    run(tmp_path, clock, hours=2, keep=3)

    taking.load("0")

    assert [state["detect"] for state in taking.earlier("0")] == [b"4" * 100, b"0" * 100]
