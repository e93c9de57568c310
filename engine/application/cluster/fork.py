"""A forked process: imported modules are available at once, in shared memory."""

from __future__ import annotations

import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Set
from typing import NoReturn

from engine.application.exit_code import ExitCode

OWN = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
"""Signals that the parent handles its own way."""


class Fork:
    """A child process.

    The child has a session of its own, and none of its parent's signal handlers. Create one only
    where no other thread holds a lock that the program needs.

    Args:
        program: what the child runs; it returns the exit code.
        keep: the descriptor that the child keeps beside the standard ones.

    Attributes:
        pid: process id.
    """

    def __init__(self, program: Callable[[], int], keep: int) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        self._code: int | None = None
        # A signal that comes now must end the child, not be lost in its parent's handler.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, OWN)
        try:
            with warnings.catch_warnings():
                # Of threads: OpenBLAS, which has the only ones, sees to forks by itself.
                warnings.simplefilter("ignore", DeprecationWarning)
                self.pid = os.fork()
            if self.pid == 0:
                _live(program, keep, before)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def poll(self) -> int | None:
        """Return the exit code, negative for a signal; None while it runs."""
        return self._reap(os.WNOHANG)

    def wait(self) -> int:
        """Return the exit code once it has ended."""
        code = self._reap(0)
        assert code is not None
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def _reap(self, options: int) -> int | None:
        if self._code is None:
            pid, status = os.waitpid(self.pid, options)
            if pid:
                self._code = os.waitstatus_to_exitcode(status)
        return self._code


def _live(program: Callable[[], int], keep: int, mask: Set[signal.Signals | int]) -> NoReturn:
    code: int = ExitCode.CRASHED
    try:
        os.setsid()
        for number in OWN:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        # The lock on the state is the parent's alone, or it would outlive it.
        os.closerange(3, keep)
        os.closerange(keep + 1, os.sysconf("SC_OPEN_MAX"))
        code = program()
    except BaseException:  # noqa: BLE001 - nothing of the parent's may run here
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
