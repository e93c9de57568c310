"""Abandoned epochs, in a store that Bytewax fills and resumes from."""

from __future__ import annotations

import pickle
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import bytewax.operators as op
import pytest
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, TestingSource, cluster_main

from engine.application.state.abandoned import forget_abandoned
from engine.application.state.recovery import open_store
from engine.domain.errors import InterruptionError, SnapshotError

SNAPS = "SELECT state_key, snap_epoch FROM snaps WHERE step_id LIKE '%sum' ORDER BY 1, 2"


def database(directory: Path) -> Path:
    return directory / "recovery" / "part-0.sqlite3"


def ask(directory: Path, query: str, *parameters: Any) -> list[Any]:
    with closing(sqlite3.connect(database(directory))) as store, store:
        return store.execute(query, parameters).fetchall()


def run(directory: Path, seen: int, *more: tuple[str, int]) -> list[Any]:
    """Sum by key, each item in an epoch of its own, behind what was seen; end like a killed run."""
    found: list[Any] = []
    items: list[Any] = [*[None] * seen, *more, TestingSource.ABORT()]
    flow = Dataflow("flow")
    keyed = op.input("source", flow, TestingSource(items))
    sums = op.stateful_map("sum", keyed, lambda total, value: ((total or 0) + value,) * 2)
    op.output("sink", sums, TestingSink(found))
    cluster_main(flow, [], 0, epoch_interval=timedelta(0), recovery_config=open_store(directory)[0])
    return found


def test_a_key_that_an_epoch_does_not_touch_again_is_as_it_was_before(tmp_path: Path) -> None:
    assert run(tmp_path, 0, ("a", 1), ("b", 1)) == [("a", 1), ("b", 1)]
    # As a process leaves it that is killed while another has not completed the epoch.
    abandon = """
        INSERT INTO snaps (step_id, state_key, snap_epoch, ser_change)
        SELECT step_id, state_key, (SELECT max(worker_frontier) FROM fronts), ?
        FROM snaps WHERE state_key = 'a'
    """
    ask(tmp_path, abandon, pickle.dumps(100))
    assert forget_abandoned(tmp_path) > 0
    assert run(tmp_path, 2, ("b", 10), ("b", 10)) == [("b", 11), ("b", 21)]
    forget_abandoned(tmp_path)
    assert run(tmp_path, 4, ("a", 1)) == [("a", 2)]


def test_the_slowest_worker_of_the_last_run_says_which_epochs_count(tmp_path: Path) -> None:
    open_store(tmp_path)
    ask(
        tmp_path, "INSERT INTO exs (ex_num, worker_count, resume_epoch) VALUES (0, 1, 1), (1, 3, 7)"
    )
    for key, epoch in [("a", 6), ("a", 7), ("b", 8), ("b", 9)]:
        ask(
            tmp_path,
            "INSERT INTO snaps (step_id, state_key, snap_epoch) VALUES ('flow.sum', ?, ?)",
            key,
            epoch,
        )
    fronts = "INSERT INTO fronts (ex_num, worker_index, worker_frontier) VALUES (?, ?, ?)"
    for front in [(0, 0, 7), (1, 0, 9), (1, 1, 9)]:
        ask(tmp_path, fronts, *front)
    ask(tmp_path, fronts, 1, 2, 8)
    assert forget_abandoned(tmp_path) == 2
    assert ask(tmp_path, SNAPS) == [("a", 6), ("a", 7)]
    # As if the third had not completed an epoch yet: the run begins again where it began.
    ask(tmp_path, "DELETE FROM fronts WHERE worker_index = 2")
    assert forget_abandoned(tmp_path) == 1
    assert ask(tmp_path, SNAPS) == [("a", 6)]


def test_a_state_that_never_ran_has_nothing_to_forget(tmp_path: Path) -> None:
    assert forget_abandoned(tmp_path) == 0
    open_store(tmp_path)
    assert forget_abandoned(tmp_path) == 0


def test_a_store_that_is_none_is_named(tmp_path: Path) -> None:
    open_store(tmp_path)
    database(tmp_path).write_bytes(b"no database" * 100)
    with pytest.raises(SnapshotError, match=r"part-0\.sqlite3 cannot be read"):
        forget_abandoned(tmp_path)


def test_a_store_that_cannot_be_written_now_is_tried_again_later(tmp_path: Path) -> None:
    open_store(tmp_path)
    ask(tmp_path, "INSERT INTO snaps (step_id, state_key, snap_epoch) VALUES ('flow.sum', 'a', 1)")
    with closing(sqlite3.connect(database(tmp_path))) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(InterruptionError, match=r"part-0\.sqlite3 cannot be written"):
            forget_abandoned(tmp_path)
    assert forget_abandoned(tmp_path) == 1
