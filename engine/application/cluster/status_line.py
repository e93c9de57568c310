"""The status line: the progress of a run on a terminal, in one line that is rewritten."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable
from typing import TextIO

from engine.application.telemetry.live_counts import LiveCounts
from engine.application.telemetry.logs import CLEAR_LINE

DRAW_SECONDS = 0.5
STILL_SECONDS = 3.0
"""Without a change, after which nothing is being read: processes report once a second."""


class StatusLine:
    """Draws the sums of what the processes of a run report.

    The cursor is left in the first column: a log line begins by deleting the status line.

    Args:
        stream: the terminal.
        clock: monotonic seconds.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._drawn = -DRAW_SECONDS
        self._changed = 0.0
        self._read = 0
        self._rate = 0.0
        self._shown = False

    def draw(self, reports: Iterable[LiveCounts]) -> None:
        """Draw it, if it is time to.

        Args:
            reports: the newest of each process.
        """
        now = self._clock()
        total = LiveCounts.sum(reports)
        if now - self._drawn < DRAW_SECONDS or total.read == 0:
            return
        self._drawn = now
        self._follow(total.read, now)
        width = shutil.get_terminal_size().columns - 1
        self._write(f"{CLEAR_LINE}{_text(total, self._rate)[:width]}\r")
        self._shown = True

    def _follow(self, read: int, now: float) -> None:
        seconds = now - self._changed
        if read == self._read and seconds < STILL_SECONDS:
            return
        self._rate = max(0, read - self._read) / seconds if self._shown else 0.0
        self._changed, self._read = now, read

    def clear(self) -> None:
        """Delete it."""
        if self._shown:
            self._write(CLEAR_LINE)

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def _text(total: LiveCounts, rate: float) -> str:
    parts = [
        f"{total.read:,} read ({rate:,.0f}/s)",
        f"{total.behind:,} behind",
        f"{total.scored:,} scored",
        f"{total.rejects:,} rejected",
        f"{total.anomalies:,} anomalies",
        f"{total.entities:,} entities",
    ]
    return ", ".join(parts)
