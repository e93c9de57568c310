"""The state store in a directory: the default, on one machine."""

from __future__ import annotations

import fcntl
import logging
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from engine.application.state.checkpoint_file import (
    FOLDER,
    Manifest,
    checkpoint_path,
    newest_manifests,
    write_manifests,
)
from engine.application.state.durable import Syncs
from engine.application.state.kept import KeptCheckpoints, kept_manifests
from engine.application.state.store import Checkpoint, Json, StoredTask
from engine.application.state.task_file import JOURNAL, TaskFile, file_prefix
from engine.application.telemetry.heartbeat import Heartbeat
from engine.domain.errors import FatalError, SnapshotError, StateWriteError, cure_of

TASKS = "tasks"
"""Folder of the tasks' files in the state directory."""
LOCK_SECONDS = 10.0
"""Time that a killed process may take to end and release its locks."""
LOOK_SECONDS = 0.05

logger = logging.getLogger("pynomaly.state")


class DirectoryStore:
    """A process's side of a state directory.

    Args:
        directory: of the state.
        process: number of this process.
        heartbeat: beats while files are written.
        keep: earlier checkpoints to keep.
        keep_every: time between them.
    """

    def __init__(
        self,
        directory: Path,
        process: int,
        heartbeat: Heartbeat,
        *,
        keep: int = 0,
        keep_every: timedelta = timedelta(hours=1),
    ) -> None:
        self._directory = directory
        self._tasks = directory / TASKS
        self._path = checkpoint_path(directory, process)
        self._heartbeat = heartbeat
        self._syncs = Syncs()
        self._locks: dict[str, int] = {}
        self._manifests: dict[str, Manifest | None] = {}
        self._files: dict[str, TaskFile] = {}
        for folder in (self._tasks, directory / FOLDER):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._kept = KeptCheckpoints(directory, process, keep, keep_every)

    def tasks(self) -> Sequence[str]:
        """Return the names of all tasks of which anything is stored."""
        return sorted(newest_manifests(self._directory))

    def load(self, task: str) -> StoredTask | None:
        """Restore a task; see `StateStore`."""
        self._lock(task)
        manifest = newest_manifests(self._directory).get(task)
        # Another process may have kept it.
        self._kept.look()
        self._remove_orphans(task, manifest)
        self._manifests[task] = manifest
        if manifest is None:
            return None
        file = manifest.task_file(self._tasks)
        blobs = file.read()
        self._files[task] = file
        return StoredTask(
            task=task,
            number=manifest.number,
            position=manifest.position,
            snapshot={name: blob for name, blob in blobs if name != JOURNAL},
            snapshot_position=manifest.snapshot_position,
            snapshot_results=manifest.snapshot_results,
            journal=[blob for name, blob in blobs if name == JOURNAL],
            results=manifest.results,
            partitions=manifest.partitions,
            identity=manifest.identity,
            outputs=manifest.outputs,
        )

    def save(self, checkpoints: Sequence[Checkpoint], outputs: Mapping[str, Json]) -> None:
        """Store checkpoints; see `StateStore`."""
        manifests, files = dict(self._manifests), dict(self._files)
        kept = False
        try:
            for checkpoint in checkpoints:
                file = self._write(checkpoint, files.get(checkpoint.task))
                before = manifests.get(checkpoint.task)
                manifests[checkpoint.task] = _manifest(checkpoint, file, before)
                files[checkpoint.task] = file
            self._syncs.finish()
            for task, manifest in manifests.items():
                if manifest is not None:
                    manifests[task] = replace(manifest, outputs=outputs)
            stored = [*filter(None, manifests.values())]
            write_manifests(self._path, stored)
            kept = self._kept.keep_if_due(stored)
        except OSError as error:
            raise StateWriteError(
                f"state in {self._directory} cannot be written: {error.strerror}; {cure_of(error)}"
            ) from error
        outdated = [old for task, old in self._files.items() if files[task].name != old.name]
        self._manifests, self._files = manifests, files
        for file in outdated:
            if file.name not in self._kept.files:
                file.path.unlink(missing_ok=True)
        if kept:
            for task, manifest in manifests.items():
                self._remove_orphans(task, manifest)

    def earlier(self, task: str) -> Iterator[Mapping[str, bytes]]:
        """Yield the whole states of a task that are kept; see `KeepingStore`."""
        seen = set()
        for manifest in kept_manifests(self._directory, task):
            if manifest.file in seen:
                continue
            seen.add(manifest.file)
            try:
                blobs = manifest.task_file(self._tasks).read()
            except SnapshotError as error:
                logger.error("a kept checkpoint is left out: %s", error)
                continue
            yield {name: blob for name, blob in blobs if name != JOURNAL}

    def release(self, tasks: Sequence[str]) -> None:
        """Release tasks; see `StateStore`."""
        for task in tasks:
            self._manifests.pop(task, None)
            self._files.pop(task, None)
            if task in self._locks:
                os.close(self._locks.pop(task))

    def close(self) -> None:
        """Release all resources."""
        self.release(list(self._locks))

    def _write(self, checkpoint: Checkpoint, file: TaskFile | None) -> TaskFile:
        if checkpoint.snapshot is not None:
            whole = TaskFile(self._tasks, checkpoint.task)
            whole.append(checkpoint.snapshot.items(), self._syncs)
            return whole
        assert file is not None, "the first checkpoint of a task is whole"
        if checkpoint.journal is None:
            return file
        # What is known of the file stays as it is, should the checkpoint fail.
        longer = TaskFile(self._tasks, checkpoint.task, file.name, file.blobs)
        longer.append([(JOURNAL, checkpoint.journal)], self._syncs)
        return longer

    def _lock(self, task: str) -> None:
        if task in self._locks:
            return
        path = self._tasks / f"{file_prefix(task)}lock"
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        until = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > until:
                    os.close(descriptor)
                    raise FatalError(
                        f"partition {task} is in use by another process of this pipeline ({path} "
                        "is locked): stop that one"
                    ) from None
                self._heartbeat.waiting()
                time.sleep(LOOK_SECONDS)
            else:
                self._locks[task] = descriptor
                return

    def _remove_orphans(self, task: str, manifest: Manifest | None) -> None:
        """Remove the files of checkpoints that count no more, or never did: they fill the disk."""
        known = {f"{file_prefix(task)}lock", manifest.file if manifest else "", *self._kept.files}
        for path in self._tasks.glob(f"{file_prefix(task)}*"):
            if path.name not in known:
                path.unlink(missing_ok=True)


def _manifest(checkpoint: Checkpoint, file: TaskFile, before: Manifest | None) -> Manifest:
    since = checkpoint.position, checkpoint.results
    if checkpoint.snapshot is None and before is not None:
        since = before.snapshot_position, before.snapshot_results
    return Manifest(
        task=checkpoint.task,
        number=before.number + 1 if before else 1,
        position=checkpoint.position,
        file=file.name,
        blobs=tuple(file.blobs),
        snapshot_position=since[0],
        snapshot_results=since[1],
        results=checkpoint.results,
        partitions=checkpoint.partitions,
        identity=checkpoint.identity,
    )
