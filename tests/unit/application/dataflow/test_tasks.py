"""Tasks over several runs and processes: stopped, killed, reassigned, in this process."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors import memory
from engine.application.config.load import load
from engine.application.dataflow import checkpoints
from engine.application.dataflow.build import Flow, build
from engine.application.dataflow.source import SourcePart
from engine.application.dataflow.task import Task
from engine.application.ports import RunContext
from engine.application.state.memory import MemoryStore
from engine.domain.errors import OffsetLostError, StateWriteError
from tests.unit.application.dataflow.test_build import FILE, published, stream

PARTS, COUNT = 3, 1_600


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "whole.yaml"
    text = FILE.replace("BATCH", "150")
    path.write_text(text.replace(", {river.GaussianScorer: {window_size: 50}}", ""))
    return path


@pytest.fixture(autouse=True)
def _states_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that most checkpoints are not whole."""
    monkeypatch.setattr(checkpoints, "SMALL_BYTES", 0)


def flow_of(file: Path, store: MemoryStore, process: int, processes: int, **more: Any) -> Flow:
    context = RunContext(
        "whole", process=process, processes=processes, checkpoint_interval=timedelta(0), **more
    )
    return build(load(file), context, store)


def run_all(file: Path, store: MemoryStore, processes: int) -> None:
    for process in range(processes):
        flow_of(file, store, process, processes).run()


def run_until_killed(file: Path, store: MemoryStore, processes: int, after: int) -> None:
    """Run each process until so many checkpoints were stored; the one after is lost half-way."""
    for process in range(processes):
        flow = flow_of(file, store, process, processes)
        left = after
        save = store.save

        def dying(*given: Any, save: Any = save) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise RuntimeError("killed")
            save(*given)

        store.save = dying  # type: ignore[method-assign, assignment]
        with contextlib.suppress(RuntimeError):
            flow.run()
        store.save = save  # type: ignore[method-assign]


def unique(found: dict[str, list[bytes]]) -> dict[str, list[bytes]]:
    return {store: sorted(set(records)) for store, records in found.items()}


class Undisturbed:
    """What a run gives that nobody disturbs; a class, for Hypothesis writes out its arguments."""

    def __init__(self, found: dict[str, list[bytes]]) -> None:
        self.found = found


@pytest.fixture
def undisturbed(file: Path) -> Undisturbed:
    memory.messages["in"] = stream(PARTS, COUNT)
    memory.records.clear()
    run_all(file, MemoryStore(), 1)
    return Undisturbed(published())


def test_a_partition_belongs_to_one_process(file: Path, undisturbed: Undisturbed) -> None:
    memory.records.clear()

    run_all(file, MemoryStore(), 2)

    assert published() == undisturbed.found


def test_more_processes_than_partitions_are_none_too_many(
    file: Path, undisturbed: Undisturbed
) -> None:
    memory.records.clear()

    run_all(file, MemoryStore(), PARTS + 2)

    assert published() == undisturbed.found


@settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    lives=st.lists(st.tuples(st.integers(1, 4), st.integers(0, 9)), min_size=1, max_size=3),
    last=st.integers(1, 4),
)
def test_kills_and_other_numbers_of_processes_change_no_byte(
    file: Path,
    undisturbed: Undisturbed,
    lives: list[tuple[int, int]],
    last: int,
) -> None:
    memory.records.clear()
    store = MemoryStore()

    for processes, after in lives:
        run_until_killed(file, store, min(processes, PARTS), after)
    run_all(file, store, last)

    # The sinks here do not deliver exactly once: what comes again is the same.
    assert unique(published()) == undisturbed.found


def test_nothing_is_delivered_again_that_a_checkpoint_covers(
    file: Path, undisturbed: Undisturbed
) -> None:
    memory.records.clear()
    store = MemoryStore()
    run_until_killed(file, store, 1, after=8)

    assert any(kept.snapshot_position != kept.position for kept in store.kept.values())
    covered = {(task, kept.position) for task, kept in store.kept.items()}

    memory.records.clear()
    run_all(file, store, 1)

    offsets = {
        (dict_["partition"], dict_["offset"]) for dict_ in map(_origin, memory.records["scores"])
    }
    for task, position in covered:
        assert min(offset for part, offset in offsets if part == int(task)) >= position


def _origin(record: Any) -> dict[str, int]:
    found: dict[str, int] = orjson.loads(record.value)["origin"]
    return found


def test_a_replay_with_other_results_is_counted_and_reported(
    file: Path, undisturbed: Undisturbed, caplog: pytest.LogCaptureFixture
) -> None:
    store = MemoryStore()
    run_until_killed(file, store, 1, after=8)
    task = next(
        name for name, kept in store.kept.items() if kept.snapshot_position != kept.position
    )
    # The source has changed behind our back.
    for n, message in enumerate(memory.messages["in"][int(task)]):
        if message is not None:
            memory.messages["in"][int(task)][n] = message.replace(b'"v":1', b'"v":3')
    flow = flow_of(file, store, 0, 1)

    flow.run()

    assert f"partition {task}: replaying the messages" in caplog.text


