"""The supervisor: the processes of a cluster as one unit, restarted with patience and an end."""

from __future__ import annotations

import logging
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from engine.application.cluster.process import Member, Program
from engine.domain.errors import InterruptionError

logger = logging.getLogger("pynomaly.supervisor")

HOPELESS = 2
POLL_SECONDS = 0.05

Programs = Callable[[Mapping[str, int]], list[Program]]


@dataclass(frozen=True, slots=True)
class Patience:
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
class End:
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
    by their causes, and may raise InterruptionError; patience. Signals are meant for the cluster
    from then on, also those that come before it runs.
    """

    def __init__(self, programs: Programs, patience: Patience | None = None) -> None:
        self._programs = programs
        self._patience = patience or Patience()
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
        patience = self._patience
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
            restarts = 0 if time.monotonic() - began > patience.stable else restarts
            if restarts >= patience.max_restarts:
                logger.error("gave up after %d restarts: %s", restarts, end.cause)
                return 1
            restarts, fruitless = restarts + 1, 0 if end.stored else fruitless + 1
            wait = self._wait_after(fruitless)
            counted = restarts, patience.max_restarts, wait, end.cause
            logger.warning("restart %d of %d in %.1f s: %s", *counted)
            if self._sleep(wait):
                return 0

    def _wait_after(self, fruitless: int) -> float:
        patience = self._patience
        if not fruitless:
            return patience.soon
        return min(patience.first_wait * 2.0 ** (fruitless - 1), patience.longest_wait)

    def _final(self, end: End) -> int:
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

    def _run_once(self, causes: Mapping[str, int]) -> End:
        members: list[Member] = []
        try:
            programs = self._programs(causes)
        except InterruptionError as error:
            return End(1, "crashed", str(error), stored=False)
        if self._asked:
            return _not_begun()
        try:
            members += [Member(number, program) for number, program in enumerate(programs)]
            return self._watch(members)
        finally:
            for member in members:
                member.close()

    def _watch(self, members: list[Member]) -> End:
        """Wait for the end of all; the first that fails, or a signal, ends the others."""
        end: End | None = None
        told, deadline = False, float("inf")
        while any(member.process.poll() is None for member in members):
            for member in members:
                member.listen()
                member.pass_on(self._loudness)
            end = end or _failure(members) or self._hung(members)
            if self._asked and end is None and not told and not _can_drain(members):
                return _not_begun()
            stopped = next((m.said.stopped for m in members if m.said.stopped), "")
            if stopped and end is None:
                logger.info("%s: nothing is lost", stopped)
                return _orderly(members)
            planned = next((m.said.restart for m in members if m.said.restart), "")
            if not told and (end is not None or self._asked or planned):
                told = True
                wait = self._patience.peers if end is not None else self._patience.drain
                deadline = time.monotonic() + wait
                _terminate(members)
            if time.monotonic() > deadline or self._asked > 1:
                return end or self._overdue()
            time.sleep(POLL_SECONDS)
        for member in members:
            member.listen()
        return end or _failure(members) or _orderly(members)

    def _hung(self, members: list[Member]) -> End | None:
        if self._asked:
            # The drain has an end of its own.
            return None
        now = time.monotonic()
        for member in members:
            silent = now - member.said.heard
            running = member.process.poll() is None
            if running and not member.said.resting and silent > self._patience.hang:
                cause = f"process {member.number} hung: not a sign of progress for {silent:.0f} s"
                logger.error("%s; where it stands follows, if it can still tell", cause)
                # Python's fault handler writes down where each thread is.
                member.process.send_signal(signal.SIGABRT)
                return End(1, "hung", cause, _stored(members))
        return None

    def _overdue(self) -> End:
        cause = "the drain was not done in time: killed; the next run resumes"
        return End(1, "killed", cause, stored=True)


def _failure(members: list[Member]) -> End | None:
    """Return how a failed process ended: one beyond hope first, then one that was killed."""
    failed = [(code, member) for member in members if (code := member.process.poll())]
    if not failed:
        return None
    code, member = min(failed, key=lambda each: (each[0] != HOPELESS, each[0]))
    kind = "hopeless" if code == HOPELESS else "killed" if code < 0 else "crashed"
    how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    cause = f"process {member.number}: {member.said.failed}" if member.said.failed else ""
    return End(code, kind, cause or f"process {member.number} {how}", _stored(members))


def _not_begun() -> End:
    logger.info("stopped before all processes had begun: nothing is lost")
    return End(0, "drained", "", stored=False)


def _orderly(members: list[Member]) -> End:
    planned = next((m.said.restart for m in members if m.said.restart), "")
    return End(0, "planned" if planned else "drained", planned, stored=True)


def _can_drain(members: list[Member]) -> bool:
    """Whether an orderly end is possible: a process that ends while others connect fails them."""
    return len(members) == 1 or all(member.said.begun for member in members)


def _stored(members: list[Member]) -> bool:
    return any(member.said.stored for member in members)


def _terminate(members: list[Member]) -> None:
    for member in members:
        member.process.send_signal(signal.SIGTERM)
