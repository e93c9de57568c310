"""Contents: what a state directory holds, read without running anything."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from engine.application.state.group_file import KIND, GroupFile, Reference
from engine.application.state.store_files import RUNS, ask, parts, resumed_epoch
from engine.domain import snapshot
from engine.domain.errors import SnapshotError

GROUPS, OUTPUTS = "groups", "outputs"
ENTITIES = "entities/state"
"""Part of a key group's state that has a row for each entity."""


@dataclass(slots=True)
class Contents:
    """What is stored.

    Attributes:
        runs: how often the pipeline was started on this state.
        epoch: the epoch that the next run resumes at.
        states: what each step stored last under each key before that epoch, by (step, key).
        files: names of the group files that stored state refers to, that of the last epoch or of
            the ones before: a run may have to resume there.
    """

    runs: int = 0
    epoch: int = 0
    states: dict[tuple[str, str], Any] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)

    def of(self, step: str) -> dict[str, Any]:
        """Return what a step stored, by key."""
        return {key: state for (name, key), state in self.states.items() if name == step}


def read_contents(directory: Path) -> Contents:
    """Read the recovery store of a state directory; of none, nothing.

    Raises:
        SnapshotError: it cannot be read.
    """
    found, newest = Contents(epoch=resumed_epoch(directory)), dict[tuple[str, str], int]()
    for path in parts(directory):
        try:
            _take(path, found, newest)
        except pickle.UnpicklingError as error:
            raise SnapshotError(f"{path} cannot be read: {error}") from error
    return found


def remove_orphans(directory: Path) -> int:
    """Remove the group files of runs that were killed, which no state refers to; return how many.

    To be called by who holds the lock, before a run.
    """
    files = list((directory / GROUPS).glob("*"))
    known = read_contents(directory).files if files else set()
    orphans = [file for file in files if file.name not in known]
    for file in orphans:
        file.unlink()
    return len(orphans)


def count_entities(directory: Path, contents: Contents) -> int:
    """Return how many entities the stored state has, but for those of the newest epochs.

    Raises:
        SnapshotError: a group's state is missing, corrupt, or newer than this program.
    """
    return sum(
        len(np.asarray(snapshot.decode("detect", blob)[ENTITIES]))
        for blob in _whole_groups(directory, contents)
    )


def _whole_groups(directory: Path, contents: Contents) -> Iterator[bytes]:
    for state in contents.of("detect").values():
        if snapshot.kind(state) != KIND:
            yield state
        else:
            file = GroupFile(directory / GROUPS, Reference.decode(state))
            yield next(file.blobs())


def _take(path: Path, found: Contents, newest: dict[tuple[str, str], int]) -> None:
    for number, *_ in ask(path, RUNS):
        found.runs = max(found.runs, number + 1)
    rows = ask(path, "SELECT step_id, state_key, snap_epoch, ser_change FROM snaps")
    for step_id, key, epoch, change in rows:
        # The flow's name stands before the step's.
        name = step_id.rpartition(".")[2], key
        # By pickle, as Bytewax wrote it: who can write here can run code as this user anyway.
        state = None if change is None else pickle.loads(change)
        if name[0] == "detect" and state is not None and snapshot.kind(state) == KIND:
            found.files.add(Reference.decode(state).name)
        if newest.get(name, -1) <= epoch < found.epoch:
            newest[name] = epoch
            found.states[name] = state
