"""The status line: what a run does now, on a terminal, in one line that changes."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable
from typing import TextIO

from engine.application.telemetry.live_counts import LiveCounts
from engine.application.telemetry.logs import CLEAR_LINE

DRAW_SECONDS = 0.5


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
        self._read = 0
        self._shown = False

    def draw(self, reports: Iterable[LiveCounts]) -> None:
        """Draw it, if it is time to.

        Args:
            reports: the newest of each process.
        """
        now = self._clock()
        seconds = now - self._drawn
        total = LiveCounts.sum(reports)
        if seconds < DRAW_SECONDS or total.read == 0:
            return
        rate = max(0, total.read - self._read) / seconds if self._shown else 0.0
        self._drawn, self._read, self._shown = now, total.read, True
        width = shutil.get_terminal_size().columns - 1
        self._write(f"{CLEAR_LINE}{_text(total, rate)[:width]}\r")

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
        f"{total.scored:,} scored",
        f"{total.rejects:,} rejected",
        f"{total.anomalies:,} anomalies",
        f"{total.entities:,} entities",
        f"{total.behind:,} behind",
    ]
    return "  ".join(parts)
