"""Archives of a state: whole, bounded, and refused as a whole where they are none of ours."""

from __future__ import annotations

import io
import os
import shutil
import tarfile
import tracemalloc
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path

import orjson
import pytest

from engine.application.state import archive as module
from engine.application.state.archive import read_archive, write_archive
from engine.application.state.lock import IMPORTING
from engine.domain.errors import PynomalyError, SnapshotError


@pytest.fixture
def state(tmp_path: Path) -> Path:
    directory = tmp_path / "state"
    for name in ("checkpoints/0.json", "tasks/0+a", "tasks/0+lock", "tasks/1+b.draft", "lock"):
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode() * 1_000)
    return directory


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    directory = tmp_path / "other"
    directory.mkdir()
    return directory


def files(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


def packed(path: Path, members: list[tarfile.TarInfo | tuple[str, bytes]], sums: object) -> Path:
    """Write an archive of any members, as nobody would who means well."""
    with tarfile.open(path, "w:gz") as tar:
        head = orjson.dumps(sums)
        entry = tarfile.TarInfo("sums.json")
        entry.size = len(head)
        tar.addfile(entry, io.BytesIO(head))
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member)
            else:
                entry = tarfile.TarInfo(member[0])
                entry.size = len(member[1])
                tar.addfile(entry, io.BytesIO(member[1]))
    return path


def sums_of(members: Mapping[str, bytes]) -> dict[str, tuple[int, str]]:
    return {name: (len(text), sha256(text).hexdigest()) for name, text in members.items()}


def test_what_is_exported_is_imported_as_it_was(state: Path, empty: Path, tmp_path: Path) -> None:
    size = write_archive(state, tmp_path / "a.tar.gz")

    assert size == (tmp_path / "a.tar.gz").stat().st_size
    read_archive(tmp_path / "a.tar.gz", empty)
    whole = files(state)
    assert files(empty) == {name: whole[name] for name in ("checkpoints/0.json", "tasks/0+a")}


def link(name: str, target: str, kind: bytes) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, target
    return entry


NAMES = [
    ".",
    "",
    "tasks",
    "tasks/",
    "tasks/..",
    "../x",
    "/etc/x",
    "tasks/a/b",
    "other/x",
    "x" * 300,
]


@pytest.mark.parametrize("name", NAMES)
def test_names_that_are_no_part_of_a_state_are_refused(
    empty: Path, tmp_path: Path, name: str
) -> None:
    archive = packed(tmp_path / "a.tar.gz", [(name, b"x")], sums_of({name: b"x"}))

    with pytest.raises(SnapshotError, match="not an archive of a state"):
        read_archive(archive, empty)

    assert files(empty) == {}


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_links_and_pipes_are_refused(empty: Path, tmp_path: Path, kind: bytes) -> None:
    members: list[tarfile.TarInfo | tuple[str, bytes]] = [link("tasks/a", "tasks/a", kind)]
    archive = packed(tmp_path / "a.tar.gz", members, {"tasks/a": (0, sha256(b"").hexdigest())})

    with pytest.raises(SnapshotError, match="no plain file"):
        read_archive(archive, empty)

    assert files(empty) == {}


def test_a_member_that_comes_twice_is_refused(empty: Path, tmp_path: Path) -> None:
    archive = packed(tmp_path / "a.tar.gz", [("tasks/a", b"x")] * 2, sums_of({"tasks/a": b"x"}))

    with pytest.raises(SnapshotError, match=r"is not in sums\.json"):
        read_archive(archive, empty)


def test_no_more_is_unpacked_than_was_said(
    empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An archive of a few kilobytes that says that it is small, and is not."""
    bomb = ("tasks/a", b"\0" * 50_000_000)
    archive = packed(tmp_path / "a.tar.gz", [bomb], {"tasks/a": (10, "00")})
    written: list[object] = []
    monkeypatch.setattr(os, "fdopen", lambda *given: written.append(given))

    with pytest.raises(SnapshotError, match="another size"):
        read_archive(archive, empty)

    assert written == []


def test_content_that_is_not_what_was_summed_up_is_refused(empty: Path, tmp_path: Path) -> None:
    archive = packed(tmp_path / "a.tar.gz", [("tasks/a", b"y")], sums_of({"tasks/a": b"x"}))

    with pytest.raises(SnapshotError, match="does not match its checksum"):
        read_archive(archive, empty)

    assert files(empty) == {}


def test_a_missing_member_is_reported(empty: Path, tmp_path: Path) -> None:
    archive = packed(tmp_path / "a.tar.gz", [], sums_of({"tasks/a": b"x"}))

    with pytest.raises(SnapshotError, match="it lacks tasks/a"):
        read_archive(archive, empty)


def test_an_import_that_is_killed_leaves_a_mark(
    state: Path, empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_archive(state, tmp_path / "a.tar.gz")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(shutil, "rmtree", lambda *_, **__: None)
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)
    monkeypatch.setattr(module, "_unpack_one", killed)

    with pytest.raises(KeyboardInterrupt):
        read_archive(tmp_path / "a.tar.gz", empty)

    assert (empty / IMPORTING).exists()


def test_state_that_is_there_is_not_overwritten(state: Path, tmp_path: Path) -> None:
    write_archive(state, tmp_path / "a.tar.gz")

    with pytest.raises(PynomalyError, match="holds state already"):
        read_archive(tmp_path / "a.tar.gz", state)


def test_a_large_state_is_never_in_memory(state: Path, empty: Path, tmp_path: Path) -> None:
    large = state / "tasks" / "2+large"
    with large.open("wb") as file:
        file.truncate(64 * 2**20)

    peaks = [
        peak_of(lambda: write_archive(state, tmp_path / "a.tar.gz")),
        peak_of(lambda: read_archive(tmp_path / "a.tar.gz", empty)),
    ]

    # A piece of ten kilobytes unpacks to ten megabytes at most.
    assert max(peaks) < 16 * 2**20
    assert (empty / "tasks" / "2+large").stat().st_size == 64 * 2**20


def peak_of(work: Callable[[], object]) -> int:
    """Return the most bytes that Python's objects took while something was done."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
