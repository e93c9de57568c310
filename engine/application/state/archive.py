"""The archive of a state directory: one file to keep or to carry elsewhere."""

from __future__ import annotations

import io
import tarfile
from hashlib import sha256
from pathlib import Path

import orjson

from engine.domain.errors import PynomalyError, SnapshotError

SUMS = "sums.json"
"""First member of an archive: the SHA-256 of each of the others."""
LEFT_OUT = {"lock"}


def export_state(directory: Path, archive: Path) -> int:
    """Write a state directory into a new archive; return its bytes.

    To be called by who holds the lock: a running pipeline changes what is copied.

    Raises:
        PynomalyError: there is no state, or the archive exists already.
    """
    files = [path for path in sorted(directory.rglob("*")) if path.is_file()]
    members = {
        str(path.relative_to(directory)): path.read_bytes()
        for path in files
        if path.name not in LEFT_OUT
    }
    if not members:
        raise PynomalyError(f"there is no state in {directory}")
    sums = {name: sha256(content).hexdigest() for name, content in members.items()}
    try:
        with archive.open("xb") as file, tarfile.open(fileobj=file, mode="w:gz") as tar:
            archive.chmod(0o600)
            for name, content in {SUMS: orjson.dumps(sums), **members}.items():
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode = len(content), 0o600
                tar.addfile(entry, io.BytesIO(content))
    except FileExistsError:
        raise PynomalyError(f"{archive} exists already: give another name") from None
    return archive.stat().st_size


def import_state(archive: Path, directory: Path) -> int:
    """Bring an archive's state back into a directory that has none; return its bytes.

    Raises:
        SnapshotError: the archive is damaged, or none of ours.
        PynomalyError: the directory holds state already.
    """
    if any(path.name not in LEFT_OUT for path in directory.iterdir()):
        raise PynomalyError(f"{directory} holds state already: `pynomaly state reset` removes it")
    members = _read(archive)
    for name, content in members.items():
        path = directory / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(content)
    return sum(map(len, members.values()))


def _read(archive: Path) -> dict[str, bytes]:
    try:
        with tarfile.open(archive, "r:gz") as tar:
            members = {entry.name: file.read() for entry in tar if (file := tar.extractfile(entry))}
        sums = orjson.loads(members.pop(SUMS))
    except (OSError, EOFError, tarfile.TarError, KeyError, orjson.JSONDecodeError) as error:
        raise SnapshotError(f"{archive} is no archive of a state, or damaged: {error}") from error
    if {name: sha256(content).hexdigest() for name, content in members.items()} != sums:
        raise SnapshotError(f"{archive} is damaged: a checksum does not match")
    if any(Path(name).is_absolute() or ".." in Path(name).parts for name in members):
        raise SnapshotError(f"{archive} would write outside of the state directory")
    return members
