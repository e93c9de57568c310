"""Signals: their meaning for the supervisor and its processes; nothing else handles them.

SIGTERM, SIGINT and SIGHUP ask to drain. SIGUSR1 sets the level of log lines to debug, SIGUSR2 back
to the level that the run was started with.
"""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

from engine.application.exit_code import ExitCode

logger = logging.getLogger("pynomaly.supervisor")


class SupervisorSignals:
    """What signals have asked of a supervisor so far.

    Args:
        log_level: least level that is written, before any signal.

    Attributes:
        stop_requests: how often it was asked to stop; a second request does not wait for a drain.
        log_signal: the last signal that set the level of log lines, to be passed on to processes.
    """

    def __init__(self, log_level: int = logging.INFO) -> None:
        self.stop_requests = 0
        self.log_signal: signal.Signals | None = None
        self._levels = _levels(log_level)
        self._preparing = False

    @contextmanager
    def preparing(self) -> Iterator[None]:
        """While nothing runs yet, let a request to stop end this process at once.

        Compiling takes minutes, and cannot be left by an exception: numba compiles in callbacks of
        a C library, which swallow it.
        """
        self._preparing = True
        try:
            yield
        finally:
            self._preparing = False

    def install(self) -> None:
        """Handle signals from now on."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        # Under nohup it stays ignored.
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            signal.signal(signal.SIGHUP, self._hang_up)
        for number in self._levels:
            signal.signal(number, self._set_level)

    def _stop(self, _signal: int, _frame: object) -> None:
        self.stop_requests += 1
        self._end_preparation()

    def _hang_up(self, _signal: int, _frame: object) -> None:
        # A terminal that is closed sends it more than once: that is not impatience.
        self.stop_requests = max(self.stop_requests, 1)
        self._end_preparation()

    def _end_preparation(self) -> None:
        if self._preparing:
            try:
                logger.info("stopped before anything was read")
            finally:
                os._exit(ExitCode.DONE)

    def _set_level(self, number: int, _frame: object) -> None:
        self.log_signal = signal.Signals(number)
        logging.root.setLevel(self._levels[self.log_signal])


def install_in_worker(draining: Event, log_level: int) -> None:
    """Handle signals in a process of a run.

    Args:
        draining: set when the process is asked to end in order.
        log_level: least level that is written, before any signal.
    """
    levels = _levels(log_level)

    def drain(_signal: int, _frame: object) -> None:
        # Nothing may be raised here: the flow would not end in order.
        draining.set()

    def set_level(number: int, _frame: object) -> None:
        logging.root.setLevel(levels[signal.Signals(number)])

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, drain)
    for number in levels:
        signal.signal(number, set_level)


def _levels(started_with: int) -> dict[signal.Signals, int]:
    return {signal.SIGUSR1: logging.DEBUG, signal.SIGUSR2: started_with}
