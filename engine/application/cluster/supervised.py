"""A process of a run under supervision: started, watched, and restarted by a policy."""

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
    """How long to wait, and how often to try; all in seconds but the count.

    Attributes:
        max_restarts: so many restarts of a process without a stable time between them are the end.
        stable: a process that ran so long restarts the count.
        soon: before a restart of a process that had stored a checkpoint.
        first_wait, longest_wait: before one of another process, doubling each time.
        drain: for an orderly end after a signal.
        hang: without a word from a process that reads, or starts.
        settled: a process that has nothing to read has come up when it ran so long.
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
        stored: whether it had stored a checkpoint.
        unreachable: what it was waiting for, or "".
    """

    code: int
    kind: str
    cause: str
    stored: bool
    unreachable: str = ""


class Outcome(Enum):
    """What has become of a process for good."""

    DONE = "done"
    FATAL = "fatal"
    GAVE_UP = "gave up"
    UNDRAINED = "undrained"


class SupervisedProcess:
    """A process of a run, over all its restarts.

    Args:
        number: of the process.
        make: as the supervisor's.
        policy: as the supervisor's.
        signals: as the supervisor's.

    Attributes:
        outcome: what has become of it for good; None while it runs, or waits to.
        restarted_in_order: whether it asked for a restart, and that was not seen to yet.
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
        """Begin again after an orderly end: there may be something to do now."""
        if self.outcome is Outcome.DONE:
            self.outcome = None

    @property
    def counts(self) -> LiveCounts:
        """What it has done since it was started last, as far as it has reported it."""
        reported = "" if self._worker is None else self._worker.status.counts
        return LiveCounts.read_from(reported)

    @property
    def beyond_help(self) -> bool:
        """Whether it failed for good."""
        return self.outcome in (Outcome.FATAL, Outcome.GAVE_UP)

    @property
    def unfinished(self) -> str:
        """What it is at, for people, when it is ended before its time."""
        status = None if self._worker is None else self._worker.status
        if status is None or not status.waits:
            return f"process {self._number} is at work"
        reason = f" ({status.unreachable})" if status.unreachable else ""
        return f"process {self._number} waits for what cannot be reached{reason}"

    def look(self) -> None:
        """See to it: begin it when it is time, and judge its end."""
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
            # That may have taken seconds.
            if not self._signals.stop_requests:
                self._worker = WorkerProcess(self._number, program)
        except RetryableError as error:
            self._judge(ExitReason(ExitCode.CRASHED, "crashed", str(error), stored=False))
        except FatalError as error:
            self._judge(ExitReason(ExitCode.FATAL, "fatal", str(error), stored=False))

    def _watch_for_hang(self, worker: WorkerProcess) -> None:
        silent = time.monotonic() - worker.status.heard
        # A drain has an end of its own.
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
            # A process that got the signal before it could listen had not begun: nothing is lost.
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
        """Judge a drain that did not come to its end by itself."""
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
