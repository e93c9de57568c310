"""Earlier checkpoints that are kept, to go back to.

A process periodically keeps the manifests of its tasks; the files that they refer to stay, and what
is written behind what they refer to does not matter to them. While nothing changes, as in a
pipeline without events, nothing more is kept: it would displace what differs.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from engine.application.state.checkpoint_file import Manifest, read_manifests, write_manifests
from engine.domain.errors import SnapshotError

KEPT = "kept"
"""Folder of the kept checkpoints in a state directory."""

logger = logging.getLogger("pynomaly.state")


@dataclass(frozen=True, slots=True)
class KeptFile:
    """What a process kept at a time.

    Attributes:
        path: where it lies.
        second: when it was kept, in seconds since 1970.
    """

    path: Path
    second: int

    @property
    def moment(self) -> datetime:
        """When it was kept."""
        return datetime.fromtimestamp(self.second, UTC)


def kept_files(directory: Path) -> list[KeptFile]:
    """Return what is kept in a state directory, the oldest first."""
    paths = (directory / KEPT).glob("*.json")
    found = [KeptFile(path, int(path.name.split(".")[0])) for path in paths]
    return sorted(found, key=lambda each: (each.second, each.path.name))


def kept_manifests(directory: Path, task: str) -> Iterator[Manifest]:
    """Yield what is kept of a task, the newest first; what is damaged is left out."""
    for kept in reversed(kept_files(directory)):
        try:
            found = read_manifests(kept.path)
        except SnapshotError as error:
            logger.error("a kept checkpoint is left out: %s", error)
            continue
        yield from (manifest for manifest in found if manifest.task == task)


def files_of(kept: Iterable[KeptFile]) -> Iterator[str]:
    """Yield the names of the tasks' files that kept checkpoints refer to.

    Raises:
        SnapshotError: one is damaged, or of a newer program.
    """
    for each in kept:
        yield from (manifest.file for manifest in read_manifests(each.path))


class KeptCheckpoints:
    """Keeps checkpoints of one process.

    Args:
        directory: of the state.
        process: number of the process.
        count: checkpoints to keep; none if it is 0.
        every: time between them.
        now: the time, in seconds since 1970.

    Attributes:
        files: names of the tasks' files that are referred to.
    """

    def __init__(
        self,
        directory: Path,
        process: int,
        count: int,
        every: timedelta,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._directory = directory
        self._process = process
        self._count = count
        self._every = max(every.total_seconds(), 1.0)
        self._now = now
        self._read: dict[Path, list[Manifest]] = {}
        self.files: set[str] = set()
        if count:
            (directory / KEPT).mkdir(mode=0o700, parents=True, exist_ok=True)
        kept = self.look()
        self._turn = self._turn_of(max((each.second for each in kept), default=-1))
        newest = {one.task: one for each in kept for one in self._read[each.path]}
        self._last = {task: _content(one) for task, one in newest.items()}

    def keep_if_due(self, manifests: Iterable[Manifest]) -> bool:
        """Keep a checkpoint if it is time, and if it differs; return whether that was so."""
        second = int(self._now())
        # By the clock, so that all processes keep theirs at about the same time.
        turn = self._turn_of(second)
        if not self._count or turn <= self._turn:
            return False
        found = list(manifests)
        content = {one.task: _content(one) for one in found}
        if content.items() <= self._last.items():
            return False
        name = f"{second}.{self._process}.json"
        write_manifests(self._directory / KEPT / name, found)
        self._turn = turn
        self._last |= content
        self.look()
        return True

    def look(self) -> list[KeptFile]:
        """Remove what is too old, and read what other processes have kept; return what is left.

        Raises:
            SnapshotError: one is damaged, or of a newer program.
        """
        kept = kept_files(self._directory)
        turns = sorted({self._turn_of(each.second) for each in kept}, reverse=True)
        wanted = set(turns[: self._count])
        left = [each for each in kept if self._turn_of(each.second) in wanted]
        first = [each for each in left if self._turn_of(each.second) == min(wanted)]
        left = [*self._unchanged(kept[: len(kept) - len(left)], first), *left]
        for each in kept:
            if each not in left:
                each.path.unlink(missing_ok=True)
        self._read = {each.path: self._manifests(each) for each in left}
        self.files = {one.file for found in self._read.values() for one in found}
        return left

    def _turn_of(self, second: int) -> int:
        return int(second // self._every)

    def _unchanged(self, older: Sequence[KeptFile], first: Sequence[KeptFile]) -> list[KeptFile]:
        """Return which older ones have a task as it still was in the first turn that is kept."""
        covered = {one.task for each in first for one in self._manifests(each)}
        found = []
        for each in reversed(older if first else ()):
            try:
                tasks = {one.task for one in self._manifests(each)}
            except SnapshotError:
                continue
            if not tasks <= covered:
                found.append(each)
            covered |= tasks
        return found[::-1]

    def _manifests(self, kept: KeptFile) -> list[Manifest]:
        """Return what is in a kept file; nothing if another process has just removed it."""
        known = self._read.get(kept.path)
        if known is not None:
            return known
        try:
            return read_manifests(kept.path)
        except SnapshotError:
            if kept.path.exists():
                raise
            return []


def _content(manifest: Manifest) -> object:
    """Return what distinguishes a checkpoint of a task from those that changed nothing."""
    return manifest.file, manifest.blobs, manifest.position
