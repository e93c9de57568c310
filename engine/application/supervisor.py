"""The supervisor: the processes of a cluster as one unit, restarted with patience and an end."""

from __future__ import annotations

import logging
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

logger = logging.getLogger("pynomaly.supervisor")

HOPELESS = 2
POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, and how often to try; all in seconds but the count.

    Attributes:
        max_restarts: so many restarts without a stable time between them are the end.
        stable: a cluster that ran so long starts the count anew.
        first_wait, longest_wait: before a restart, doubling.
        drain: for an orderly end after a signal.
        peers: for the other processes to end once one has died.
    """

    max_restarts: int = 5
    stable: float = 300.0
    first_wait: float = 1.0
    longest_wait: float = 30.0
    drain: float = 30.0
    peers: float = 5.0


class Supervisor:
    """Runs commands as one unit.

    Args of its constructor: commands, gives the command of each process for the given number of
    restarts so far; patience.
    """

    def __init__(
        self, commands: Callable[[int], list[list[str]]], patience: Patience | None = None
    ) -> None:
        self._commands = commands
        self._patience = patience or Patience()
        self._asked = 0

    def run(self) -> int:
        """Run until the processes end, a signal asks to stop, or trying again makes no sense.

        Returns:
            0 after an orderly end, 2 when a process says that trying again is useless, 1 when
            there were too many restarts or a drain took too long.
        """
        signal.signal(signal.SIGTERM, self._ask)
        signal.signal(signal.SIGINT, self._ask)
        restarts = total = 0
        while True:
            began = time.monotonic()
            code = self._run_once(total)
            if self._asked:
                return _asked_for(code)
            if code in (0, HOPELESS):
                return code
            restarts = 0 if time.monotonic() - began > self._patience.stable else restarts
            if restarts >= self._patience.max_restarts:
                logger.error("gave up after %d restarts; the cause stands above", restarts)
                return 1
            restarts, total = restarts + 1, total + 1
            wait = min(self._patience.first_wait * 2 ** (restarts - 1), self._patience.longest_wait)
            limit = self._patience.max_restarts
            logger.warning("restart %d of %d in %.1f s", restarts, limit, wait)
            if self._sleep(wait):
                return 0

    def _ask(self, _signal: int, _frame: object) -> None:
        self._asked += 1

    def _sleep(self, seconds: float) -> bool:
        """Wait, and return whether a signal asked to stop meanwhile."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self._asked:
            time.sleep(POLL_SECONDS)
        return self._asked > 0

    def _run_once(self, restarts: int) -> int:
        # A session of its own: a terminal's Ctrl-C reaches the supervisor, which passes it on once.
        processes = [
            subprocess.Popen(command, start_new_session=True)
            for command in self._commands(restarts)
        ]
        try:
            return self._watch(processes)
        finally:
            for process in processes:
                if process.poll() is None:
                    process.kill()
                process.wait()

    def _watch(self, processes: list[subprocess.Popen[bytes]]) -> int:
        told, deadline = 0, float("inf")
        while any(process.poll() is None for process in processes):
            failed = _failure(processes)
            if failed is not None and not told:
                self._report(processes)
                deadline, told = time.monotonic() + self._patience.peers, 1
                _terminate(processes)
            elif self._asked and not told:
                deadline, told = time.monotonic() + self._patience.drain, 1
                _terminate(processes)
            if time.monotonic() > deadline or self._asked > 1:
                if failed is None:
                    logger.error("the drain was not done in time: killed; the next run resumes")
                return 1 if self._asked else failed or 1
            time.sleep(POLL_SECONDS)
        failed = _failure(processes)
        if failed is not None and not told:
            self._report(processes)
        return failed or 0

    def _report(self, processes: list[subprocess.Popen[bytes]]) -> None:
        for number, process in enumerate(processes):
            code = process.poll()
            if code:
                how = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
                logger.error("process %d ended: %s", number, how)


def _failure(processes: list[subprocess.Popen[bytes]]) -> int | None:
    """Return the exit code of a failed process, a hopeless one first; None where none failed."""
    codes = [code for process in processes if (code := process.poll())]
    return (HOPELESS if HOPELESS in codes else codes[0]) if codes else None


def _asked_for(code: int) -> int:
    """Return the exit code of a run that was asked to stop."""
    # A process that was told before it could listen has lost nothing: it had not begun.
    if code in (0, -signal.SIGTERM):
        return 0
    return HOPELESS if code == HOPELESS else 1


def _terminate(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
