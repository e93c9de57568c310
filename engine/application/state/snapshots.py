"""Snapshots: the whole state of each task as it was stored last, read while a pipeline may run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.application.state.checkpoint_file import newest_manifests
from engine.application.state.directory import TASKS
from engine.application.state.encrypted import StateCipher
from engine.application.state.store import Json
from engine.application.state.task_file import JOURNAL
from engine.domain.errors import SnapshotError

TRIES = 3
"""A running pipeline may replace a file between the look at its name and the look into it."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The whole state of a task.

    Attributes:
        task: name of the task.
        position: where the source stood.
        partitions: partitions of the source that the task shares budgets with.
        blobs: the state of each step, by its name.
    """

    task: str
    position: Json
    partitions: int
    blobs: Mapping[str, bytes]


def read_snapshots(directory: Path, cipher: StateCipher) -> Iterator[Snapshot]:
    """Yield the newest snapshot of each task, in their order.

    Raises:
        SnapshotError: something is damaged, missing, or of a newer program.
    """
    for task in sorted(newest_manifests(directory), key=lambda name: (len(name), name)):
        yield _read(directory, task, cipher)


def _read(directory: Path, task: str, cipher: StateCipher) -> Snapshot:
    for remaining in reversed(range(TRIES)):
        manifest = newest_manifests(directory)[task]
        try:
            read = manifest.task_file(directory / TASKS).read()
            blobs = {name: blob for name, blob in read if name != JOURNAL}
        except SnapshotError:
            if remaining == 0:
                raise
            continue
        blobs = cipher.decrypt_all(task, blobs)
        return Snapshot(task, manifest.snapshot_position, manifest.partitions, blobs)
    raise AssertionError("unreachable")
