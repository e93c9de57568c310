"""The memory that an entity is counted with, and the number of entities that fit in a task."""

from __future__ import annotations

from engine.domain.pipeline import Pipeline
from operators.combine.weighted import Weights
from operators.detect.context import ContextBank
from operators.detect.counters import CounterBank
from operators.detect.entity_parts import absence_watch, calibrator, counter_columns, is_weighted
from operators.detect.entity_table import KEY_BYTES
from operators.detect.entity_times import RECORD
from operators.detect.event_order import BYTES_PER_ENTITY as ORDER_BYTES
from operators.detect.event_order import SHARE as WAITING_SHARE
from operators.detect.idle import RECORD as IDLE_RECORD
from operators.detect.nearness import RECORD as NEARNESS_RECORD
from operators.detect.profile import ProfileBank


def entity_capacity(pipeline: Pipeline) -> int:
    """Return how many entities of a task fit into its memory."""
    budget = pipeline.memory_bytes // pipeline.partitions
    if pipeline.mapping.order == "event_time":
        budget -= int(WAITING_SHARE * budget)
    return max(1, budget // entity_bytes(pipeline))


def entity_bytes(pipeline: Pipeline) -> int:
    """Return the memory that one entity is counted with."""
    return KEY_BYTES + RECORD.itemsize + _value_bytes(pipeline) + _detector_bytes(pipeline)


def _value_bytes(pipeline: Pipeline) -> int:
    """Return what an entity takes whatever the detectors are."""
    profile = ProfileBank(1, len(pipeline.mapping.values)).bytes_per_entity
    columns = counter_columns(pipeline)
    counters = CounterBank(1, columns).bytes_per_entity if columns else 0
    watch = absence_watch(1, pipeline)
    absence = 0 if watch is None else watch.bytes_per_entity
    idle = 0 if pipeline.idle_after is None else IDLE_RECORD.itemsize
    context = ContextBank(1, pipeline).bytes_per_entity if pipeline.context else 0
    ordered = ORDER_BYTES if pipeline.mapping.order == "event_time" else 0
    return profile + counters + absence + idle + context + ordered + NEARNESS_RECORD.itemsize


def _detector_bytes(pipeline: Pipeline) -> int:
    """Return what the detectors, their calibrators and their weights take."""
    detectors = sum(detector.bytes_per_entity for detector in pipeline.detectors)
    calibrators = sum(
        found.bytes_per_entity
        for detector in pipeline.detectors
        if (found := calibrator(1, pipeline, detector)) is not None
    )
    weights = Weights(1, len(pipeline.detectors)).bytes_per_entity if is_weighted(pipeline) else 0
    return detectors + calibrators + weights
