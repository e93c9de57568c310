"""The file of a key group: blobs one after the other, durable before anything refers to them."""

from __future__ import annotations

import os
import secrets
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from engine.application.state.durable import Syncs
from engine.domain import snapshot
from engine.domain.errors import SnapshotError

KIND = "detect.file"
"""Kind of the blob that refers to a file, in place of the state itself."""
_LENGTH = struct.Struct("<Q")


@dataclass(frozen=True, slots=True)
class Reference:
    """What is stored for a state that lives in a file: its name, and how much of it counts."""

    name: str
    length: int

    def encode(self) -> bytes:
        """Return it as versioned bytes."""
        length = np.array([self.length], np.int64)
        return snapshot.encode(KIND, {"name": self.name.encode(), "length": length})

    @staticmethod
    def decode(blob: bytes) -> Reference:
        """Read what `encode` wrote.

        Raises:
            SnapshotError: it is something else.
        """
        parts = snapshot.decode(KIND, blob)
        return Reference(bytes(parts["name"]).decode(), int(np.asarray(parts["length"])[0]))


class GroupFile:
    """A file that only grows; what was stored of it never changes.

    Args of its constructor: directory; reference, of a file to go on with, None for a new one.
    """

    def __init__(self, directory: Path, reference: Reference | None = None) -> None:
        directory.mkdir(mode=0o700, exist_ok=True)
        self._directory = directory
        self.name = reference.name if reference else secrets.token_hex(8)
        self.length = reference.length if reference else 0
        self.path = directory / self.name

    def append(self, blob: bytes, syncs: Syncs) -> Reference:
        """Write a blob behind all that counts; on the disk it is once `syncs` has finished."""
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            # What a crashed run wrote behind the last checkpoint does not count.
            os.ftruncate(descriptor, self.length)
            os.lseek(descriptor, self.length, os.SEEK_SET)
            _write_all(descriptor, _LENGTH.pack(len(blob)))
            _write_all(descriptor, blob)
        except BaseException:
            os.close(descriptor)
            raise
        syncs.begin(descriptor, None if self.length else self._directory)
        self.length += _LENGTH.size + len(blob)
        return Reference(self.name, self.length)

    def blobs(self) -> Iterator[bytes]:
        """Yield the blobs that count, in their order.

        Raises:
            SnapshotError: the file is missing, or shorter than it was.
        """
        try:
            with self.path.open("rb") as file:
                while file.tell() < self.length:
                    yield _read(file, self.path)
                if file.tell() > self.length:
                    raise SnapshotError(
                        f"stored state in {self.path} is corrupt: {self.length} bytes of it "
                        "count, and they end within a blob"
                    )
        except OSError as error:
            raise SnapshotError(
                f"stored state lies in {self.path}, which cannot be read ({error.strerror}): put "
                "back the whole state directory, or start anew with `pynomaly state reset`"
            ) from error


def _read(file: BinaryIO, path: Path) -> bytes:
    prefix = file.read(_LENGTH.size)
    size = _LENGTH.unpack(prefix)[0] if len(prefix) == _LENGTH.size else -1
    blob = file.read(max(size, 0))
    if len(blob) != size:
        raise SnapshotError(f"stored state in {path} is corrupt: it ends too early")
    return blob


def _write_all(descriptor: int, blob: bytes) -> None:
    view = memoryview(blob)
    while view:
        view = view[os.write(descriptor, view) :]