def test_a_source_that_cannot_be_read_again_is_kept_in_a_journal(
    file: Path, undisturbed: Undisturbed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory.MemorySource, "rereadable", "never")
    memory.records.clear()
    store = MemoryStore()
    run_until_killed(file, store, 1, after=8)

    assert any(kept.journal for kept in store.kept.values())
    # What was read is gone.
    for task, kept in store.kept.items():
        part = memory.messages["in"][int(task)]
        part[: kept.position] = [b"gone"] * kept.position

    run_all(file, store, 1)

    assert unique(published()) == undisturbed.found


def test_a_wall_clock_that_is_set_back_stops_nothing(
    file: Path, undisturbed: Undisturbed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What asked for the next turn before the clock was set back asks for a time far off."""
    far = datetime.now(UTC) + timedelta(hours=1)
    monkeypatch.setattr(memory.MemoryReader, "next_awake", lambda _: far)
    memory.records.clear()

    run_all(file, MemoryStore(), 1)

    assert published() == undisturbed.found


def test_what_retention_has_cut_off_is_reported_and_the_rest_goes_on(
    file: Path,
    undisturbed: Undisturbed,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = MemoryStore()
    run_until_killed(file, store, 1, after=8)
    cut = {int(task): kept.position for task, kept in store.kept.items()}
    before = [(kept.snapshot_position, kept) for kept in store.kept.values()]
    build = memory.MemoryPartitions.build_part

    def retained(self: Any, step: str, part: str, position: int | None) -> Any:
        if (position or 0) < cut[int(part)]:
            raise OffsetLostError(f"offset {position} is not available any more")
        return build(self, step, part, position)

    monkeypatch.setattr(memory.MemoryPartitions, "build_part", retained)
    memory.records.clear()

    run_all(file, store, 1)

    warnings = [text for text in caplog.messages if "models continue without them" in text]

    assert len(warnings) == sum(at != kept.position for at, kept in before)
    assert warnings
    assert all(kept.position == COUNT for kept in store.kept.values())


def test_a_checkpoint_that_cannot_be_written_is_reported_to_the_supervisor(
    file: Path, undisturbed: Undisturbed
) -> None:
    store = MemoryStore()
    context = RunContext("whole", checkpoint_interval=timedelta(0))
    save = store.save
    stored: list[bool] = []

    def filling(*both: Any) -> None:
        stored.append(context.heartbeat.status.stored)
        if len(stored) > 1:
            raise StateWriteError("no space left")
        save(*both)

    store.save = filling  # type: ignore[assignment, method-assign]

    with pytest.raises(StateWriteError):
        build(load(file), context, store).run()

    assert stored == [False, True]
    assert not context.heartbeat.status.stored


def test_state_is_stored_whole_when_it_is_old_a_few_tasks_at_a_time(
    file: Path, undisturbed: Undisturbed, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = MemoryStore()
    wholes: list[int] = []
    save = store.save

    def counting(*both: Any) -> None:
        given, outputs = both
        wholes.append(sum(each.snapshot is not None for each in given))
        save(given, outputs)

    store.save = counting  # type: ignore[assignment, method-assign]
    context = RunContext("whole", checkpoint_interval=timedelta(0), snapshot_interval=timedelta(0))
    monkeypatch.setattr(checkpoints.Checkpoints, "_worth", _first_and_last)

    build(load(file), context, store).run()

    assert wholes[0] == PARTS
    assert set(wholes[1:-1]) == {PARTS}, "an interval of nothing is each time"
    few = RunContext(
        "whole", checkpoint_interval=timedelta(0), snapshot_interval=timedelta(seconds=0.05)
    )
    wholes.clear()
    memory.records.clear()
    store.kept.clear()
    build(load(file), few, store).run()
    assert 1 in wholes[1:-1]
    assert max(wholes[1:-1]) == 1


def _first_and_last(_self: Any, reader: Any, *, final: bool) -> bool:
    return final or not reader.task.snapshots


@pytest.mark.parametrize(
    ("dump", "partitions", "seconds", "whole"),
    [
        (0.01, 4, 0.49, False),
        (0.01, 4, 0.51, True),
        (1.0, 4, 19.0, False),
        (1.0, 4, 21.0, True),
        (0.3, 4, 7.4, False),
        (0.3, 4, 7.6, True),
    ],
)
def test_state_is_stored_whole_when_processing_again_would_take_long(
    dump: float, partitions: int, seconds: float, whole: bool
) -> None:
    task = Task("0", partitions, snapshots=True, size=10**7, dump_seconds=dump, seconds=seconds)
    reader: Any = SimpleNamespace(task=task, kept_bytes=0)
    nobody: Any = None
    own = checkpoints.Checkpoints(nobody, nobody, {}, RunContext("p"))

    assert own._worth(reader, final=False) is whole


def test_a_wall_clock_that_is_set_back_pauses_no_turn() -> None:
    part = SourcePart(cast("Any", None))

    assert part.next_awake() <= datetime(1970, 1, 1, tzinfo=UTC)
