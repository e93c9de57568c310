"""A child that goes on from here: what it is left with, and how it ends."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.application.cluster.fork import Fork
from engine.application.state.lock import StateLock


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def crash() -> int:
    raise ValueError("on purpose")


def kill_itself() -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


@pytest.mark.parametrize(
    ("program", "code"),
    [(lambda: 0, 0), (lambda: 2, 2), (crash, 1), (kill_itself, -signal.SIGKILL)],
)
def test_it_ends_as_its_program_does(
    pipe: tuple[int, int], program: Callable[[], int], code: int
) -> None:
    child = Fork(program, keep=pipe[1])

    assert child.wait() == code
    assert child.poll() == code
    child.send_signal(signal.SIGKILL)


def test_it_is_left_with_its_standard_descriptors_and_one_more(pipe: tuple[int, int]) -> None:
    def report() -> int:
        there = [number for number in range(200) if _is_open(number)]
        os.write(pipe[1], repr(there).encode())
        return 0

    assert Fork(report, keep=pipe[1]).wait() == 0
    assert os.read(pipe[0], 1_000).decode() == repr([0, 1, 2, pipe[1]])


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def lives(writing: int) -> Callable[[], int]:
    def program() -> int:
        os.write(writing, b"here")
        time.sleep(60)
        return 0

    return program


def test_a_signal_that_its_parent_handles_ends_it(pipe: tuple[int, int]) -> None:
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        child = Fork(lives(pipe[1]), keep=pipe[1])
        # Sent before it can have set anything: it must not be lost in the parent's handler.
        child.send_signal(signal.SIGTERM)
        assert child.wait() == -signal.SIGTERM
    finally:
        signal.signal(signal.SIGTERM, before)


def test_the_lock_on_the_state_is_not_its_own(tmp_path: Path, pipe: tuple[int, int]) -> None:
    with StateLock(tmp_path):
        child = Fork(lives(pipe[1]), keep=pipe[1])
        assert os.read(pipe[0], 10) == b"here"
    # Its parent has let go of it, and the next run takes it while the child still lives.
    with StateLock(tmp_path):
        assert child.poll() is None
    child.send_signal(signal.SIGKILL)
    child.wait()
