"""detect: every event is scored by the state before it, then learned, one key group at a time."""

from __future__ import annotations

import time
from collections.abc import Iterator

from bytewax.operators import StatefulBatchLogic

from engine.application.ports import Detect, RunContext
from engine.domain.batch import EventBatch, ScoredBatch
from engine.domain.pipeline import Pipeline
from operators.checkpoint import Checkpoint
from operators.entity_group import EntityGroup

FILES = "groups"
"""Folder of the key groups' files in the state directory."""
AT_ONCE = 16_384
"""Events between two signs of life: a slow detector behind a flood is no process that hangs."""


def detect_step(pipeline: Pipeline, context: RunContext) -> Detect:
    """Return what builds the logic of one key group, afresh or from what is stored of it."""
    directory = context.state / FILES if context.state else None

    def build(stored: bytes | None) -> DetectLogic:
        group = EntityGroup(pipeline)
        checkpoint = Checkpoint(directory, pipeline.key_groups)
        if stored is not None:
            checkpoint.restore(group, stored)
        group.report_to(context.telemetry)
        return DetectLogic(group, checkpoint, context)

    return build


class DetectLogic(StatefulBatchLogic[EventBatch, ScoredBatch, bytes]):
    """Bytewax's side of a key group."""

    def __init__(self, group: EntityGroup, checkpoint: Checkpoint, context: RunContext) -> None:
        self._group = group
        self._checkpoint = checkpoint
        self._telemetry = context.telemetry
        self._pulse = context.pulse
        self._written = 0

    def on_batch(self, values: list[EventBatch]) -> tuple[list[ScoredBatch], bool]:
        """Score all batches of this activation, a few thousand events at once."""
        scored: list[ScoredBatch] = []
        for some in _some(values):
            self._pulse.work()
            began = time.perf_counter()
            events = EventBatch.concatenate(some)
            scored += self._group.score(events)
            self._checkpoint.note(events, time.perf_counter() - began, self._group.size)
        return scored, self.RETAIN

    def snapshot(self) -> bytes:
        """Make the key group's state durable; return what stands for it."""
        began = time.perf_counter()
        stored = self._checkpoint.store(self._group)
        self._telemetry.checkpoint_seconds.observe(time.perf_counter() - began)
        written = self._checkpoint.written
        self._telemetry.checkpoint_bytes.labels("detect").inc(written - self._written)
        self._written = written
        return stored


def _some(batches: list[EventBatch]) -> Iterator[list[EventBatch]]:
    """Yield all batches in their order, so many together that they have AT_ONCE events or more."""
    some: list[EventBatch] = []
    count = 0
    for batch in batches:
        some.append(batch)
        count += len(batch)
        if count >= AT_ONCE:
            yield some
            some, count = [], 0
    if some:
        yield some
