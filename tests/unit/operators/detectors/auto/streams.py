"""Streams of many entities, and what `auto` keeps of them."""

from __future__ import annotations

import numpy as np

from bench.calibration import KINDS
from engine.domain.batch import Floats
from operators.detectors.auto.detector import AutoDetector
from operators.kernels.record_bank import Records


def records(values: Floats) -> Records:
    """The records after streams: float64 [entities, n, d], or [entities, n] of one value."""
    rows = values if values.ndim == 3 else values[:, :, None]
    entities, n, d = rows.shape
    bank = AutoDetector(d).bank(entities)
    slots = np.tile(np.arange(entities, dtype=np.int32), n)
    column = np.ascontiguousarray(rows.transpose(1, 0, 2)).reshape(-1, d)
    bank.score(slots, column, np.ones(len(slots), bool))
    return bank.records


def of(kind: str, n: int, entities: int = 40) -> Floats:
    """Noise of a kind, each entity's of a seed of its own: float64 [entities, n]."""
    return np.stack([KINDS[kind](np.random.default_rng(seed), n) for seed in range(entities)])
