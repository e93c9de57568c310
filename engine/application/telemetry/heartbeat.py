"""The heartbeat: status lines from a worker process to its supervisor, over a pipe."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass, field

BEAT, WORK, WAIT, REST = "beat", "work", "wait", "rest"
STORED, RESTART, FAILED, STOPPED = "stored", "restart", "failed", "stopped"
BEAT_SECONDS = 0.5
LONGEST_LINE = 2_000


class Heartbeat:
    """The process's end of the pipe.

    Args:
        descriptor: file descriptor to write to; None without a supervisor.

    Attributes:
        said: what the supervisor makes of what was said, for the health pages.
    """

    def __init__(self, descriptor: int | None = None) -> None:
        self.said = HeartbeatMonitor(-1)
        self._descriptor = descriptor
        self._last = 0.0
        if descriptor is not None:
            # A supervisor that does not read must not hold up the stream.
            os.set_blocking(descriptor, False)

    def beat(self) -> None:
        """Say that the stream moves on; from now on silence is hanging."""
        self._say_at_times(BEAT)

    def work(self) -> None:
        """Say that what was read, here or by another process, is being worked on."""
        self._say_at_times(WORK)

    def wait(self) -> None:
        """Say that we wait on purpose, for something outside."""
        self._say_at_times(WAIT)

    def rest(self) -> None:
        """Say that there is nothing to read here: from now on silence is no hanging."""
        self._say(REST)

    def stored(self) -> None:
        """Say that a checkpoint was taken."""
        self._say(STORED)

    def ask_restart(self, why: str) -> None:
        """Ask for an orderly restart of the whole cluster."""
        self._say(RESTART, why)

    def failed(self, why: str) -> None:
        """Say why this process is about to end."""
        self._say(FAILED, why)

    def stopped(self, why: str) -> None:
        """Say that we were asked to stop before we had begun, and wait to be ended.

        A process that ended by itself would tear down those it is connected to, and they would
        end as by a crash. Returns where nobody listens.
        """
        self._say(STOPPED, why)
        while self._descriptor is not None:
            time.sleep(BEAT_SECONDS)

    def _say_at_times(self, word: str) -> None:
        now = time.monotonic()
        if now - self._last >= BEAT_SECONDS:
            self._last = now
            self._say(word)

    def _say(self, word: str, why: str = "") -> None:
        self.said.take(f"{word} {why}")
        if self._descriptor is not None:
            line = f"{word} {why}".replace("\n", " ").encode("utf-8", "replace")[:LONGEST_LINE]
            with contextlib.suppress(BlockingIOError, BrokenPipeError):
                os.write(self._descriptor, line + b"\n")


@dataclass(slots=True)
class HeartbeatMonitor:
    """The supervisor's end of the pipe.

    Attributes:
        descriptor: to read from.
        heard: when the last word came, on the monotonic clock.
        moved: when the stream last moved on.
        begun: whether it reads, or has nothing to read: all of its cluster are connected then.
        resting: whether silence is no hanging.
        stored: whether a checkpoint was taken.
        restart: why a restart was asked for; "" where it was not.
        failed: why the process says that it ends; "" where it did not.
        stopped: why it waits to be ended in order; "" where it does not.
    """

    descriptor: int
    heard: float = field(default_factory=time.monotonic)
    moved: float = field(default_factory=time.monotonic)
    begun: bool = False
    resting: bool = False
    stored: bool = False
    restart: str = ""
    failed: str = ""
    stopped: str = ""
    _rest: bytes = b""

    def listen(self) -> None:
        """Take in what was said since the last call."""
        with contextlib.suppress(BlockingIOError):
            while said := os.read(self.descriptor, 65_536):
                *lines, self._rest = (self._rest + said).split(b"\n")
                for line in lines:
                    self.take(line.decode("utf-8", "replace"))

    def take(self, line: str) -> None:
        """Take in a line."""
        word, _, why = line.partition(" ")
        self.heard = time.monotonic()
        if word in (BEAT, WORK):
            self.moved = self.heard
        self.begun = self.begun or word in (BEAT, REST)
        self.resting = word == REST or (self.resting and word != BEAT)
        self.stored = self.stored or word == STORED
        if word == RESTART:
            self.restart = why
        elif word == FAILED:
            self.failed = why
        elif word == STOPPED:
            self.stopped = why
