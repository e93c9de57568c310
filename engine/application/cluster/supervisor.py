"""The supervisor: the processes of a cluster as one unit, restarted by a policy."""

from __future__ import annotations

import logging
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from engine.application.cluster.process import Program, WorkerProcess
from engine.domain.errors import InterruptionError

logger = logging.getLogger("pynomaly.supervisor")

HOPELESS = 2
POLL_SECONDS = 0.05

Programs = Callable[[Mapping[str, int]], list[Program]]


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """How long to wait, and how often to try; all in seconds but the count.

    Attributes:
        max_restarts: so many restarts without a stable time between them are the end.
        stable: a cluster that ran so long starts the count anew.
        soon: before a restart of a cluster that had reached a checkpoint.
        first_wait, longest_wait: before one of another cluster, doubling each time.
        drain: for an orderly end after a signal.
        peers: for the other processes to end once one has died.
        hang: without a word from a process that reads, or starts.
    """

    max_restarts: int = 5
    stable: float = 300.0
    soon: float = 0.1
    first_wait: float = 1.0
    longest_wait: float = 30.0
    drain: float = 30.0
    peers: float = 1.0
    hang: float = 120.0


@dataclass(frozen=True, slots=True)
class ExitReason:
    """How a cluster ended.

    Attributes:
        code: exit code.
        kind: drained, planned, killed, hung, crashed or hopeless.
        cause: what to tell people; "" after an orderly end.
        stored: whether it reached a checkpoint.
    """

    code: int
    kind: str
    cause: str
    stored: bool


