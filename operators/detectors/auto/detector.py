"""The detector family `auto`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from engine.domain.batch import Bools, Floats, Int32s, Int64s
from engine.domain.detector import Declaration
from operators.detectors.auto import joint, single
from operators.detectors.parameters import check_numbers
from operators.kernels.record_bank import RecordBank

NO_TIMES = np.empty(0, np.int64)


class AutoBank(RecordBank):
    """The bank of `auto`. Args of its constructor: capacity, the number of slots; d, of values."""

    def __init__(self, capacity: int, d: int) -> None:
        super().__init__(capacity, single.RECORD if d == 1 else joint.record(d))

    def score(self, slots: Int32s, values: Floats, learn: Bools) -> Floats:
        """Score and learn events whose times are not known; see `score_at`."""
        return self.score_at(slots, values, learn, NO_TIMES)

    def score_at(self, slots: Int32s, values: Floats, learn: Bools, times: Int64s) -> Floats:
        """Score each event by the state before it, then learn it; see `score_and_tell`."""
        return self.score_and_tell(slots, values, learn, times)[0]

    def score_and_tell(
        self, slots: Int32s, values: Floats, learn: Bools, times: Int64s
    ) -> tuple[Floats, Floats]:
        """Score each event by the state before it, then learn it, in the given order.

        Args:
            slots: int32 [n], the slot of each event's entity.
            values: float64 [n, d], C-contiguous; NaN is a gap.
            learn: bool [n]; False scores without learning.
            times: int64 [n], event times in ns since 1970; empty where they are not known.

        Returns:
            float64 [n]: decimal powers of rarity, summed; NaN while the entity warms up, and where
            all are gaps. float64 [n]: -log10 of how often noise reaches as much; NaN likewise.
        """
        scores, powers = np.empty(len(slots)), np.empty(len(slots))
        if values.shape[1] == 1:
            single.drive(self.records, slots, values, learn, times, scores, powers)
        else:
            joint.drive(self.records, slots, values, learn, scores, powers)
        return scores, powers

    def failures(self) -> Mapping[str, int]:
        """Return nothing: compiled arithmetic has no troubles to count."""
        return {}


class AutoDetector:
    """One configuration for every series; see the package."""

    name = "auto"
    handles_gaps = True
    knows_noise: Literal[True] = True
    resolution = 0.5
    snapshot: Literal["bytes"] = "bytes"

    def __init__(self, d: int) -> None:
        self._d = d
        self.warm_up = single.WARM_UP if d == 1 else joint.WARM_UP
        self.bytes_per_entity = self.bank(0).records.dtype.itemsize

    def bank(self, capacity: int) -> AutoBank:
        """Return an empty bank."""
        return AutoBank(capacity, self._d)


class Auto:
    """The detector family `auto`."""

    def declarations(self) -> Sequence[Declaration]:
        """Return the one detector there is."""
        return (
            Declaration(
                name="auto",
                summary="Several evidences in one score, for any series; nothing to set",
                parameters=(),
                bytes_per_entity=AutoDetector(1).bytes_per_entity,
                snapshot="bytes",
                source="Sum of rank-calibrated evidences: range, surprise, season, nearest runs",
                suits=(
                    "Good where nobody has looked at a series before: spikes, jumps, stillness, "
                    "unusual hours and, with one value, unusual runs and missing beats, in units "
                    "of rarity. Bad where a fixed limit is known, and in the first fifty events."
                ),
            ),
        )

    def create(
        self, name: str, parameters: Mapping[str, object], value_names: Sequence[str]
    ) -> AutoDetector:
        """Build the detector.

        Raises:
            ParameterError: a parameter was given; it takes none.
        """
        check_numbers(name, parameters, ())
        return AutoDetector(len(value_names))
