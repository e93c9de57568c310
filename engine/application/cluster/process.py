"""A worker process as its supervisor sees it: the process, and what it reports."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

from engine.application.cluster.fork import Fork
from engine.application.telemetry.heartbeat import HeartbeatMonitor

Program = Callable[[int], int]
"""The program of a process: takes the descriptor of its heartbeat, returns the exit code."""


class WorkerProcess:
    """A running process.

    It has a session of its own: Ctrl-C reaches the supervisor alone, which passes it on once.

    Args:
        number: number of the process.
        program: what it runs.

    Attributes:
        number: as given.
        process: the process.
        status: what it has reported so far.
    """

    def __init__(self, number: int, program: Program) -> None:
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        self.number = number
        self._log_signal: signal.Signals | None = None
        self._ended = False
        self._kill_at = float("inf")
        self.status = HeartbeatMonitor(reading)
        try:
            self.process = Fork(lambda: program(writing), keep=writing)
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)

    def listen(self) -> None:
        """Read what the process reports; of one that has ended, its last reports."""
        self.status.listen()
        if time.monotonic() > self._kill_at:
            self.process.send_signal(signal.SIGKILL)

    def pass_on(self, log_signal: signal.Signals | None) -> None:
        """Pass on the signal that sets the level of log lines, once the process listens to it."""
        # A process that has not started does not handle the signal yet: it would end it.
        if log_signal is None or log_signal is self._log_signal or not self.status.started:
            return
        self._log_signal = log_signal
        self.process.send_signal(log_signal)

    def end_in_order(self) -> None:
        """Ask the process to drain, once: a second request would kill it."""
        if not self._ended:
            self._ended = True
            self.process.send_signal(signal.SIGTERM)

    def kill_after(self, seconds: float) -> None:
        """End the process unless it has ended by then."""
        self._kill_at = time.monotonic() + seconds

    def close(self) -> None:
        """End the process if it has not ended by itself."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        os.close(self.status.descriptor)
