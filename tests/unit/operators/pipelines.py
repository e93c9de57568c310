"""Pipelines and events for the tests of the steps."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from engine.application import registry
from engine.domain.alert_policy import PValueThreshold
from engine.domain.batch import EventBatch, Floats, ScoredBatch
from engine.domain.mapping import EventMapping, TimeField, ValueField
from engine.domain.pipeline import Calibration, Pipeline

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND


def pipeline(values: Sequence[str] = ("a", "b"), **changes: Any) -> Pipeline:
    """A pipeline with one zscore detector."""
    lateness = changes.pop("lateness", None)
    fields = tuple(ValueField(name, (name,), optional=True) for name in values)
    mapping = EventMapping((("key",),), TimeField(), fields, lateness=lateness)
    plain = Pipeline(
        name="plant",
        version="1a2b",
        mapping=mapping,
        detectors=(registry.detector_family("zscore").create("zscore", {}, values),),
        combine="any",
        calibration=Calibration(),
        alert=PValueThreshold(1e-6),
        incident_gap=600 * SECOND,
        memory_bytes=4 * 2**20,
        partitions=4,
    )
    whole = replace(plain, **changes)
    prints = tuple("print" for _ in whole.detectors)
    return replace(whole, detector_fingerprints=changes.get("detector_fingerprints", prints))


def events(keys: Sequence[str], values: Any, times: Any = None, first: int = 0) -> EventBatch:
    """Events of one partition, a second apart."""
    n = len(keys)
    names = np.empty(n, object)
    names[:] = keys
    offsets = np.arange(first, first + n)
    when = START + offsets * SECOND if times is None else np.asarray(times, np.int64)
    columns = np.asarray(values, np.float64).reshape(n, -1)
    return EventBatch("readings", names, when, columns, np.zeros(n, np.int32), offsets, when + 5)


def noise(seed: int, n: int, entities: int = 3, d: int = 2) -> EventBatch:
    """Normal events of some entities in random turns."""
    rng = np.random.default_rng(seed)
    keys = [f"press-{number}" for number in rng.integers(entities, size=n)]
    return events(keys, rng.normal(20, 2, (n, d)))


def cut(batch: EventBatch, cuts: Sequence[int]) -> list[EventBatch]:
    """The batch in parts."""
    edges = [0, *sorted(cuts), len(batch)]
    return [batch.take(slice(a, b)) for a, b in itertools.pairwise(edges) if a < b]


def scored(batch: EventBatch, p_values: Any, **changes: Any) -> ScoredBatch:
    """Scored events of which only the given p-values, [n] or [n, k], matter."""
    table = np.asarray(p_values, np.float64).reshape(len(batch), -1)
    n, d = batch.values.shape
    plain = ScoredBatch(
        events=batch,
        centers=np.full((n, d), 20.0),
        scales=np.full((n, d), 2.0),
        scores=-np.log10(table),
        p_values=table,
        p_value=np.fmin.reduce(table, axis=1),
        rates=np.full(n, 1_440.0),
        late=np.zeros(n, np.bool_),
    )
    return replace(plain, **changes)


def joined(parts: Sequence[ScoredBatch], column: str) -> Floats:
    """One column of scored batches, end to end."""
    whole: Floats = np.concatenate([getattr(part, column) for part in parts])
    return whole
