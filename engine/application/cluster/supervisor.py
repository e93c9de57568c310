"""The supervisor: processes side by side, each restarted alone, until all have ended."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from engine.application.cluster.signals import SupervisorSignals
from engine.application.cluster.status_line import StatusLine
from engine.application.cluster.supervised import (
    RESUMES,
    MakeProgram,
    Outcome,
    RestartPolicy,
    SupervisedProcess,
)
from engine.application.exit_code import ExitCode

logger = logging.getLogger("pynomaly.supervisor")

POLL_SECONDS = 0.05


class Supervisor:
    """Runs programs, each in a process of its own.

    A process that fails is restarted, and the others go on. After a fatal error of one process all
    of them end in order: its share of the stream would stop unnoticed.

    Args:
        make: returns the program of each process; may raise RetryableError or FatalError.
        processes: number of processes.
        policy: waiting times and number of restarts.
        signals: what signals ask for; nothing unless given.
        status: shows what the processes do; None shows nothing.
        replaced: returns whether something else is to be run; then these processes end in order.
    """

    def __init__(
        self,
        make: MakeProgram,
        processes: int = 1,
        policy: RestartPolicy | None = None,
        signals: SupervisorSignals | None = None,
        status: StatusLine | None = None,
        replaced: Callable[[], bool] = lambda: False,
    ) -> None:
        self._status = status
        self._replaced = replaced
        self._policy = policy or RestartPolicy()
        self._signals = signals or SupervisorSignals()
        self._processes = [
            SupervisedProcess(number, make, self._policy, self._signals)
            for number in range(processes)
        ]

    @property
    def came_up(self) -> bool:
        """Whether a process has stored a checkpoint, or has waited for messages for a while."""
        return any(each.came_up for each in self._processes)

    def run(self) -> int:
        """Run until the processes end, a signal asks to stop, or an error is fatal.

        Returns:
            0 after an orderly end, 2 after a fatal error, 1 after too many restarts, 4 if a process
            was killed because its drain took too long, or because a second signal asked for it.
        """
        try:
            return self._run()
        finally:
            if self._status is not None:
                self._status.clear()
            for each in self._processes:
                each.close()

    def _run(self) -> int:
        draining, deadline = False, float("inf")
        while any(each.outcome is None for each in self._processes):
            for each in self._processes:
                each.look()
            if self._status is not None:
                self._status.draw(each.counts for each in self._processes)
            if not draining and any(each.restarted_in_order for each in self._processes):
                self._revive_all()
            if not draining and self._is_ending():
                draining, deadline = True, time.monotonic() + self._policy.drain
                for each in self._processes:
                    each.drain()
            if time.monotonic() > deadline or self._signals.stop_requests > 1:
                return self._overdue()
            time.sleep(POLL_SECONDS)
        return self._code()

    def _is_ending(self) -> bool:
        helpless = any(each.beyond_help for each in self._processes)
        return self._signals.stop_requests > 0 or helpless or self._replaced()

    def _revive_all(self) -> None:
        """Restart processes that had no partition: the source has more partitions now."""
        for each in self._processes:
            each.restarted_in_order = False
            each.revive()

    def _code(self) -> int:
        outcomes = [each.outcome for each in self._processes]
        if Outcome.FATAL in outcomes:
            return ExitCode.FATAL
        if Outcome.GAVE_UP in outcomes:
            return ExitCode.CRASHED
        return ExitCode.UNDRAINED if Outcome.UNDRAINED in outcomes else ExitCode.DONE

    def _overdue(self) -> int:
        hurried = self._signals.stop_requests > 1
        how = "by a second signal" if hurried else f"after {self._policy.drain:g} s"
        left = "; ".join(each.unfinished for each in self._processes if each.outcome is None)
        logger.error("stopped: the drain was broken off %s: %s. %s", *(how, left), RESUMES)
        return self._code() or ExitCode.UNDRAINED
