"""A supervised process: started, watched, and restarted by a policy."""

from __future__ import annotations

import logging
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from engine.application.cluster.process import Program, WorkerProcess
from engine.application.cluster.signals import SupervisorSignals
from engine.application.exit_code import ExitCode
from engine.application.telemetry.live_counts import LiveCounts
from engine.domain.errors import FatalError, RetryableError

logger = logging.getLogger("pynomaly.supervisor")

RESUMES = "Nothing is lost: the next run, or another instance, resumes at the last checkpoint"

MakeProgram = Callable[[int, Mapping[str, int]], Program]
"""Given the number of a process and its restarts so far, by their causes, returns what it runs."""


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """Waiting times in seconds, and the number of restarts.

    Attributes:
        max_restarts: most restarts of a process without a stable time between them.
        stable: running time after which restarts are counted from zero.
        soon: wait before the restart of a process that had stored a checkpoint.
        first_wait, longest_wait: wait before the restart of any other; doubled each time.
        drain: time for an orderly end after a signal.
        hang: time without a report after which a process that reads or starts counts as hung.
        settled: running time after which a process without anything to read has come up.
    """

    max_restarts: int = 5
    stable: float = 300.0
    soon: float = 0.1
    first_wait: float = 1.0
    longest_wait: float = 30.0
    drain: float = 30.0
    hang: float = 120.0
    settled: float = 10.0


@dataclass(frozen=True, slots=True)
class ExitReason:
    """How a process ended.

    Attributes:
        code: exit code.
        kind: drained, planned, lost, killed, hung, crashed or fatal.
        cause: the reason for people; "" after an orderly end.
        stored: whether it had stored a checkpoint, and could have stored another.
        unreachable: what it was waiting for, or "".
    """

    code: int
    kind: str
    cause: str
    stored: bool
    unreachable: str = ""


class Outcome(Enum):
    """The final outcome of a process."""

    DONE = "done"
    FATAL = "fatal"
    GAVE_UP = "gave up"
    UNDRAINED = "undrained"


