"""The watch on a source: its supervisor and its metrics learn that the stream moves on.

It also sets the pace: what was read leaves before more is read. Bytewax runs every step of a flow
once a turn and asks a source each turn, so without that a batch would have as many others behind
it as there are steps, all of them small, and wait for each of them at every step.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from engine.application.ports import RunContext
from engine.domain.batch import RawBatch

logger = logging.getLogger("pynomaly.source")

TURNS = 16
"""From the source to a sink of anomalies, those that Bytewax makes for keyed streams included."""
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
"""Asks for the next turn without a pause. Now would be a moment after the one that Bytewax measures
from, and it would wait for it asleep: the core goes to another thread, for each of the turns."""


class PacedSource(FixedPartitionedSource[RawBatch, Any]):
    """A source whose every turn is a beat."""

    def __init__(self, source: FixedPartitionedSource[RawBatch, Any], context: RunContext) -> None:
        self._source = source
        self._context = context
        self._reading = 0
        self.turn = TURNS
        self._read_at = 0

    def list_parts(self) -> list[str]:
        """Return the source's partitions; until one is ours, silence is no hanging."""
        found = self._source.list_parts()
        self._context.heartbeat.rest()
        return found

    def build_part(self, step_id: str, for_part: str, resume_state: Any) -> PacedPartition:
        """Open a partition."""
        who = f"partition {for_part}"
        self._context.outages[who] = "being opened"
        part = self._source.build_part(step_id, for_part, resume_state)
        del self._context.outages[who]
        self._reading += 1
        self._context.heartbeat.beat()
        return PacedPartition(self, part, self._context, who)

    def may_read(self) -> bool:
        """Whether what was read before this turn has left the flow."""
        return self.turn == self._read_at or self.turn - self._read_at >= TURNS

    def was_read(self) -> None:
        """Note that something was read in this turn."""
        self._read_at = self.turn

    def ended(self) -> None:
        """Note that a partition has come to its end."""
        self._reading -= 1
        if not self._reading:
            self._context.heartbeat.rest()


class PacedPartition(StatefulSourcePartition[RawBatch, Any]):
    """A partition whose every turn is a beat."""

    def __init__(
        self,
        source: PacedSource,
        part: StatefulSourcePartition[RawBatch, Any],
        context: RunContext,
        name: str,
    ) -> None:
        self._source = source
        self._part = part
        self._context = context
        self._name = name
        self._asked_at = 0
        self._held = False

    def next_batch(self) -> Any:
        """Return what the partition returns; nothing while earlier batches are on their way."""
        self._context.heartbeat.beat()
        # Who is asked twice is asked in a new turn.
        if self._asked_at == self._source.turn:
            self._source.turn += 1
        self._asked_at = self._source.turn
        self._held = not self._source.may_read()
        if self._held:
            return []
        try:
            batch = self._part.next_batch()
        except StopIteration:
            self._source.ended()
            raise
        if batch:
            self._source.was_read()
        return batch

    def next_awake(self) -> datetime | None:
        """Return when to ask again: while held back, the next turn."""
        return LONG_AGO if self._held else self._part.next_awake()

    def snapshot(self) -> Any:
        """Return the position, and count the checkpoint."""
        position = self._part.snapshot()
        self._context.telemetry.checkpoints.inc()
        self._context.heartbeat.stored()
        logger.debug("checkpoint: %s stands at %s", self._name, position)
        return position

    def close(self) -> None:
        """Close the partition."""
        self._part.close()
