"""The heartbeat: status lines from a worker process to its supervisor, over a pipe."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

PROGRESS, BUSY, WAITING, IDLE = "progress", "busy", "waiting", "idle"
STORED, RESTART, FAILED, STOPPED = "stored", "restart", "failed", "stopped"
NOT_STORED = "not_stored"
COUNTS = "counts"
BEAT_SECONDS = 0.5
LONGEST_LINE_BYTES = 2_000


class Heartbeat:
    """The worker's end of the pipe.

    Args:
        descriptor: file descriptor to write to; None without a supervisor.
        outages: what cannot be reached now, and why, by who wants to.

    Attributes:
        status: the status as the supervisor sees it, for the health pages.
    """

    def __init__(
        self, descriptor: int | None = None, outages: Mapping[str, str] | None = None
    ) -> None:
        self.status = HeartbeatMonitor(-1)
        self._descriptor = descriptor
        self._outages = {} if outages is None else outages
        self._last = 0.0
        if descriptor is not None:
            # A supervisor that does not read must not block the stream.
            os.set_blocking(descriptor, False)

    def progress(self) -> None:
        """Report progress; from now on silence means that the process hangs."""
        self._send_at_times(PROGRESS)

    def busy(self) -> None:
        """Report that a batch, read here or by another process, is being processed."""
        self._send_at_times(BUSY)

    def waiting(self) -> None:
        """Report a wait for something outside of the process, and what cannot be reached."""
        why = "; ".join(f"{who}: {what}" for who, what in sorted({**self._outages}.items()))
        self._send_at_times(WAITING, why)

    def idle(self) -> None:
        """Report that there is nothing to read; from now on silence is normal."""
        self._send(IDLE)

    def stored(self) -> None:
        """Report a checkpoint."""
        self._send(STORED)

    def not_stored(self) -> None:
        """Report that checkpoints cannot be stored any more: an early restart does not help."""
        self._send(NOT_STORED)

    def ask_restart(self, why: str) -> None:
        """Ask for an orderly restart of the whole cluster."""
        self._send(RESTART, why)

    def report(self, counts: str) -> None:
        """Report what this process has done; it does not count as progress."""
        self._send(COUNTS, counts)

    def failed(self, why: str) -> bool:
        """Report why this process is about to end; return whether the supervisor has all of it."""
        return self._send(FAILED, why)

    def stopped(self, why: str) -> None:
        """Report a request to stop that came before the start, and wait for the supervisor.

        A process that ended by itself would tear down the processes that it is connected to, and
        they would end as if they had crashed. Returns at once without a supervisor.
        """
        self._send(STOPPED, why)
        while self._descriptor is not None:
            time.sleep(BEAT_SECONDS)

    def _send_at_times(self, word: str, why: str = "") -> None:
        now = time.monotonic()
        if now - self._last >= BEAT_SECONDS:
            self._last = now
            self._send(word, why)

    def _send(self, word: str, why: str = "") -> bool:
        self.status.receive(f"{word} {why}")
        if self._descriptor is None:
            return False
        line = f"{word} {why}".replace("\n", " ").encode("utf-8", "replace")
        try:
            os.write(self._descriptor, line[:LONGEST_LINE_BYTES] + b"\n")
        except (BlockingIOError, BrokenPipeError):
            return False
        return len(line) <= LONGEST_LINE_BYTES


@dataclass(slots=True)
class HeartbeatMonitor:
    """The supervisor's end of the pipe.

    Attributes:
        descriptor: to read from.
        heard: time of the last line, on the monotonic clock.
        moved: time of the last progress.
        started: whether it reads or is idle; then all processes of the cluster are connected.
        idle: whether it is idle, so that silence is normal.
        stored: whether a checkpoint was taken, and the last one did not fail.
        restart: reason for a requested restart, or "".
        failed: reason for its end as the process reports it, or "".
        stopped: reason why it waits to be stopped, or "".
        waits: whether it waits for something outside of the process.
        unreachable: what it could not reach when it waited last, and why, or "".
        counts: what it has done, as it reports it, or "".
    """

    descriptor: int
    heard: float = field(default_factory=time.monotonic)
    moved: float = field(default_factory=time.monotonic)
    started: bool = False
    idle: bool = False
    stored: bool = False
    restart: str = ""
    failed: str = ""
    stopped: str = ""
    waits: bool = False
    unreachable: str = ""
    counts: str = ""
    _rest: bytes = b""

    def listen(self) -> None:
        """Read the lines since the last call."""
        with contextlib.suppress(BlockingIOError):
            while received := os.read(self.descriptor, 65_536):
                *lines, self._rest = (self._rest + received).split(b"\n")
                for line in lines:
                    self.receive(line.decode("utf-8", "replace"))

    def receive(self, line: str) -> None:
        """Apply a line."""
        word, _, why = line.partition(" ")
        if word == COUNTS:
            self.counts = why
            return
        self.heard = time.monotonic()
        if word in (PROGRESS, BUSY):
            self.moved = self.heard
        self.waits = word == WAITING
        if word in (PROGRESS, BUSY, WAITING, IDLE, STORED):
            self.unreachable = why
        self.started = self.started or word in (PROGRESS, IDLE)
        self.idle = word == IDLE or (self.idle and word != PROGRESS)
        self.stored = word == STORED or (self.stored and word != NOT_STORED)
        if word == RESTART:
            self.restart = why
        elif word == FAILED:
            self.failed = why
        elif word == STOPPED:
            self.stopped = why