class SupervisedProcess:
    """A process of a run, over all its restarts.

    Args:
        number: number of the process.
        make, policy, signals: those of the supervisor.

    Attributes:
        outcome: the final one; None while it runs or waits for a restart.
        restarted_in_order: whether it asked for a restart that has not been handled yet.
        came_up: whether it has stored a checkpoint, or has waited for messages for a while.
    """

    def __init__(
        self,
        number: int,
        make: MakeProgram,
        policy: RestartPolicy,
        signals: SupervisorSignals,
    ) -> None:
        self.outcome: Outcome | None = None
        self.restarted_in_order = self.came_up = False
        self._number = number
        self._make = make
        self._policy = policy
        self._signals = signals
        self._worker: WorkerProcess | None = None
        self._causes: Counter[str] = Counter()
        self._restarts = self._failures_in_a_row = 0
        self._began = 0.0
        self._next = 0.0
        self._hung = ""
        self._draining = False

    def revive(self) -> None:
        """Start again after an orderly end: there may be something to do now."""
        if self.outcome is Outcome.DONE:
            self.outcome = None

    @property
    def counts(self) -> LiveCounts:
        """What it has done since its last start, as far as it has reported it."""
        reported = "" if self._worker is None else self._worker.status.counts
        return LiveCounts.read_from(reported)

    @property
    def beyond_help(self) -> bool:
        """Whether it failed for good."""
        return self.outcome in (Outcome.FATAL, Outcome.GAVE_UP)

    @property
    def unfinished(self) -> str:
        """What it is doing, for people, if it is killed."""
        status = None if self._worker is None else self._worker.status
        if status is None or not status.waits:
            return f"process {self._number} is at work"
        reason = f" ({status.unreachable})" if status.unreachable else ""
        return f"process {self._number} waits for what cannot be reached{reason}"

    def look(self) -> None:
        """Start it when it is due, and handle its end."""
        if self.outcome is not None:
            return
        if self._worker is None:
            if self._draining or self._signals.stop_requests:
                self.outcome = Outcome.DONE
            elif time.monotonic() >= self._next:
                self._start_worker()
            return
        self._worker.listen()
        self.came_up = self.came_up or self._has_come_up(self._worker)
        self._worker.pass_on(self._signals.log_signal)
        if (code := self._worker.process.poll()) is not None:
            self._worker.listen()
            end = self._end(self._worker, code)
            self.close()
            self._judge(end)
        elif stopped := self._worker.status.stopped:
            logger.info("%s: nothing is lost", stopped)
            self.close()
            self.outcome = Outcome.DONE
        elif self._worker.status.restart and not self._draining:
            self._worker.end_in_order()
        else:
            self._watch_for_hang(self._worker)

    def _has_come_up(self, worker: WorkerProcess) -> bool:
        waits = worker.status.idle
        return worker.status.stored or (
            waits and time.monotonic() - self._began > self._policy.settled
        )

    def drain(self) -> None:
        """Ask it to end in order."""
        self._draining = True
        if self._worker is not None:
            self._worker.end_in_order()

    def close(self) -> None:
        """End it if it has not ended by itself."""
        if self._worker is not None:
            self._worker.close()
            self._worker = None

    def _start_worker(self) -> None:
        self._began = time.monotonic()
        self._hung = ""
        try:
            program = self._make(self._number, self._causes)
            # The program may have taken seconds to prepare.
            if not self._signals.stop_requests:
                self._worker = WorkerProcess(self._number, program)
        except RetryableError as error:
            self._judge(ExitReason(ExitCode.CRASHED, "crashed", str(error), stored=False))
        except FatalError as error:
            self._judge(ExitReason(ExitCode.FATAL, "fatal", str(error), stored=False))

    def _watch_for_hang(self, worker: WorkerProcess) -> None:
        silent = time.monotonic() - worker.status.heard
        # A drain has its own time limit.
        if self._draining or self._hung or worker.status.idle or silent <= self._policy.hang:
            return
        self._hung = f"process {self._number} hung: not a sign of progress for {silent:.0f} s"
        logger.error("%s; dumping its stack", self._hung)
        # Python's fault handler writes down where each thread is.
        worker.process.send_signal(signal.SIGABRT)
        worker.kill_after(1.0)

    def _end(self, worker: WorkerProcess, code: int) -> ExitReason:
        status = worker.status
        if self._hung:
            return ExitReason(code, "hung", self._hung, status.stored)
        if code == 0 or (self._draining and code == -signal.SIGTERM):
            # A process that got the signal before it handled it had read nothing: nothing is lost.
            return ExitReason(
                0, "planned" if status.restart else "drained", status.restart, status.stored
            )
        if code == ExitCode.LOST:
            return ExitReason(code, "lost", status.failed, status.stored, status.unreachable)
        kind = "fatal" if code == ExitCode.FATAL else "killed" if code < 0 else "crashed"
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        cause = f"process {self._number}: {status.failed}" if status.failed else ""
        cause = cause or f"process {self._number} {how}"
        return ExitReason(code, kind, cause, status.stored, status.unreachable)

    def _judge(self, end: ExitReason) -> None:
        policy = self._policy
        if end.kind == "drained":
            self.outcome = Outcome.DONE
        elif end.kind == "fatal":
            logger.error("stopped: %s", end.cause)
            self.outcome = Outcome.FATAL
        elif self._draining:
            self._judge_drain(end)
        elif end.kind in ("planned", "lost"):
            self.restarted_in_order = end.kind == "planned"
            self._causes[end.kind] += 1
            self._next = time.monotonic() + (0 if end.kind == "planned" else self._policy.soon)
            logger.info("restarting process %d: %s", self._number, end.cause)
        else:
            self._causes[end.kind] += 1
            ran = time.monotonic() - self._began
            self._restarts = 0 if ran > policy.stable else self._restarts
            if self._restarts >= policy.max_restarts:
                logger.error("gave up after %d restarts: %s", self._restarts, end.cause)
                self.outcome = Outcome.GAVE_UP
                return
            self._restarts += 1
            self._failures_in_a_row = 0 if end.stored else self._failures_in_a_row + 1
            wait = self._wait()
            self._next = time.monotonic() + wait
            counted = self._restarts, policy.max_restarts, wait, end.cause
            logger.warning("restart %d of %d in %.1f s: %s", *counted)

    def _judge_drain(self, end: ExitReason) -> None:
        """Handle a drain that did not end by itself."""
        if end.kind != "lost" and not end.unreachable:
            logger.error("stopped: %s", end.cause)
            self.outcome = Outcome.GAVE_UP
            return
        lost = f"the group took process {self._number} for dead"
        why = lost if end.kind == "lost" else end.cause
        reason = f" ({end.unreachable})" if end.unreachable else ""
        logger.error("stopped: the drain was broken off: %s%s. %s", *(why, reason), RESUMES)
        self.outcome = Outcome.UNDRAINED

    def _wait(self) -> float:
        policy = self._policy
        if not self._failures_in_a_row:
            return policy.soon
        return min(policy.first_wait * 2.0 ** (self._failures_in_a_row - 1), policy.longest_wait)
