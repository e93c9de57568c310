"""Contents: what a state directory holds, read without running anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.application.state.checkpoint_file import FOLDER, Manifest, newest_manifests
from engine.application.state.directory import TASKS
from engine.application.state.task_file import TaskFile
from engine.domain import snapshot

ENTITIES = "entities/state"
"""Part of a task's state that has a row for each entity."""
LOCK_SUFFIX = "+lock"


@dataclass(frozen=True, slots=True)
class Contents:
    """What is stored.

    Attributes:
        tasks: the newest manifest of each task.
        files: sizes of all tasks' files, by name.
        entities: how many the tasks had when their state was last stored whole.
    """

    tasks: Mapping[str, Manifest]
    files: Mapping[str, int]
    entities: int

    @property
    def left(self) -> set[str]:
        """Files that no manifest refers to: left by killed processes, removed by the next run."""
        return set(self.files) - {manifest.file for manifest in self.tasks.values()}


def read_contents(directory: Path) -> Contents:
    """Read all that is stored, and check it; of none, nothing.

    Raises:
        SnapshotError: something is damaged, missing, or of a newer program.
    """
    tasks = newest_manifests(directory)
    found = [path for path in (directory / TASKS).glob("*") if not path.name.endswith(LOCK_SUFFIX)]
    entities = sum(_entities(directory, manifest) for manifest in tasks.values())
    return Contents(tasks, {path.name: path.stat().st_size for path in found}, entities)


def earlier_processes(directory: Path) -> int:
    """Return how many processes there ever were on a state."""
    numbers = [int(path.stem) for path in (directory / FOLDER).glob("*.json")]
    return max(numbers, default=-1) + 1


def _entities(directory: Path, manifest: Manifest) -> int:
    file = TaskFile(directory / TASKS, manifest.task, manifest.file, manifest.blobs)
    states = [blob for name, blob in file.read() if name == "detect"]
    return sum(len(np.asarray(snapshot.decode("detect", blob)[ENTITIES])) for blob in states)
