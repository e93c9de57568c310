"""Followed files that are rotated, copied, cut, packed or replaced, running and stopped."""

from __future__ import annotations

import gzip
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from engine.domain.reject import RejectReason
from tests.unit.connectors.files.test_dialects import source

PATTERNS = ["app.log", "app.log*"]
Found = list[bytes | None]


class Followed:
    """A pipeline's reader of app.log, which is stopped and started again."""

    def __init__(self, folder: Path, pattern: str) -> None:
        self.log = folder / "app.log"
        self._pattern = folder / pattern
        self._state = folder / "state"
        self._position: int | None = None
        self.errors: list[tuple[RejectReason, str]] = []
        self.start()

    def start(self) -> None:
        plugin = source(self._pattern, follow=True, state=self._state, format="ndjson")
        self._part = plugin.source().build_part("s", "0", self._position)

    def stop(self) -> None:
        self._position = self._part.snapshot()
        self._part.close()

    def read(self, count: int) -> Found:
        """Return the next messages, and what comes at once after them."""
        found: Found = []
        until, more = time.monotonic() + 120, 0.3
        while time.monotonic() < until:
            for batch in self._part.next_batch():
                found += batch.values
                self.errors += (batch.errors or {}).values()
            if len(found) >= count:
                until = min(until, time.monotonic() + more)
            time.sleep(0.02)
        return found

    def write(self, *numbers: int, name: str = "app.log") -> None:
        """Append lines, some seconds ago."""
        file = self.log.with_name(name)
        with file.open("ab") as opened:
            opened.writelines(lines(*numbers))
        os.utime(file, (time.time() - 9, time.time() - 9))


def lines(*numbers: int) -> list[bytes]:
    return [line(number) + b"\n" for number in numbers]


def line(number: int) -> bytes:
    return b'{"number": %d, "text": "%s"}' % (number, b"x" * 40)


@pytest.fixture
def follow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Followed]]:
    monkeypatch.setattr("connectors.files.follow.SEARCH_SECONDS", 0.0)
    with ExitStack() as stack:

        def begin(pattern: str) -> Followed:
            found = Followed(tmp_path, pattern)
            stack.callback(found.stop)
            return found

        yield begin


@pytest.fixture(params=PATTERNS)
def followed(request: pytest.FixtureRequest, follow: Callable[[str], Followed]) -> Followed:
    return follow(request.param)


def create(log: Path) -> None:
    """Rotate as logrotate does by default: rename, and create."""
    for number in (2, 1):
        if (old := log.with_name(f"app.log.{number}")).exists():
            old.rename(log.with_name(f"app.log.{number + 1}"))
    log.rename(log.with_name("app.log.1"))
    log.touch()


def copytruncate(log: Path) -> None:
    shutil.copy2(log, log.with_name("app.log.1"))
    os.truncate(log, 0)


def pack(log: Path, name: str) -> None:
    plain = log.with_name(name)
    plain.with_name(f"{name}.gz").write_bytes(gzip.compress(plain.read_bytes()))
    os.utime(plain.with_name(f"{name}.gz"), (time.time() - 9, time.time() - 9))
    plain.unlink()


@pytest.mark.parametrize("rotate", [create, copytruncate])
def test_lines_of_a_rotated_file_are_read_once_while_it_runs(followed, rotate) -> None:
    followed.write(1, 2)
    found = followed.read(2)
    rotate(followed.log)
    found += followed.read(0)
    followed.write(3)
    found += followed.read(1)
    pack(followed.log, "app.log.1")
    followed.write(4)
    found += followed.read(1)

    assert found == [line(n) for n in (1, 2, 3, 4)]
    assert followed.errors == []


@pytest.mark.parametrize("is_packed", [False, True])
@pytest.mark.parametrize("rotate", [create, copytruncate])
def test_the_rest_of_a_file_that_was_rotated_while_nothing_ran_is_read(
    followed: Followed, rotate, is_packed: bool
) -> None:
    followed.write(1, 2)
    found = followed.read(2)
    followed.stop()
    followed.write(3)
    rotate(followed.log)
    followed.write(4, 5, 6, 7)
    if is_packed:
        pack(followed.log, "app.log.1")
    followed.start()
    found += followed.read(5)
    followed.stop()
    followed.write(8)
    followed.start()
    found += followed.read(1)

    assert found == [line(n) for n in (1, 2, 3, 4, 5, 6, 7, 8)]
    assert followed.errors == []


def test_files_that_were_rotated_twice_are_read_in_the_order_of_their_age(
    follow: Callable[[str], Followed], tmp_path: Path
) -> None:
    followed = follow("app.log*")
    followed.write(1)
    found = followed.read(1)
    followed.stop()
    for number in (2, 3, 4):
        followed.write(number)
        create(followed.log)
    followed.write(5)
    pack(followed.log, "app.log.3")
    pack(followed.log, "app.log.2")
    followed.start()
    found += followed.read(4)

    assert found == [line(n) for n in (1, 2, 3, 4, 5)]


