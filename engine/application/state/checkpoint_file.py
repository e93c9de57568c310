"""The checkpoint file of a process: the manifests of its tasks, replaced as one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

import orjson

from engine import __version__
from engine.application.state.durable import write_durably
from engine.application.state.store import Json
from engine.application.state.task_file import Blob, TaskFile
from engine.domain.errors import SnapshotError

FOLDER = "checkpoints"
FORMAT = 2
"""Of the state directory; the first one was by key groups, in Bytewax's recovery store."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a checkpoint of a task consists of.

    Attributes:
        task, position, results, partitions, identity: as in the checkpoint.
        number: of the checkpoint, counted from 1; of several manifests the highest counts.
        file: name of the task's file.
        blobs: what counts of it.
        snapshot_position, snapshot_results: what the whole state in it belongs to.
        outputs: for each sink, where its output stood.
    """

    task: str
    number: int
    position: Json
    file: str
    blobs: tuple[Blob, ...]
    snapshot_position: Json
    snapshot_results: int
    results: int
    partitions: int
    identity: Mapping[str, Json] = field(default_factory=dict)
    outputs: Mapping[str, Json] = field(default_factory=dict)

    def task_file(self, folder: Path) -> TaskFile:
        """Return the task's file, in the folder of all tasks' files."""
        return TaskFile(folder, self.task, self.file, self.blobs)


def checkpoint_path(directory: Path, process: int) -> Path:
    """Return where a process keeps its checkpoint file in a state directory."""
    return directory / FOLDER / f"{process}.json"


def write_manifests(path: Path, manifests: Iterable[Manifest]) -> None:
    """Replace a checkpoint file, durably."""
    tasks = [asdict(manifest) for manifest in manifests]
    body = orjson.dumps({"format": FORMAT, "program": __version__, "tasks": tasks})
    write_durably(path, _checksum(body) + b"\n" + body)


def read_manifests(path: Path) -> list[Manifest]:
    """Return the manifests in a checkpoint file.

    Raises:
        SnapshotError: it is damaged, or of a newer program.
    """
    try:
        checksum, _, body = path.read_bytes().partition(b"\n")
    except OSError as error:
        raise SnapshotError(f"{path} cannot be read: {error.strerror}") from error
    if checksum != _checksum(body):
        raise SnapshotError(
            f"stored state in {path} is corrupt: its checksum does not match. Put back a copy of "
            "the state directory, or start afresh with `pynomaly state reset`"
        )
    found = orjson.loads(body)
    if found["format"] > FORMAT:
        raise SnapshotError(
            f"{path} was written by pynomaly-engine {found['program']}, which keeps its state in "
            f"format {found['format']}; this program knows {FORMAT}: run that version"
        )
    return [_manifest(task) for task in found["tasks"]]


def newest_manifests(directory: Path) -> dict[str, Manifest]:
    """Return the newest manifest of each task in a state directory.

    Raises:
        SnapshotError: one is damaged, or of a newer program.
    """
    newest: dict[str, Manifest] = {}
    for path in sorted((directory / FOLDER).glob("*.json")):
        for manifest in read_manifests(path):
            known = newest.get(manifest.task)
            if known is None or known.number < manifest.number:
                newest[manifest.task] = manifest
    return newest


def _manifest(task: dict[str, Any]) -> Manifest:
    blobs = tuple(Blob(**blob) for blob in task.pop("blobs"))
    return Manifest(blobs=blobs, **task)


def _checksum(body: bytes) -> bytes:
    return blake2b(body, digest_size=16).hexdigest().encode()
