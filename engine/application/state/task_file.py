"""The file of a task: its whole state, then the journal since, as described by a manifest."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote
from zlib import crc32

from engine.application.state.durable import Syncs
from engine.domain.errors import SnapshotError

JOURNAL = ""
"""Name of the blobs that follow the state."""


@dataclass(frozen=True, slots=True)
class Blob:
    """What a manifest says of a part of the file.

    Attributes:
        name: of the step whose state it is, or JOURNAL.
        length: in bytes.
        checksum: CRC-32.
    """

    name: str
    length: int
    checksum: int


def file_prefix(task: str) -> str:
    """Return what the names of all files of a task begin with."""
    # quote() leaves no plus: one task's prefix never begins another's.
    return f"{quote(task, safe='')}+"


class TaskFile:
    """A file that only grows; what a manifest refers to never changes.

    Args:
        directory: of the task files.
        task: its name.
        name: of a file to go on with.
        blobs: what counts of that file.

    Attributes:
        name: in the directory.
        blobs: what counts of it, in its order.
    """

    def __init__(
        self, directory: Path, task: str, name: str | None = None, blobs: Sequence[Blob] = ()
    ) -> None:
        self._directory = directory
        self.name = name or file_prefix(task) + secrets.token_hex(8)
        self.blobs = list(blobs)

    @property
    def path(self) -> Path:
        """Where it lies."""
        return self._directory / self.name

    @property
    def length(self) -> int:
        """How many of its bytes count."""
        return sum(blob.length for blob in self.blobs)

    def append(self, blobs: Iterable[tuple[str, bytes]], syncs: Syncs) -> None:
        """Write blobs behind all that counts; on the disk they are once `syncs` has finished."""
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        new = not self.blobs
        try:
            # What a crashed run wrote behind the last checkpoint does not count.
            os.ftruncate(descriptor, self.length)
            os.lseek(descriptor, self.length, os.SEEK_SET)
            written = [_write(descriptor, name, content) for name, content in blobs]
        except BaseException:
            os.close(descriptor)
            raise
        syncs.start(descriptor, self._directory if new else None)
        self.blobs += written

    def read(self) -> list[tuple[str, bytes]]:
        """Return the blobs that count, in their order.

        Raises:
            SnapshotError: the file is missing, or is not as it was written.
        """
        try:
            with self.path.open("rb") as file:
                return [(blob.name, _read(file, blob, self.path)) for blob in self.blobs]
        except OSError as error:
            raise SnapshotError(
                f"stored state in {self.path} cannot be read ({error.strerror}): put "
                "back the whole state directory, or start afresh with `pynomaly state reset`"
            ) from error


def _write(descriptor: int, name: str, content: bytes) -> Blob:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
    return Blob(name, len(content), crc32(content))


def _read(file: BinaryIO, blob: Blob, path: Path) -> bytes:
    content = file.read(blob.length)
    if len(content) != blob.length:
        raise SnapshotError(f"stored state in {path} is corrupt: it ends too early. {_CURE}")
    if crc32(content) != blob.checksum:
        raise SnapshotError(
            f"stored state in {path} is corrupt: a checksum does not match. {_CURE}"
        )
    return content


_CURE = "Put back a copy of the state directory, or start afresh with `pynomaly state reset`"