def test_lines_that_a_writer_adds_after_the_rotation_are_read(followed: Followed) -> None:
    followed.write(1)
    found = followed.read(1)
    with followed.log.open("ab", buffering=0) as writer:
        create(followed.log)
        found += followed.read(0)
        writer.write(lines(2)[0])
        os.utime(followed.log.with_name("app.log.1"))
        found += followed.read(1)
        writer.write(lines(3)[0])
    os.utime(followed.log.with_name("app.log.1"))
    found += followed.read(1)
    followed.write(4)
    found += followed.read(1)

    assert found == [line(n) for n in (1, 2, 3, 4)]


@pytest.mark.parametrize("is_cut", [False, True])
def test_what_is_lost_of_a_replaced_file_is_a_reject(followed: Followed, is_cut: bool) -> None:
    followed.write(1, 2)
    found = followed.read(2)
    followed.stop()
    if is_cut:
        os.truncate(followed.log, 0)
    else:
        followed.log.rename(followed.log.with_name("other"))
        followed.log.with_name("other").unlink()
    followed.write(3, 4, 5)
    followed.start()
    found += followed.read(4)

    assert found == [*(line(n) for n in (1, 2)), b"", *(line(n) for n in (3, 4, 5))]
    [(reason, detail)] = followed.errors
    assert reason is RejectReason.UNREADABLE
    assert "app.log was deleted, replaced or cut before all of it was read" in detail
    assert "behind line 2 is missing" in detail


def test_a_file_that_is_cut_after_all_was_read_is_read_anew(followed: Followed) -> None:
    followed.write(1, 2, 3)
    with followed.log.open("ab") as file:
        file.write(line(4))
    found = followed.read(3)
    os.truncate(followed.log, 0)
    followed.write(5)
    found += followed.read(2)

    assert found == [line(n) for n in (1, 2, 3, 4, 5)]
    assert followed.errors == []


def test_a_file_that_is_cut_and_longer_than_before_is_read_anew(followed: Followed) -> None:
    followed.write(1)
    found = followed.read(1)
    os.truncate(followed.log, 0)
    followed.write(2, 3, 4)
    found += followed.read(3)

    assert found == [line(n) for n in (1, 2, 3, 4)]


def test_a_file_that_is_deleted_and_made_anew_is_read_to_its_end_and_anew(followed) -> None:
    followed.write(1)
    found = followed.read(1)
    followed.write(2)
    followed.log.unlink()
    found += followed.read(1)
    followed.write(3)
    found += followed.read(1)

    assert found == [line(n) for n in (1, 2, 3)]
    assert followed.errors == []


@pytest.mark.parametrize("runs", [True, False])
def test_a_longer_copy_in_the_place_of_a_file_is_read_on(followed: Followed, runs: bool) -> None:
    # As rsync and editors write a file.
    followed.write(1, 2)
    found = followed.read(2)
    if not runs:
        followed.stop()
    copy = followed.log.with_name("copy")
    copy.write_bytes(b"".join(lines(1, 2, 3)))
    copy.replace(followed.log)
    if not runs:
        followed.start()
    found += followed.read(1)

    assert found == [line(n) for n in (1, 2, 3)]
    assert followed.errors == []


def test_files_that_begin_alike_are_all_read(
    follow: Callable[[str], Followed], tmp_path: Path
) -> None:
    followed = follow("*.log")
    for name in ("a.log", "b.log", "c.log"):
        followed.write(1, 2, name=name)
    found = followed.read(6)
    (tmp_path / "a.log").rename(tmp_path / "a.log.old")
    followed.write(3, name="d.log")
    found += followed.read(1)

    assert found == [line(n) for n in (1, 2, 1, 2, 1, 2, 3)]


def test_the_order_of_earlier_versions_is_read(
    follow: Callable[[str], Followed], tmp_path: Path
) -> None:
    followed = follow("app.log")
    followed.write(1)
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "followed_files.json").write_text(f'["{followed.log}"]')
    followed.start()
    found = followed.read(1)
    create(followed.log)
    followed.write(2)
    found += followed.read(1)

    assert found == [line(1), line(2)]


def test_a_rotated_file_of_rows_is_read_by_its_columns(tmp_path: Path) -> None:
    log = tmp_path / "app.csv"
    log.write_text("id,v\na,1\n")
    plugin = source(log, follow=True, state=tmp_path / "state")
    part = plugin.source().build_part("s", "0", None)
    [first] = part.next_batch()
    position = part.snapshot()
    part.close()
    with log.open("a") as file:
        file.write("b,2\n")
    log.rename(tmp_path / "app.csv.1")
    log.write_text("id,v\nc,3\n")
    os.utime(tmp_path / "app.csv.1", (0, 0))
    part = plugin.source().build_part("s", "0", position)
    rest = [batch for _ in range(4) for batch in part.next_batch()]
    part.close()

    assert first.values == [b'{"id":"a","v":1}']
    assert [v for batch in rest for v in batch.values] == [
        b'{"id":"b","v":2}',
        b'{"id":"c","v":3}',
    ]
