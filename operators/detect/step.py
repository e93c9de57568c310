"""detect: every event is scored by the state before it, then learned, one key group at a time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from bytewax.operators import StatefulBatchLogic

from engine.application.ports import Detect, RunContext
from engine.application.state.durable import Syncs
from engine.domain.batch import EventBatch, ScoredBatch
from engine.domain.pipeline import Pipeline
from operators.detect.checkpoint import Checkpoint
from operators.detect.entity_group import EntityGroup

FILES = "groups"
"""Folder of the key groups' files in the state directory."""
AT_ONCE = 16_384
"""Events between two signs of life: a slow detector behind a flood is no process that hangs."""


def detect_step(pipeline: Pipeline, context: RunContext) -> Detect:
    """Return what builds the logic of one key group, afresh or from what is stored of it."""
    directory = context.state / FILES if context.state else None
    groups = Groups(context)
    _load_code(pipeline)

    def build(stored: bytes | None) -> DetectLogic:
        group = EntityGroup(pipeline)
        checkpoint = Checkpoint(directory, pipeline.key_groups, groups.syncs)
        if stored is not None:
            checkpoint.restore(group, stored)
        group.report_to(context.telemetry)
        return DetectLogic(group, checkpoint, groups, context)

    return build


def _load_code(pipeline: Pipeline) -> None:
    """Score an event of nobody: else the first real ones would wait for machine code."""
    rows = np.zeros(1, np.int64)
    values = np.zeros((1, len(pipeline.mapping.values)))
    nobody = np.array([""], object)
    event = EventBatch("", nobody, rows, values, rows.astype(np.int32), rows, rows)
    EntityGroup(replace(pipeline, memory_bytes=0)).score(event)


class Groups:
    """The key groups of a process, stored together.

    Bytewax takes the snapshots of an epoch one after the other. The first of them stores all
    groups that have learned since, so that the stream waits for the disk once.
    """

    def __init__(self, context: RunContext) -> None:
        self.syncs = Syncs()
        self._telemetry = context.telemetry
        self._changed: dict[DetectLogic, None] = {}

    def changed(self, logic: DetectLogic) -> None:
        """Note that a group is not stored as it is."""
        self._changed[logic] = None

    def store(self) -> None:
        """Make the state of all groups that have changed durable."""
        began = time.perf_counter()
        for logic in self._changed:
            logic.store()
        self._changed = {}
        self.syncs.finish()
        self._telemetry.checkpoint_seconds.observe(time.perf_counter() - began)


class DetectLogic(StatefulBatchLogic[EventBatch, ScoredBatch, bytes]):
    """Bytewax's side of a key group."""

    def __init__(
        self, group: EntityGroup, checkpoint: Checkpoint, groups: Groups, context: RunContext
    ) -> None:
        self._group = group
        self._checkpoint = checkpoint
        self._groups = groups
        self._telemetry = context.telemetry
        self._heartbeat = context.heartbeat
        self._written = 0
        self._stored: bytes | None = None

    def on_batch(self, values: list[EventBatch]) -> tuple[list[ScoredBatch], bool]:
        """Score all batches of this activation, a few thousand events at once."""
        self._groups.changed(self)
        self._stored = None
        scored: list[ScoredBatch] = []
        for some in _some(values):
            self._heartbeat.work()
            began = time.perf_counter()
            events = EventBatch.concatenate(some)
            scored += self._group.score(events)
            self._checkpoint.note(events, time.perf_counter() - began, self._group.size)
        return scored, self.RETAIN

    def snapshot(self) -> bytes:
        """Return what stands for the key group's state, which is durable."""
        if self._stored is None:
            self._groups.changed(self)
            self._groups.store()
        stored, self._stored = self._stored, None
        assert stored is not None
        return stored

    def store(self) -> None:
        """Write the key group's state; `syncs` of the groups are to be waited for."""
        self._stored = self._checkpoint.store(self._group)
        written = self._checkpoint.written
        self._telemetry.checkpoint_bytes.labels("detect").inc(written - self._written)
        self._written = written


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
