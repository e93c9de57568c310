from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from io import StringIO
from pathlib import Path
from threading import Thread

import pytest

from engine.application.cluster.fork import OWN
from engine.application.cluster.process import Program
from engine.application.cluster.signals import SupervisorSignals
from engine.application.cluster.status_line import StatusLine
from engine.application.cluster.supervised import MakeProgram, RestartPolicy
from engine.application.cluster.supervisor import Supervisor
from engine.application.exit_code import ExitCode
from engine.domain.errors import RetryableError

QUICK = RestartPolicy(max_restarts=2, first_wait=0.05, longest_wait=0.1, drain=60.0)
IMPATIENT = replace(QUICK, drain=1.0)
FOREVER = "import time; time.sleep(60)"


@pytest.fixture(autouse=True)
def _own_signals() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in OWN}
    level = logging.root.level
    yield
    logging.root.setLevel(level)
    for number, handler in before.items():
        signal.signal(number, handler)


def supervisor(make: MakeProgram, processes: int = 1, policy: RestartPolicy = QUICK) -> Supervisor:
    """Return a supervisor that signals reach from now on."""
    signals = SupervisorSignals()
    signals.install()
    return Supervisor(make, processes, policy, signals)


def program(code: str) -> Program:
    """Return what runs Python code in a process that is as if it had not been forked."""

    def run(heartbeat: int) -> int:
        os.set_inheritable(heartbeat, True)
        os.execv(sys.executable, [sys.executable, "-c", code, "--pulse", str(heartbeat)])

    return run


def supervise(
    *codes: str, policy: RestartPolicy = QUICK
) -> tuple[int, list[tuple[int, dict[str, int]]]]:
    """Return the exit code, and each start: the process, and its restarts so far by cause."""
    starts: list[tuple[int, dict[str, int]]] = []

    def make(process: int, causes: Mapping[str, int]) -> Program:
        starts.append((process, dict(causes)))
        return program(codes[process])

    return supervisor(make, len(codes), policy).run(), starts


def _listening(file: Path, handler: str) -> str:
    """Return a process that makes a file when its handler of SIGTERM is in place."""
    return (
        "import pathlib, signal, sys, time\n"
        f"signal.signal(signal.SIGTERM, {handler})\n"
        f"pathlib.Path({str(file)!r}).touch()\n"
        "time.sleep(60)\n"
    )


def _signal_when(*files: Path, signals: tuple[signal.Signals, ...] = (signal.SIGTERM,)) -> None:
    """Send signals to this process, which supervises, as soon as files are there."""

    def send() -> None:
        while not all(file.exists() for file in files):
            time.sleep(0.02)
        for number in signals:
            os.kill(os.getpid(), number)
            time.sleep(0.2)

    Thread(target=send, daemon=True).start()


def test_an_orderly_end_is_the_end() -> None:
    assert supervise("", "") == (0, [(0, {}), (1, {})])


def test_a_fatal_error_is_not_retried() -> None:
    assert supervise("raise SystemExit(2)") == (2, [(0, {})])


def test_crashes_are_retried_and_then_given_up() -> None:
    code, starts = supervise("raise SystemExit(1)")

    assert code == 1
    assert starts == [(0, {}), (0, {"crashed": 1}), (0, {"crashed": 2})]


