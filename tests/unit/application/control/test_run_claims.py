"""Of several servers of one store, one runs a pipeline at a time."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from signal import SIGTERM

import pytest

from engine.application.control.caller import SYSTEM
from engine.application.control.local_runner import LocalRunner
from engine.application.control.manage_pipelines import put_pipeline
from engine.application.control.memory_store import MemoryStore
from engine.application.control.no_runner import NoRunner
from engine.application.control.run_claims import CLAIM_NS, ClaimKeeper
from engine.application.control.run_pipelines import (
    Runner,
    require_ended,
    run_status,
    start_pipeline,
    stop_pipeline,
    take_over_pipeline,
)
from engine.domain.control.errors import ConflictError, NotFoundError
from engine.domain.control.run import Run

TEXT = """
name: quick
source: {file: {path: readings.ndjson}}
event: {key: sensor, time: {path: ts, unit: ms}, values: [temperature]}
sinks: {anomalies: {stdout: {}}}
"""
WAITS = (sys.executable, "-c", "import time; time.sleep(600)")
NOW = 10**18
OTHER = "another server of this database runs the pipeline"


class Plant:
    """Two servers of a store."""

    def __init__(self, folder: Path) -> None:
        self.store = MemoryStore()
        with self.store.writing() as work:
            put_pipeline(work, SYSTEM, NOW, "quick", TEXT, None, "")
        self.runners = [LocalRunner(folder / name, WAITS) for name in ("one", "two")]
        for name in ("one", "two"):
            (folder / name).mkdir()
        self.keepers = [ClaimKeeper(self.store, runner) for runner in self.runners]

    def start(self, server: int, now: int = NOW) -> None:
        """Start the pipeline on a server."""
        with self.store.writing() as work:
            start_pipeline(work, SYSTEM, now, self.runners[server], "quick", None)

    def stop(self, server: int, now: int) -> None:
        """Ask a server to stop the pipeline."""
        with self.store.writing() as work:
            stop_pipeline(work, SYSTEM, now, self.runners[server], "quick", drain=True)

    def take_over(self, server: int, now: int = NOW) -> None:
        """Let a server take over the pipeline."""
        with self.store.writing() as work:
            take_over_pipeline(work, SYSTEM, now, self.runners[server], "quick")

    def require_ended(self, server: int, now: int) -> None:
        """Require of a server that the pipeline does not run."""
        with self.store.reading() as work:
            require_ended(work, self.runners[server], "quick", now)

    def started_late(self) -> list[Run]:
        """Return the runs of the first server; one is started as soon as they are read."""
        found = LocalRunner.started(self.runners[0])
        self.start(0, NOW + 1)
        return found

    def end(self, server: int) -> None:
        """End its run at once, unseen."""
        runner = self.runners[server]
        child = runner._children["quick"]
        child.kill()
        child.wait()
        run = runner.get("quick")
        assert run is not None
        assert run.is_over


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    made = Plant(tmp_path)
    yield made
    for runner in made.runners:
        for child in runner._children.values():
            child.kill()
            child.wait()


def test_another_server_neither_starts_nor_stops_nor_removes_what_runs(plant: Plant) -> None:
    plant.start(0)

    with pytest.raises(ConflictError, match=OTHER):
        plant.start(1)
    others: list[Runner] = [plant.runners[1], NoRunner()]
    for other in others:
        with plant.store.writing() as work:
            with pytest.raises(ConflictError, match=OTHER):
                stop_pipeline(work, SYSTEM, NOW, other, "quick", drain=True)
            with pytest.raises(ConflictError, match=OTHER):
                require_ended(work, other, "quick", NOW)
            with pytest.raises(NotFoundError, match=OTHER):
                run_status(work, SYSTEM, NOW, other, "quick")

    with plant.store.reading() as work:
        assert run_status(work, SYSTEM, NOW, plant.runners[0], "quick").run.number == 1


def test_a_claim_lasts_as_long_as_the_run(plant: Plant) -> None:
    plant.start(0)
    for minutes in range(5):
        plant.keepers[0].look(NOW + minutes * CLAIM_NS)

    with pytest.raises(ConflictError, match=OTHER):
        plant.start(1, NOW + 4 * CLAIM_NS + 1)
    plant.end(0)
    plant.keepers[0].look(NOW + 4 * CLAIM_NS + 2)
    plant.start(1, NOW + 4 * CLAIM_NS + 3)


def test_what_a_server_ran_that_is_away_is_left_to_it_until_it_is_taken_over(
    plant: Plant,
) -> None:
    plant.start(0)
    later = NOW + CLAIM_NS
    away = f"server {plant.runners[0].server} .* last heard of at 2001-09-09T01:46:40Z"

    for attempt in (plant.start, plant.require_ended, plant.stop):
        with pytest.raises(ConflictError, match=away):
            attempt(1, later)
    with plant.store.reading() as work, pytest.raises(NotFoundError, match=away):
        run_status(work, SYSTEM, later, plant.runners[1], "quick")
    plant.take_over(1, later)

    plant.require_ended(1, later)
    plant.start(1, later)


def test_a_pipeline_is_not_taken_over_from_a_server_that_is_there(plant: Plant) -> None:
    with pytest.raises(ConflictError, match="nothing to take over"):
        plant.take_over(1)
    plant.start(0)

    with pytest.raises(ConflictError, match="heard of in the last minute"):
        plant.take_over(1, NOW + CLAIM_NS - 1)
    plant.end(0)
    plant.keepers[0].look(NOW + 1)

    with pytest.raises(ConflictError, match="nothing to take over"):
        plant.take_over(1, NOW + CLAIM_NS)


def test_a_server_stops_the_run_that_was_taken_over_while_it_was_away(
    plant: Plant, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plant.start(0)
    plant.take_over(1, NOW + CLAIM_NS)
    plant.start(1, NOW + CLAIM_NS)
    back = ClaimKeeper(plant.store, LocalRunner(tmp_path / "one", WAITS))

    with caplog.at_level(logging.ERROR):
        back.look(NOW + CLAIM_NS + 1)

    assert "was taken over while this server was away: its run here is stopped" in caplog.text
    assert plant.runners[0]._children["quick"].wait(60) == -SIGTERM
    back.look(NOW + CLAIM_NS + 2)
    plant.keepers[1].look(NOW + 2 * CLAIM_NS)
    [run] = plant.runners[1].started()
    assert not run.is_over
    with pytest.raises(ConflictError, match=OTHER):
        plant.start(0, NOW + 2 * CLAIM_NS + 1)


def test_a_claim_that_was_made_anew_while_the_end_was_seen_is_not_given_up(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant.start(0)
    plant.end(0)
    monkeypatch.setattr(plant.runners[0], "started", plant.started_late)

    plant.keepers[0].look(NOW + 1)

    with pytest.raises(ConflictError, match=OTHER):
        plant.start(1, NOW + 2)


def test_a_server_that_is_started_again_has_the_claims_of_before(
    plant: Plant, tmp_path: Path
) -> None:
    plant.start(0)
    plant.end(0)
    plant.runners[0] = LocalRunner(tmp_path / "one", WAITS)

    plant.start(0, NOW + 1)

    with pytest.raises(ConflictError, match=OTHER):
        plant.start(1, NOW + 2)
