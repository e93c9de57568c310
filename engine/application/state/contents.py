"""Reads the contents of a state directory without running anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import orjson

from engine.application.state.checkpoint_file import FOLDER, Manifest, newest_manifests
from engine.application.state.directory import TASKS
from engine.application.state.encrypted import StateCipher
from engine.application.state.kept import KeptFile, files_of, kept_files
from engine.application.state.store import StoredState, StoredTask
from engine.domain import snapshot

KEYS = "entities/keys"
"""Part of a task's state that names its entities."""
LOCK_SUFFIX = "+lock"


@dataclass(frozen=True, slots=True)
class Contents:
    """What is stored.

    Attributes:
        tasks: the newest checkpoint of each task.
        entities: how many the tasks had when their state was last stored whole.
        split: how many of them more than one task has.
        files: sizes of all tasks' files, by name; None if state does not lie in files.
        kept: earlier checkpoints that are kept, the oldest first.
        kept_names: names of the tasks' files that they refer to.
    """

    tasks: Mapping[str, Manifest | StoredTask]
    entities: int
    split: int
    files: Mapping[str, int] | None = None
    kept: Sequence[KeptFile] = ()
    kept_names: frozenset[str] = frozenset()

    @property
    def left(self) -> set[str]:
        """Files that no manifest refers to: left by killed processes, removed by the next run."""
        known = {task.file for task in self.tasks.values() if isinstance(task, Manifest)}
        return set(self.files or ()) - known - self.kept_names


def read_contents(directory: Path, cipher: StateCipher) -> Contents:
    """Read all that is stored, and check it; of none, nothing.

    Raises:
        SnapshotError: something is damaged, missing, or of a newer program.
    """
    tasks = newest_manifests(directory)
    found = [path for path in (directory / TASKS).glob("*") if not path.name.endswith(LOCK_SUFFIX)]
    entities, split = _count(
        _keys(task, _blobs(directory, manifest), cipher) for task, manifest in tasks.items()
    )
    sizes = {path.name: path.stat().st_size for path in found}
    kept = kept_files(directory)
    return Contents(tasks, entities, split, sizes, kept, frozenset(files_of(kept)))


def read_stored(state: StoredState, cipher: StateCipher) -> Contents:
    """Read all that lies outside of directories, and check it; of none, nothing.

    Raises:
        SnapshotError: something is damaged, missing, or of a newer program.
    """
    tasks: dict[str, StoredTask] = {}
    keys: list[list[str]] = []
    for found in filter(None, map(state.load, state.tasks())):
        keys.append(_keys(found.task, found.snapshot.items(), cipher))
        # One at a time is in memory.
        tasks[found.task] = replace(found, snapshot={})
    return Contents(tasks, *_count(keys))


def entity_keys(blobs: Mapping[str, bytes]) -> list[str]:
    """Return the entities in a task's whole state, which is decrypted."""
    if "detect" not in blobs:
        return []
    state = snapshot.decode("detect", blobs["detect"])
    found: list[str] = orjson.loads(bytes(state[KEYS]))
    return found


def earlier_processes(directory: Path) -> int:
    """Return how many processes there ever were on a state."""
    numbers = [int(path.stem) for path in (directory / FOLDER).glob("*.json")]
    return max(numbers, default=-1) + 1


def _blobs(directory: Path, manifest: Manifest) -> Sequence[tuple[str, bytes]]:
    return manifest.task_file(directory / TASKS).read()


def _keys(task: str, blobs: Iterable[tuple[str, bytes]], cipher: StateCipher) -> list[str]:
    """Return the entities of a task."""
    found = {name: cipher.decrypt(task, name, blob) for name, blob in blobs if name == "detect"}
    return entity_keys(found)


def _count(keys: Iterable[list[str]]) -> tuple[int, int]:
    """Return how many entities there are, and how many of them several tasks have."""
    # Millions of them: eight bytes each.
    hashes = [np.fromiter(map(hash, some), np.int64, len(some)) for some in keys]
    if not hashes:
        return 0, 0
    _, counts = np.unique(np.concatenate(hashes), return_counts=True)
    return len(counts), int((counts > 1).sum())