def test_a_crash_that_passes_is_survived(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    once = (
        f"import pathlib, sys; p = pathlib.Path({str(mark)!r}); "
        "seen = p.exists(); p.touch(); sys.exit(0 if seen else 5)"
    )

    assert supervise(once) == (0, [(0, {}), (0, {"crashed": 1})])


def test_a_process_whose_partitions_others_have_is_started_again_and_not_counted(
    tmp_path: Path,
) -> None:
    marks = tmp_path / "marks"
    often = (
        f"import pathlib, sys; p = pathlib.Path({str(marks)!r}); "
        "n = len(p.read_text()) if p.exists() else 0; p.write_text('x' * (n + 1)); "
        "sys.exit(0 if n == 3 else 3)"
    )

    code, starts = supervise(often, policy=replace(QUICK, max_restarts=0, soon=0.01))

    assert code == 0
    assert [causes for _, causes in starts] == [{}, {"lost": 1}, {"lost": 2}, {"lost": 3}]


def test_a_killed_process_is_restarted_alone(tmp_path: Path) -> None:
    mark, again = tmp_path / "mark", tmp_path / "again"
    killed_once = (
        "import os, pathlib, signal\n"
        f"p = pathlib.Path({str(mark)!r})\n"
        f"if p.exists(): pathlib.Path({str(again)!r}).touch(); raise SystemExit(0)\n"
        "p.touch(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    other = (
        f"import pathlib, time\nwhile not pathlib.Path({str(again)!r}).exists(): time.sleep(0.01)"
    )

    code, starts = supervise(killed_once, other)

    assert code == 0
    assert starts == [(0, {}), (1, {}), (0, {"killed": 1})]


def test_a_process_that_is_given_up_ends_the_others_in_order(tmp_path: Path) -> None:
    other = tmp_path / "other"
    crashes = (
        f"import pathlib, time\nwhile not pathlib.Path({str(other)!r}).exists(): time.sleep(0.01)\n"
        "raise SystemExit(1)"
    )

    code, starts = supervise(crashes, _orderly(other))

    assert code == 1
    assert [process for process, _ in starts] == [0, 1, 0, 0]
    assert other.read_text() == "drained"


def test_a_signal_is_passed_on_and_waited_for(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    _signal_when(ready)

    assert supervise(_listening(ready, "lambda *_: sys.exit(0)"))[0] == 0


def test_a_signal_before_the_process_can_listen_is_an_orderly_end_too(tmp_path: Path) -> None:
    started = tmp_path / "started"
    _signal_when(started)

    code = f"import pathlib, time; pathlib.Path({str(started)!r}).touch(); time.sleep(60)"
    assert supervise(code)[0] == 0


def test_a_signal_before_it_runs_is_not_lost(tmp_path: Path) -> None:
    loud = tmp_path / "loud"
    listens = SPEAK + (
        "import pathlib\n"
        "def louder(*_):\n"
        f"    pathlib.Path({str(loud)!r}).touch()\n"
        "    sys.exit(0)\n"
        "signal.signal(signal.SIGUSR1, louder)\n"
        "say('progress'); time.sleep(60)"
    )
    ready = supervisor(lambda *_: program(listens))
    os.kill(os.getpid(), signal.SIGUSR1)

    assert ready.run() == 0
    assert loud.exists()


def test_who_is_asked_to_stop_before_it_runs_starts_nothing(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    ready = supervisor(lambda *_: program(f"open({str(mark)!r}, 'w')"))
    os.kill(os.getpid(), signal.SIGTERM)

    assert ready.run() == 0
    assert not mark.exists()


def test_all_processes_are_asked_to_drain(tmp_path: Path) -> None:
    _signal_when(tmp_path / "a", tmp_path / "b")

    assert supervise(*(_orderly(tmp_path / name) for name in "ab"))[0] == 0
    assert [file.read_text() for file in tmp_path.iterdir()] == ["drained", "drained"]


def test_who_was_asked_to_stop_while_it_waited_is_ended(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    ready = tmp_path / "ready"
    waits = (
        "import os, pathlib, signal, sys, time\n"
        "pulse = int(sys.argv[sys.argv.index('--pulse') + 1])\n"
        "signal.signal(signal.SIGTERM, lambda *_: os.write(pulse, b'stopped asked to stop\\n'))\n"
        "os.write(pulse, b'idle\\n')\n"
        f"pathlib.Path({str(ready)!r}).touch()\n"
        "while True: time.sleep(1)\n"
    )
    _signal_when(ready)

    assert supervise(waits)[0] == 0
    assert "asked to stop: nothing is lost" in caplog.text


def _orderly(file: Path) -> str:
    """Return a process that says that it reads, and drains on request."""
    return (
        "import os, pathlib, signal, sys, time\n"
        f"file = pathlib.Path({str(file)!r})\n"
        "def drain(*_):\n    file.write_text('drained')\n    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, drain)\n"
        "os.write(int(sys.argv[sys.argv.index('--pulse') + 1]), b'progress\\n')\n"
        "file.touch()\n"
        "time.sleep(60)\n"
    )


def test_a_crash_while_draining_is_reported(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    _signal_when(ready)

    assert supervise(_listening(ready, "lambda *_: sys.exit(5)"))[0] == 1


def test_who_does_not_drain_in_time_is_killed(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    _signal_when(ready)

    code, _ = supervise(_listening(ready, "signal.SIG_IGN"), policy=IMPATIENT)

    assert code == ExitCode.UNDRAINED


def test_a_second_signal_does_not_wait(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ready = tmp_path / "ready"
    _signal_when(ready, signals=(signal.SIGINT, signal.SIGINT))

    code = supervise(_listening(ready, "signal.SIG_IGN"))[0]

    assert code == ExitCode.UNDRAINED
    assert "the drain was broken off by a second signal" in last_line(caplog)


SPEAK = """
import os, signal, sys, time
def say(*words): os.write(int(sys.argv[2]), " ".join(words).encode() + b"\\n")
"""


def last_line(caplog: pytest.LogCaptureFixture) -> str:
    return caplog.messages[-1]


def test_a_drain_that_is_broken_off_says_what_was_waited_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ready = tmp_path / "ready"
    _signal_when(ready)
    waits = (
        f"{SPEAK}import pathlib\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"pathlib.Path({str(ready)!r}).touch()\n"
        "while True: say('waiting sink scores: Connection refused'); time.sleep(0.05)"
    )

    code, _ = supervise(waits, policy=IMPATIENT)

    assert code == ExitCode.UNDRAINED
    assert last_line(caplog) == (
        "stopped: the drain was broken off after 1 s: process 0 waits for what cannot be reached "
        "(sink scores: Connection refused). Nothing is lost: the next run, or another instance, "
        "resumes at the last checkpoint"
    )


def test_a_process_without_reports_is_hung(caplog: pytest.LogCaptureFixture) -> None:
    policy = replace(QUICK, hang=3.0, max_restarts=1)

    code, starts = supervise(SPEAK + "say('progress'); time.sleep(60)", policy=policy)

    assert code == 1
    assert starts == [(0, {}), (0, {"hung": 1})]
    assert last_line(caplog).startswith("gave up after 1 restarts: process 0 hung: not a sign of")


def test_processes_that_are_idle_or_report_are_not_hung() -> None:
    # A busy machine takes seconds to start a process.
    policy = replace(QUICK, hang=6.0, max_restarts=0)
    codes = [
        "say('idle'); time.sleep(7)",
        "[(say('progress'), time.sleep(0.3)) for _ in range(23)]",
        "[(say('waiting'), time.sleep(0.3)) for _ in range(23)]",
        "say('progress'); say('idle'); say('waiting'); say('stored'); time.sleep(7)",
    ]

    code, starts = supervise(*(SPEAK + code for code in codes), policy=policy)

    assert code == 0
    assert len(starts) == len(codes)


def test_a_planned_restart_is_orderly_and_not_counted(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    ask = SPEAK + (
        "import pathlib\n"
        f"p = pathlib.Path({str(mark)!r})\n"
        "if p.exists(): sys.exit(0)\n"
        "p.touch()\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n"
        "say('restart', 'more partitions'); time.sleep(60)"
    )

    code, starts = supervise(ask, policy=replace(QUICK, max_restarts=0))

    assert code == 0
    assert starts == [(0, {}), (0, {"planned": 1})]


def test_the_last_line_is_the_reason_that_the_process_reported(
    caplog: pytest.LogCaptureFixture,
) -> None:
    code = SPEAK + "say('failed', 'ValueError: no such thing'); sys.exit(1)"

    assert supervise(code, FOREVER)[0] == 1
    assert "gave up after 2 restarts: process 0: ValueError: no such thing" in caplog.messages
    code = SPEAK + "say('failed', 'the topic is gone'); sys.exit(2)"
    assert supervise(FOREVER, code)[0] == 2
    assert "stopped: process 1: the topic is gone" in caplog.messages


@pytest.mark.parametrize(
    ("words", "wait"),
    [(["stored"], "0.1"), (["progress"], "0.4"), (["stored", "not_stored"], "0.4")],
    ids=["stored", "never stored", "not stored any more"],
)
def test_who_reached_a_checkpoint_does_not_wait_longer_each_time(
    caplog: pytest.LogCaptureFixture, words: list[str], wait: str
) -> None:
    code = SPEAK + "".join(f"say({word!r}); " for word in words) + "sys.exit(1)"
    policy = replace(QUICK, first_wait=0.2, longest_wait=9.0)
    supervise(code, policy=policy)

    assert f"restart 2 of 2 in {wait} s" in caplog.text


def test_a_start_that_is_broken_off_is_tried_again() -> None:
    tries: list[int] = []

    def make(_process: int, causes: Mapping[str, int]) -> Program:
        tries.append(sum(causes.values()))
        if len(tries) == 1:
            raise RetryableError("the disk is full")
        return program("")

    assert supervisor(make).run() == 0
    assert tries == [0, 1]


def test_what_processes_report_is_shown_and_no_sign_of_progress() -> None:
    terminal = StringIO()
    reports = SPEAK + "say('progress'); say('counts', '9', '8', '7', '6', '5', '4'); time.sleep(60)"
    # A busy machine takes seconds to start a process.
    policy = replace(QUICK, hang=10.0, max_restarts=0)
    status = StatusLine(terminal)

    code = Supervisor(lambda *_: program(reports), 1, policy, status=status).run()

    assert code == 1
    assert "9 read" in terminal.getvalue()


def test_processes_end_in_order_for_what_replaces_them(tmp_path: Path) -> None:
    files = [tmp_path / "a", tmp_path / "b"]

    def make(process: int, _causes: Mapping[str, int]) -> Program:
        return program(_orderly(files[process]))

    supervisor = Supervisor(make, 2, QUICK, replaced=lambda: all(file.exists() for file in files))

    assert supervisor.run() == 0
    assert [file.read_text() for file in files] == ["drained", "drained"]


@pytest.mark.parametrize(
    ("status", "settled", "came_up"),
    [
        ("progress", 0.0, False),
        ("stored", 60.0, True),
        ("idle", 0.0, True),
        ("idle", 60.0, False),
    ],
)
def test_a_process_has_come_up_when_it_stored_or_waited(
    status: str, settled: float, came_up: bool
) -> None:
    supervisor = Supervisor(
        lambda *_: program(SPEAK + f"say('{status}'); time.sleep(0.3); sys.exit(1)"),
        1,
        replace(QUICK, max_restarts=0, settled=settled),
    )

    assert supervisor.run() == 1
    assert supervisor.came_up is came_up
