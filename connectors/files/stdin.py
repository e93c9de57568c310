"""The standard input as a source: one message a line. It cannot be read again after a crash."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from connectors.files.batches import raw_batch
from connectors.files.lines import LineSplitter
from connectors.files.unreadable import Message
from engine.domain.batch import RawBatch
from pynomaly.plugins import RunContext, Settings

STDIN = 0
CHUNK_BYTES = 1 << 20
IDLE = timedelta(milliseconds=20)


class StdinSettings(Settings):
    """The standard input has no settings."""


class StdinSource:
    """The plug-in behind `source: {stdin: {}}`."""

    Settings = StdinSettings
    rereadable = "never"
    topic = "stdin"

    def __init__(self, settings: StdinSettings, context: RunContext) -> None:
        self.context = context

    def source(self) -> StandardInput:
        """Return the Bytewax source."""
        return StandardInput(self.context)

    def check(self, samples: int) -> list[RawBatch]:
        """Return nothing: what is read to look at it would be lost to the run."""
        return []

    def stored(self, positions: Mapping[str, int]) -> None:
        """Do nothing: what was read is gone."""

    def finish(self) -> None:
        """Do nothing."""


class StandardInput(FixedPartitionedSource[RawBatch, int]):
    """Bytewax's side of the standard input: one partition."""

    def __init__(self, context: RunContext) -> None:
        self._context = context

    def list_parts(self) -> list[str]:
        """Return the one part there is."""
        return ["0"]

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> LineReader:
        """Start reading; line numbers go on from the last run, so that ids never repeat."""
        return LineReader(self._context, resume_state or 0)


class LineReader(StatefulSourcePartition[RawBatch, int]):
    """Reads whole lines as they arrive, without ever waiting for one."""

    def __init__(self, context: RunContext, first: int) -> None:
        self._context = context
        self._next = first
        self._lines = LineSplitter(context.max_bytes)
        self._ended = False
        self._idle = False

    def next_batch(self) -> list[RawBatch]:
        """Return the lines that have arrived."""
        if self._context.draining.is_set():
            raise StopIteration
        ready, _, _ = select.select([STDIN], [], [], 0)
        self._idle = not ready
        if not ready:
            return []
        chunk = os.read(STDIN, CHUNK_BYTES)
        if self._ended:
            raise StopIteration
        self._ended = not chunk
        return self._batch(self._lines.feed(chunk) if chunk else self._lines.end())

    def _batch(self, lines: list[bytes]) -> list[RawBatch]:
        numbered: list[Message] = [
            (number, line, None) for number, line in enumerate(lines, self._next) if line.strip()
        ]
        self._next += len(lines)
        if not numbered:
            return []
        return [raw_batch("stdin", 0, numbered, time.time_ns())]

    def next_awake(self) -> datetime | None:
        """Look again soon when nothing had arrived."""
        return datetime.now(UTC) + IDLE if self._idle else None

    def snapshot(self) -> int:
        """Return the next line's number."""
        return self._next
