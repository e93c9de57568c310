"""The contents of a state directory, in a store as Bytewax lays it out."""

from __future__ import annotations

import pickle
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.application.state.contents import count_entities, read_contents, remove_orphans
from engine.application.state.durable import Syncs
from engine.application.state.group_file import GroupFile
from engine.application.state.recovery import open_store
from engine.domain import snapshot
from engine.domain.errors import SnapshotError


def group(entities: int) -> bytes:
    return snapshot.encode("detect", {"entities/state": np.zeros(entities)})


def store(directory: Path, *rows: tuple[str, str, int, Any]) -> None:
    open_store(directory)
    with closing(sqlite3.connect(directory / "recovery" / "part-0.sqlite3")) as database:
        for step, key, epoch, state in rows:
            change = None if state is None else pickle.dumps(state)
            database.execute(
                "INSERT INTO snaps (step_id, state_key, snap_epoch, ser_change) VALUES (?,?,?,?)",
                (f"flow.{step}", key, epoch, change),
            )
        database.execute(
            "INSERT INTO exs (ex_num, worker_count, resume_epoch) VALUES (0, 1, 1), (1, 2, 7)"
        )
        database.execute(
            "INSERT INTO fronts (ex_num, worker_index, worker_frontier) VALUES (1, 0, 9), (1, 1, 8)"
        )
        database.commit()


def test_the_newest_of_each_key_counts(tmp_path: Path) -> None:
    rows = [("source", "0", 5, 50), ("source", "0", 6, 60), ("source", "1", 4, 40)]
    store(tmp_path, *rows, ("alert", "g0000", 3, None), ("detect", "g0000", 3, group(4)))
    contents = read_contents(tmp_path)
    assert contents.of("source") == {"0": 60, "1": 40}
    assert contents.of("alert") == {"g0000": None}
    assert (contents.runs, contents.epoch) == (2, 8)
    assert count_entities(tmp_path, contents) == 4


def test_files_of_any_epoch_are_kept_and_orphans_are_removed(tmp_path: Path) -> None:
    folder = tmp_path / "groups"
    syncs = Syncs()
    older, newer = (GroupFile(folder).append(group(count), syncs) for count in (2, 3))
    orphan = GroupFile(folder)
    orphan.append(group(9), syncs)
    syncs.finish()
    rows = [("detect", "g0000", 5, older.encode()), ("detect", "g0000", 6, newer.encode())]
    store(tmp_path, *rows)
    # The last epoch may not be whole: then a run resumes at the one before.
    assert remove_orphans(tmp_path) == 1
    assert {path.name for path in folder.iterdir()} == {older.name, newer.name}
    assert count_entities(tmp_path, read_contents(tmp_path)) == 3


def test_nothing_stored_is_nothing(tmp_path: Path) -> None:
    assert read_contents(tmp_path).states == {}
    assert remove_orphans(tmp_path) == 0


def test_a_store_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "recovery").mkdir()
    broken = tmp_path / "recovery" / "part-0.sqlite3"
    broken.write_bytes(b"no database" * 100)
    with pytest.raises(SnapshotError, match=r"part-0\.sqlite3 cannot be read"):
        read_contents(tmp_path)
