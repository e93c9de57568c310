from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.application.state.durable import Syncs
from engine.application.state.group_file import KIND, Reference
from engine.domain import snapshot
from engine.domain.errors import SnapshotError
from engine.domain.pipeline import Pipeline
from operators.detect import checkpoint as module
from operators.detect.checkpoint import Checkpoint
from operators.detect.entity_group import EntityGroup, entity_bytes
from tests.unit.operators.pipelines import joined, noise, pipeline

SPEC = pipeline()


@pytest.fixture(autouse=True)
def nothing_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "INLINE_BYTES", 0)


class Run:
    """A key group with its checkpoint, as the detect step drives them."""

    def __init__(self, directory: Path, stored: bytes | None = None, spec: Pipeline = SPEC) -> None:
        self.group = EntityGroup(spec)
        self.syncs = Syncs()
        self.checkpoint = Checkpoint(directory, 1, self.syncs)
        if stored is not None:
            self.checkpoint.restore(self.group, stored)

    def learn(self, seed: int, n: int, entities: int = 40) -> None:
        batch = noise(seed, n, entities)
        self.group.score(batch)
        self.checkpoint.note(batch, 0.0, self.group.size)

    def store(self) -> bytes:
        stored = self.checkpoint.store(self.group)
        self.syncs.finish()
        return stored


def same(first: Run, second: Run) -> None:
    assert first.group.dump() == second.group.dump()


def files(directory: Path) -> Sequence[Path]:
    return sorted(directory.iterdir())


def names(directory: Path) -> set[str]:
    return {file.name for file in files(directory)}


def test_a_small_state_needs_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "INLINE_BYTES", 10**6)
    run = Run(tmp_path)
    run.learn(1, 100)
    stored = run.store()
    assert snapshot.kind(stored) == "detect"
    assert not files(tmp_path)
    same(Run(tmp_path, stored), run)


def test_few_events_are_stored_instead_of_much_state(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.learn(1, 2_000)
    run.store()
    whole = run.checkpoint.written
    assert whole > 40 * 1_000
    run.learn(2, 10)
    stored = run.store()
    assert 0 < run.checkpoint.written < whole / 50
    (file,) = files(tmp_path)
    assert file.stat().st_size == Reference.decode(stored).length
    same(Run(tmp_path, stored), run)


def test_nothing_new_writes_nothing(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.learn(1, 2_000)
    assert run.store() == run.store()
    assert run.checkpoint.written == 0


def test_many_events_make_the_state_whole_again(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.learn(1, 500)
    first = Reference.decode(run.store())
    run.learn(2, 5_000)
    second = Reference.decode(run.store())
    assert first.name != second.name
    assert {first.name, second.name} == names(tmp_path), "the run may still resume from the first"
    run.store()
    assert {first.name, second.name} == names(tmp_path)
    run.store()
    assert {second.name} == names(tmp_path)


def test_events_that_would_take_long_to_replay_are_not_kept(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.learn(1, 2_000)
    first = Reference.decode(run.store())
    batch = noise(2, 1, 40)
    run.group.score(batch)
    run.checkpoint.note(batch, module.REPLAY_SECONDS + 1, run.group.size)
    assert Reference.decode(run.store()).name != first.name


def test_what_is_written_in_a_moment_is_not_replayed_for_long(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.learn(1, 2_000)
    first = Reference.decode(run.store())
    run.checkpoint._took(0.01)
    batch = noise(2, 1, 40)
    run.checkpoint.note(batch, 0.09, run.group.size)
    assert Reference.decode(run.store()).name == first.name
    run.checkpoint.note(batch, 0.02, run.group.size)
    assert Reference.decode(run.store()).name != first.name


@settings(max_examples=25, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 400), min_size=1, max_size=6),
    again=st.integers(0, 5),
    capacity=st.sampled_from([3, 50]),
)
def test_a_run_that_was_killed_goes_on_as_if_it_was_not(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], again: int, capacity: int
) -> None:
    folder = tmp_path_factory.mktemp("groups")
    spec = replace(SPEC, memory_bytes=SPEC.key_groups * capacity * entity_bytes(SPEC))
    calm, killed = Run(folder / "calm", spec=spec), Run(folder / "killed", spec=spec)
    for step, size in enumerate(sizes):
        calm.learn(step, size)
        killed.learn(step, size)
        stored = killed.store()
        if step == again:
            # What was learned after the checkpoint is lost, even where it reached the disk.
            killed.learn(99, 50)
            killed.store()
            killed = Run(folder / "killed", stored, spec)
        same(calm, killed)
    calm.store()
    probe = noise(98, 200, 40)
    scores = [joined(run.group.score(probe), "p_values") for run in (calm, killed)]
    np.testing.assert_array_equal(scores[0], scores[1])


def stored_with_events(directory: Path) -> bytes:
    run = Run(directory)
    run.learn(1, 2_000)
    run.store()
    run.learn(2, 10)
    stored = run.store()
    assert snapshot.kind(stored) == KIND
    return stored


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    stored = stored_with_events(tmp_path)
    files(tmp_path)[0].unlink()
    with pytest.raises(SnapshotError, match="put back the whole state directory"):
        Run(tmp_path, stored)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.999])
def test_a_cut_file_is_said(tmp_path: Path, share: float) -> None:
    stored = stored_with_events(tmp_path)
    file = files(tmp_path)[0]
    file.write_bytes(file.read_bytes()[: int(share * file.stat().st_size)])
    with pytest.raises(SnapshotError):
        Run(tmp_path, stored)


@pytest.mark.parametrize("place", [20, -5])
def test_a_changed_byte_is_said(tmp_path: Path, place: int) -> None:
    stored = stored_with_events(tmp_path)
    file = files(tmp_path)[0]
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(content)
    with pytest.raises(SnapshotError):
        Run(tmp_path, stored)


def test_state_of_another_mapping_is_not_replayed_upon(tmp_path: Path) -> None:
    stored = stored_with_events(tmp_path)
    run = Run(tmp_path, stored, replace(SPEC, mapping_fingerprint="other"))
    assert run.group.size == 0
    assert Reference.decode(stored).name in names(tmp_path)


def test_files_are_private(tmp_path: Path) -> None:
    stored_with_events(tmp_path / "groups")
    assert (tmp_path / "groups").stat().st_mode & 0o777 == 0o700
    assert files(tmp_path / "groups")[0].stat().st_mode & 0o777 == 0o600