class Supervisor:
    """Runs programs as one unit, each in a process of its own.

    Args of its constructor: programs, gives that of each process for the restarts so far, counted
    by their causes, and may raise InterruptionError; policy. Signals are meant for the cluster
    from then on, also those that come before it runs.
    """

    def __init__(self, programs: Programs, policy: RestartPolicy | None = None) -> None:
        self._programs = programs
        self._policy = policy or RestartPolicy()
        self._asked = 0
        self._loudness: signal.Signals | None = None
        signal.signal(signal.SIGTERM, self._ask)
        signal.signal(signal.SIGINT, self._ask)
        signal.signal(signal.SIGUSR1, self._set_loudness)
        signal.signal(signal.SIGUSR2, self._set_loudness)

    def run(self) -> int:
        """Run until the processes end, a signal asks to stop, or trying again makes no sense.

        Returns:
            0 after an orderly end, 2 when a process says that trying again is useless, 1 when
            there were too many restarts or a drain took too long.
        """
        policy = self._policy
        causes: Counter[str] = Counter()
        restarts = fruitless = 0
        while True:
            began = time.monotonic()
            end = self._run_once(causes)
            if self._asked or end.kind in ("drained", "hopeless"):
                return self._final(end)
            causes[end.kind] += 1
            if end.kind == "planned":
                logger.info("restarting: %s", end.cause)
                continue
            restarts = 0 if time.monotonic() - began > policy.stable else restarts
            if restarts >= policy.max_restarts:
                logger.error("gave up after %d restarts: %s", restarts, end.cause)
                return 1
            restarts, fruitless = restarts + 1, 0 if end.stored else fruitless + 1
            wait = self._wait_after(fruitless)
            counted = restarts, policy.max_restarts, wait, end.cause
            logger.warning("restart %d of %d in %.1f s: %s", *counted)
            if self._sleep(wait):
                return 0

    def _wait_after(self, fruitless: int) -> float:
        policy = self._policy
        if not fruitless:
            return policy.soon
        return min(policy.first_wait * 2.0 ** (fruitless - 1), policy.longest_wait)

    def _final(self, end: ExitReason) -> int:
        if end.code == 0 or (self._asked and end.code == -signal.SIGTERM):
            # A process that was told before it could listen has lost nothing: it had not begun.
            return 0
        logger.error("stopped: %s", end.cause)
        return HOPELESS if end.kind == "hopeless" else 1

    def _ask(self, _signal: int, _frame: object) -> None:
        self._asked += 1

    def _set_loudness(self, number: int, _frame: object) -> None:
        self._loudness = signal.Signals(number)

    def _sleep(self, seconds: float) -> bool:
        """Wait, and return whether a signal asked to stop meanwhile."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self._asked:
            time.sleep(POLL_SECONDS)
        return self._asked > 0

    def _run_once(self, causes: Mapping[str, int]) -> ExitReason:
        workers: list[WorkerProcess] = []
        try:
            programs = self._programs(causes)
        except InterruptionError as error:
            return ExitReason(1, "crashed", str(error), stored=False)
        if self._asked:
            return _not_begun()
        try:
            workers += [WorkerProcess(number, program) for number, program in enumerate(programs)]
            return self._watch(workers)
        finally:
            for worker in workers:
                worker.close()

    def _watch(self, workers: list[WorkerProcess]) -> ExitReason:
        """Wait for the end of all; the first that fails, or a signal, ends the others."""
        end: ExitReason | None = None
        told, deadline = False, float("inf")
        while any(worker.process.poll() is None for worker in workers):
            for worker in workers:
                worker.listen()
                worker.pass_on(self._loudness)
            end = end or _failure(workers) or self._hung(workers)
            if self._asked and end is None and not told and not _can_drain(workers):
                return _not_begun()
            stopped = next((m.said.stopped for m in workers if m.said.stopped), "")
            if stopped and end is None:
                logger.info("%s: nothing is lost", stopped)
                return _orderly(workers)
            planned = next((m.said.restart for m in workers if m.said.restart), "")
            if not told and (end is not None or self._asked or planned):
                told = True
                wait = self._policy.peers if end is not None else self._policy.drain
                deadline = time.monotonic() + wait
                _terminate(workers)
            if time.monotonic() > deadline or self._asked > 1:
                return end or self._overdue()
            time.sleep(POLL_SECONDS)
        for worker in workers:
            worker.listen()
        return end or _failure(workers) or _orderly(workers)

    def _hung(self, workers: list[WorkerProcess]) -> ExitReason | None:
        if self._asked:
            # The drain has an end of its own.
            return None
        now = time.monotonic()
        for worker in workers:
            silent = now - worker.said.heard
            running = worker.process.poll() is None
            if running and not worker.said.resting and silent > self._policy.hang:
                cause = f"process {worker.number} hung: not a sign of progress for {silent:.0f} s"
                logger.error("%s; where it stands follows, if it can still tell", cause)
                # Python's fault handler writes down where each thread is.
                worker.process.send_signal(signal.SIGABRT)
                return ExitReason(1, "hung", cause, _stored(workers))
        return None

    def _overdue(self) -> ExitReason:
        cause = "the drain was not done in time: killed; the next run resumes"
        return ExitReason(1, "killed", cause, stored=True)


def _failure(workers: list[WorkerProcess]) -> ExitReason | None:
    """Return how a failed process ended: one beyond hope first, then one that was killed."""
    failed = [(code, worker) for worker in workers if (code := worker.process.poll())]
    if not failed:
        return None
    code, worker = min(failed, key=lambda each: (each[0] != HOPELESS, each[0]))
    kind = "hopeless" if code == HOPELESS else "killed" if code < 0 else "crashed"
    how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    cause = f"process {worker.number}: {worker.said.failed}" if worker.said.failed else ""
    return ExitReason(code, kind, cause or f"process {worker.number} {how}", _stored(workers))


def _not_begun() -> ExitReason:
    logger.info("stopped before all processes had begun: nothing is lost")
    return ExitReason(0, "drained", "", stored=False)


def _orderly(workers: list[WorkerProcess]) -> ExitReason:
    planned = next((m.said.restart for m in workers if m.said.restart), "")
    return ExitReason(0, "planned" if planned else "drained", planned, stored=True)


def _can_drain(workers: list[WorkerProcess]) -> bool:
    """Whether an orderly end is possible: a process that ends while others connect fails them."""
    return len(workers) == 1 or all(worker.said.begun for worker in workers)


def _stored(workers: list[WorkerProcess]) -> bool:
    return any(worker.said.stored for worker in workers)


def _terminate(workers: list[WorkerProcess]) -> None:
    for worker in workers:
        worker.process.send_signal(signal.SIGTERM)
