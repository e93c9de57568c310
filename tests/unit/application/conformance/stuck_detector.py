"""A detector that sees stuck values alone: its score is the number of equal events in a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from engine.domain.batch import Bools, Floats, Int32s
from engine.domain.detector import Declaration
from operators.kernels.record_bank import RecordBank


def record(d: int) -> np.dtype[np.void]:
    return np.dtype([("last", "<f8", (d,)), ("equal", "<i8"), ("seen", "<i8")])


class StuckBank(RecordBank):
    def score(self, slots: Int32s, values: Floats, learn: Bools) -> Floats:
        scores = np.full(len(slots), np.nan)
        for i, slot in enumerate(slots):
            state = self.records[slot]
            equal = state["equal"] + 1 if (state["last"] == values[i]).all() else 0
            if state["seen"] > 0:
                scores[i] = equal
            if learn[i]:
                state["last"], state["equal"] = values[i], equal
                state["seen"] += 1
        return scores

    def failures(self) -> Mapping[str, int]:
        return {}


class StuckDetector:
    name = "zscore"
    handles_gaps = False
    resolution = 1.0
    snapshot: Literal["bytes"] = "bytes"
    warm_up = 1

    def __init__(self, d: int) -> None:
        self._dtype = record(d)
        self.bytes_per_entity = self._dtype.itemsize

    def bank(self, capacity: int) -> StuckBank:
        return StuckBank(capacity, self._dtype)


class StuckFamily:
    """The detector, in the place of `zscore`."""

    def __init__(self, kinds: tuple[str, ...]) -> None:
        self._kinds = kinds

    def declarations(self) -> Sequence[Declaration]:
        size = record(1).itemsize
        return (Declaration("zscore", "stuck", (), size, "bytes", "a test", kinds=self._kinds),)

    def create(
        self, name: str, parameters: Mapping[str, object], value_names: Sequence[str]
    ) -> StuckDetector:
        return StuckDetector(len(value_names))
