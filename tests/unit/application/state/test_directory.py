"""The state store in a directory: what comes back, and what is refused."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.application.state import directory as module
from engine.application.state.directory import DirectoryStore
from engine.application.state.store import Checkpoint, StoredTask
from engine.application.telemetry.heartbeat import Heartbeat
from engine.domain.errors import PynomalyError, RetryableError, SnapshotError

STATE = {"detect": b"d" * 3_000, "alert": b"a" * 50}


def store(directory: Path, process: int = 0) -> DirectoryStore:
    return DirectoryStore(directory, process, Heartbeat())


def checkpoint(task: str = "0", position: Any = 1, **changes: Any) -> Checkpoint:
    fields: dict[str, Any] = {
        "snapshot": STATE,
        "journal": None,
        "results": 7,
        "partitions": 3,
        "identity": {"name": "p"},
    }
    return Checkpoint(task, position, **{**fields, **changes})


def loaded(directory: Path, task: str = "0", process: int = 0) -> StoredTask:
    with_it = store(directory, process)
    try:
        found = with_it.load(task)
    finally:
        with_it.close()
    assert found is not None
    return found


def save(
    directory: Path, *checkpoints: Checkpoint, outputs: Mapping[str, Any] | None = None
) -> None:
    with_it = store(directory)
    for each in checkpoints:
        with_it.load(each.task)
    with_it.save(checkpoints, outputs or {})
    with_it.close()


def test_nothing_is_stored_at_first(tmp_path: Path) -> None:
    assert store(tmp_path).load("0") is None
    assert store(tmp_path).tasks() == []


def test_a_checkpoint_comes_back_as_it_was(tmp_path: Path) -> None:
    save(tmp_path, checkpoint(), outputs={"scores": [1, None, {"a": "b"}]})

    found = loaded(tmp_path)

    assert found == StoredTask(
        task="0",
        number=1,
        position=1,
        snapshot=STATE,
        snapshot_position=1,
        snapshot_results=7,
        journal=[],
        results=7,
        partitions=3,
        identity={"name": "p"},
        outputs={"scores": [1, None, {"a": "b"}]},
    )


def test_what_came_since_a_whole_state_is_kept_until_the_next_one(tmp_path: Path) -> None:
    ours = store(tmp_path)
    ours.load("0")
    ours.save([checkpoint(position=1)], {})
    ours.save([checkpoint(position=2, snapshot=None, journal=b"one")], {})
    ours.save([checkpoint(position=3, snapshot=None)], {})
    ours.save([checkpoint(position=4, snapshot=None, journal=b"two")], {})
    ours.close()

    found = loaded(tmp_path)

    assert (found.number, found.position, found.snapshot_position) == (4, 4, 1)
    assert found.journal == [b"one", b"two"]


def test_a_whole_state_voids_what_came_before_it(tmp_path: Path) -> None:
    save(tmp_path, checkpoint(position=1))
    save(tmp_path, checkpoint(position=2, snapshot=None, journal=b"one"))

    save(tmp_path, checkpoint(position=3))

    assert loaded(tmp_path).journal == []


def test_a_task_moves_from_one_process_to_another(tmp_path: Path) -> None:
    save(tmp_path, checkpoint("0"), checkpoint("1"))
    other = store(tmp_path, process=1)
    other.load("1")
    other.save([checkpoint("1", position=9)], {})
    other.close()

    assert loaded(tmp_path, "0").position == 1
    assert loaded(tmp_path, "1").position == 9
    assert loaded(tmp_path, "1", process=2).position == 9


def test_outputs_hold_for_all_tasks_of_the_process(tmp_path: Path) -> None:
    ours = store(tmp_path)
    for task in "01":
        ours.load(task)
    ours.save([checkpoint("0"), checkpoint("1")], {"scores": 1})

    ours.save([checkpoint("1", position=2)], {"scores": 2})
    ours.close()

    assert loaded(tmp_path, "0").outputs == {"scores": 2}


def test_a_task_has_one_owner_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOCK_SECONDS", 0.1)
    first, second = store(tmp_path, 0), store(tmp_path, 1)
    first.load("0")

    with pytest.raises(PynomalyError, match="partition 0 is in use by another process"):
        second.load("0")

    first.release(["0"])
    second.load("0")
    second.close()


def test_files_that_no_checkpoint_refers_to_are_removed(tmp_path: Path) -> None:
    save(tmp_path, checkpoint("0"), checkpoint("0-1"))
    tasks = tmp_path / module.TASKS
    (tasks / "0+left").write_bytes(b"x" * 1_000)
    (tasks / "0+left.draft").write_bytes(b"x")
    kept = {path.name for path in tasks.iterdir() if "left" not in path.name}

    loaded(tmp_path)

    assert {path.name for path in tasks.iterdir()} == kept


def test_a_replaced_state_is_removed_at_once(tmp_path: Path) -> None:
    ours = store(tmp_path)
    ours.load("0")
    for position in range(5):
        ours.save([checkpoint(position=position)], {})
    ours.close()

    assert len(list((tmp_path / module.TASKS).glob("0+*"))) == 2, "the lock and one file"


def test_a_full_disk_leaves_the_last_checkpoint_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = store(tmp_path)
    ours.load("0")
    ours.save([checkpoint(position=1)], {})
    with monkeypatch.context() as full:
        full.setattr(os, "write", _no_space)
        with pytest.raises(RetryableError, match=r"cannot be written: No space left"):
            ours.save([checkpoint(position=2)], {})
    ours.close()

    assert loaded(tmp_path).position == 1


def _no_space(_descriptor: int, _content: object) -> int:
    raise OSError(28, "No space left on device")


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_flipped_bit_anywhere_is_refused_with_the_name_of_its_file(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    directory = tmp_path_factory.mktemp("state")
    ours = store(directory)
    ours.load("0")
    ours.save([checkpoint(position=1)], {"scores": {"size": 10}})
    ours.save([checkpoint(position=2, snapshot=None, journal=b"journal" * 20)], {})
    ours.close()
    files = [path for path in directory.rglob("*") if path.is_file() and path.stat().st_size]
    path = data.draw(st.sampled_from(files))
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)

    with pytest.raises(SnapshotError, match=path.name.replace("+", r"\+")):
        loaded(directory)


@pytest.mark.parametrize("part", [0.0, 0.3, 0.99])
def test_a_file_that_was_cut_is_refused(tmp_path: Path, part: float) -> None:
    save(tmp_path, checkpoint())

    for folder in ("tasks", "checkpoints"):
        for path in (tmp_path / folder).iterdir():
            whole = path.read_bytes()
            if not whole:
                continue
            path.write_bytes(whole[: int(len(whole) * part)])
            with pytest.raises(SnapshotError, match="corrupt"):
                loaded(tmp_path)
            path.write_bytes(whole)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    save(tmp_path, checkpoint())
    for path in (tmp_path / "tasks").glob("0+*"):
        path.unlink()

    with pytest.raises(SnapshotError, match="cannot be read"):
        loaded(tmp_path)
