from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread, Timer

import pytest

from engine.application.supervisor import Patience, Supervisor

QUICK = Patience(max_restarts=2, first_wait=0.05, longest_wait=0.1, drain=1.0, peers=1.0)
FOREVER = "import time; time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"


@pytest.fixture(autouse=True)
def _own_signals() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGTERM, before[0])
    signal.signal(signal.SIGINT, before[1])


def supervise(*codes: str) -> tuple[int, list[int]]:
    restarts: list[int] = []

    def commands(count: int) -> list[list[str]]:
        restarts.append(count)
        return [[sys.executable, "-c", code] for code in codes]

    return Supervisor(commands, QUICK).run(), restarts


def test_an_orderly_end_is_the_end() -> None:
    assert supervise("", "") == (0, [0])


def test_trouble_that_no_try_cures_is_not_tried_again() -> None:
    assert supervise("raise SystemExit(2)") == (2, [0])


def test_crashes_are_retried_and_then_given_up() -> None:
    assert supervise("raise SystemExit(1)") == (1, [0, 1, 2])


def test_a_crash_that_passes_is_survived(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    once = (
        f"import pathlib, sys; p = pathlib.Path({str(mark)!r}); "
        "seen = p.exists(); p.touch(); sys.exit(0 if seen else 3)"
    )
    assert supervise(once) == (0, [0, 1])


def test_a_killed_process_takes_its_peers_along(tmp_path: Path) -> None:
    killed = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    code, restarts = supervise(killed, FOREVER)
    assert code == 1
    assert restarts == [0, 1, 2]


def test_a_signal_is_passed_on_and_waited_for(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    orderly = (
        "import pathlib, signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); "
        f"pathlib.Path({str(ready)!r}).touch(); time.sleep(60)"
    )

    def ask() -> None:
        while not ready.exists():
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    Thread(target=ask, daemon=True).start()
    assert supervise(orderly) == (0, [0])


def test_a_signal_before_the_process_can_listen_is_an_orderly_end_too() -> None:
    Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM)).start()
    assert supervise(FOREVER) == (0, [0])


def test_a_crash_while_draining_is_told() -> None:
    crash = (
        "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(3)); "
        "time.sleep(60)"
    )
    Timer(1.5, os.kill, (os.getpid(), signal.SIGTERM)).start()
    assert supervise(crash) == (1, [0])


def test_who_does_not_drain_in_time_is_killed() -> None:
    Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM)).start()
    assert supervise(STUBBORN) == (1, [0])


def test_a_second_signal_does_not_wait() -> None:
    for delay in (0.5, 0.8):
        Timer(delay, os.kill, (os.getpid(), signal.SIGINT)).start()
    assert supervise(STUBBORN) == (1, [0])
