"""The archive of a state directory: one file to keep or to move.

Both ways it is streamed, so that neither a large state nor a malicious archive fills the memory; an
archive writes no more than it says in its first member, and nothing counts before all of it is
there and matches.
"""

from __future__ import annotations

import io
import os
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import IO

import orjson

from engine.application.state.durable import sync_directory
from engine.application.state.lock import IMPORTING
from engine.domain.errors import FatalError, SnapshotError

SUMS = "sums.json"
"""First member of an archive: size and SHA-256 of each of the others."""
LARGEST_SUMS_BYTES = 64 * 2**20
UNPACKED = "import"
"""Folder that an archive is unpacked into, in the state directory, before any of it counts."""
CHUNK_BYTES = 2**20
FOLDERS = {"checkpoints", "tasks"}
"""What a state consists of; anything else in the directory does not belong to it."""

Sums = dict[str, tuple[int, str]]


def write_archive(directory: Path, archive: Path) -> int:
    """Write a state directory into a new archive; return its bytes.

    To be called by who holds the lock: a running pipeline changes what is copied.

    Raises:
        PynomalyError: there is no state, or the archive exists already.
    """
    files = {str(path.relative_to(directory)): path for path in _files(directory)}
    if not files:
        raise FatalError(f"there is no state in {directory}")
    sums: Sums = {name: (path.stat().st_size, _digest(path)) for name, path in files.items()}
    try:
        with archive.open("xb") as file:
            archive.chmod(0o600)
            try:
                _write(file, files, sums)
            except BaseException:
                archive.unlink()
                raise
    except FileExistsError:
        raise FatalError(f"{archive} exists already: give another name") from None
    except OSError as error:
        raise FatalError(f"{archive} cannot be written: {error.strerror}") from error
    return archive.stat().st_size


def read_archive(archive: Path, directory: Path) -> int:
    """Restore the state of an archive into a directory that has none; return its bytes.

    To be called by who holds the lock. Broken off, it leaves a mark that a run refuses.

    Raises:
        SnapshotError: the archive is damaged, or none of ours.
        PynomalyError: the directory holds state already.
    """
    if (
        any((directory / folder).exists() for folder in (*FOLDERS, "recovery"))
        and not (directory / IMPORTING).exists()
    ):
        raise FatalError(f"{directory} holds state already: `pynomaly state reset` removes it")
    mark, draft = directory / IMPORTING, directory / UNPACKED
    mark.touch(mode=0o600)
    for folder in (*FOLDERS, UNPACKED):
        shutil.rmtree(directory / folder, ignore_errors=True)
    sync_directory(directory)
    try:
        draft.mkdir(mode=0o700)
        size = _unpack(archive, draft)
    except BaseException:
        # Nothing of it counts: as before.
        shutil.rmtree(draft, ignore_errors=True)
        mark.unlink()
        raise
    for unpacked in draft.iterdir():
        unpacked.rename(directory / unpacked.name)
    draft.rmdir()
    sync_directory(directory)
    mark.unlink()
    sync_directory(directory)
    return size


def _files(directory: Path) -> Iterator[Path]:
    for folder in sorted(FOLDERS):
        for path in sorted((directory / folder).glob("*")):
            if path.is_file() and not path.name.endswith(("+lock", ".draft")):
                yield path


def _digest(path: Path) -> str:
    digest = sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _write(file: IO[bytes], files: dict[str, Path], sums: Sums) -> None:
    with tarfile.open(fileobj=file, mode="w:gz", compresslevel=1) as tar:
        head = orjson.dumps(sums)
        tar.addfile(_entry(SUMS, len(head)), io.BytesIO(head))
        for name, path in files.items():
            with path.open("rb") as content:
                tar.addfile(_entry(name, sums[name][0]), content)


def _entry(name: str, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o600
    return entry


def _unpack(archive: Path, draft: Path) -> int:
    try:
        with tarfile.open(archive, "r|gz") as tar:
            sums = _read_sums(tar)
            for name in sums:
                _check_name(name)
            while (entry := tar.next()) is not None:
                _unpack_one(tar, entry, draft, sums)
        if sums:
            raise SnapshotError(f"it lacks {min(sums)}")
    except (
        *(OSError, EOFError, tarfile.TarError, zlib.error, ValueError, KeyError, TypeError),
        *(AttributeError, SnapshotError),
    ) as error:
        raise SnapshotError(
            f"{archive} is not an archive of a state, or is damaged: {error}"
        ) from error
    return sum(path.stat().st_size for path in draft.rglob("*") if path.is_file())


def _read_sums(tar: tarfile.TarFile) -> Sums:
    entry = tar.next()
    if entry is None or entry.name != SUMS or not entry.isreg() or entry.size > LARGEST_SUMS_BYTES:
        raise SnapshotError(f"its first member is not {SUMS}")
    content = tar.extractfile(entry)
    assert content is not None
    found = orjson.loads(content.read())
    if any(isinstance(value, str) for value in found.values()):
        raise SnapshotError(
            "it was exported by an earlier release, whose state, by key groups, cannot be read"
        )
    return {str(name): (int(size), str(digest)) for name, (size, digest) in found.items()}


def _check_name(name: str) -> None:
    parts = name.split("/")
    if len(parts) != 2 or parts[0] not in FOLDERS or parts[1] in ("", ".", "..") or "\0" in name:
        raise SnapshotError(f"{name[:80]!r} is not part of a state")


def _unpack_one(tar: tarfile.TarFile, entry: tarfile.TarInfo, draft: Path, sums: Sums) -> None:
    if entry.name not in sums or not entry.isreg():
        raise SnapshotError(f"{entry.name[:80]!r} is not in {SUMS}, or no plain file")
    size, expected = sums.pop(entry.name)
    if entry.size != size:
        raise SnapshotError(f"{entry.name!r} has another size than {SUMS} says")
    content = tar.extractfile(entry)
    assert content is not None
    path = draft / entry.name
    path.parent.mkdir(mode=0o700, exist_ok=True)
    digest = sha256()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        while chunk := content.read(CHUNK_BYTES):
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    sync_directory(path.parent)
    if digest.hexdigest() != expected:
        raise SnapshotError(f"{entry.name!r} does not match its checksum")
