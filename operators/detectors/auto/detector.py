"""The detector family `auto`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from engine.domain.batch import Bools, Floats, Int32s, Int64s
from engine.domain.detector import Declaration, Parameter
from engine.domain.entity_report import ValueNature
from engine.domain.errors import ParameterError
from engine.domain.explanation import Explanation
from engine.domain.kinds import KINDS
from operators.detectors.auto import deviation, entity
from operators.detectors.auto.evidence import KIND_NUMBERS
from operators.detectors.auto.nature import natures_of
from operators.detectors.parameters import check_names
from operators.kernels.record_bank import RecordBank

NO_TIMES = np.empty(0, np.int64)
MEMORY = ("normal", "small")
PARAMETERS = (
    Parameter(
        "memory",
        "string",
        "normal",
        "normal, or small: half the bytes, for shorter cycles and coarser seasons",
    ),
)


class AutoBank(RecordBank):
    """The bank of `auto`.

    Args:
        capacity: the number of slots.
        d: the number of values.
        sizes: of the record.
    """

    def __init__(self, capacity: int, d: int, sizes: entity.Sizes) -> None:
        super().__init__(capacity, entity.record(d, sizes))

    def natures(self, slot: int) -> tuple[ValueNature, ...]:
        """Return what was found of each value of the entity in a slot."""
        return natures_of(self.records[slot])

    def score(self, slots: Int32s, values: Floats, learn: Bools) -> Floats:
        """Score and learn events without times; see `score_and_explain`."""
        return self.score_at(slots, values, learn, NO_TIMES)

    def score_at(self, slots: Int32s, values: Floats, learn: Bools, times: Int64s) -> Floats:
        """Return the scores of `score_and_explain`."""
        return self.score_and_explain(slots, values, learn, times).scores

    def score_and_explain(
        self, slots: Int32s, values: Floats, learn: Bools, times: Int64s
    ) -> Explanation:
        """Score each event by the state before it, then learn it, in the given order.

        Args:
            slots: int32 [n], the slot of each event's entity.
            values: float64 [n, d], C-contiguous; NaN is a gap.
            learn: bool [n]; False scores without learning.
            times: int64 [n], event times in ns since 1970; empty if they are unknown.
        """
        return self.score_by_clock(slots, values, learn, times, times)

    def score_by_clock(
        self, slots: Int32s, values: Floats, learn: Bools, times: Int64s, clocks: Int64s
    ) -> Explanation:
        """Score and learn as `score_and_explain` does, with seasons of local time.

        Args:
            slots, values, learn, times: as for `score_and_explain`.
            clocks: int64 [n], the local time at each event in ns.
        """
        n, d = values.shape
        scores, p_values, beginnings = np.empty(n), np.empty(n), np.empty(n)
        kinds = np.empty(n, np.int8)
        blames, centers, widths = np.empty((n, d)), np.empty((n, d)), np.empty((n, d))
        amounts = np.empty(n)
        columns = (scores, p_values, beginnings, kinds, blames, centers, widths, amounts)
        entity.drive(self.records, slots, values, learn, times, clocks, *columns)
        total = blames.sum(axis=1, keepdims=True)
        contributions = np.where(total > 0, blames / np.where(total > 0, total, 1.0), 1 / d)
        named = KIND_NUMBERS[kinds]
        return Explanation(
            scores, p_values, beginnings, named, contributions, centers, widths, amounts
        )

    def failures(self) -> Mapping[str, int]:
        """Return nothing: compiled arithmetic has no errors to count."""
        return {}


class AutoDetector:
    """One configuration for every series; see the package."""

    name = "auto"
    handles_gaps = True
    explains: Literal[True] = True
    resolution = 0.5
    snapshot: Literal["bytes"] = "bytes"
    warm_up = deviation.WARM_UP

    def __init__(self, d: int, small: bool = False) -> None:
        self._d = d
        self._sizes = entity.small_sizes() if small else entity.sizes(d)
        self.bytes_per_entity = self.bank(0).records.dtype.itemsize

    def bank(self, capacity: int) -> AutoBank:
        """Return an empty bank."""
        return AutoBank(capacity, self._d, self._sizes)


class Auto:
    """The detector family `auto`."""

    def declarations(self) -> Sequence[Declaration]:
        """Return the declaration of the detector."""
        return (
            Declaration(
                name="auto",
                summary="Evidence of ten kinds in one p-value, for any series; nothing to set",
                parameters=PARAMETERS,
                bytes_per_entity=AutoDetector(1).bytes_per_entity,
                snapshot="bytes",
                source="Distances from normal with extrapolated tails, combined by Bonferroni",
                suits=(
                    "Good where nobody has looked at a series before: spikes, shifts, drifts, "
                    "stuck values, bursts and calm, missed seasons, lost correlations, resets of "
                    "counters and changes of cadence, each named. Bad at a value a little beyond "
                    "fixed limits, such as the marks of a tank, which valid_range finds, and in "
                    "the first fifty events; levels are judged after a day."
                ),
                kinds=KINDS,
                keeps_budget=True,
                layout=entity.LAYOUT,
            ),
        )

    def create(
        self, name: str, parameters: Mapping[str, object], value_names: Sequence[str]
    ) -> AutoDetector:
        """Build the detector.

        Raises:
            ParameterError: a parameter is unknown or has a value it cannot take.
        """
        check_names(name, parameters, [parameter.name for parameter in PARAMETERS])
        memory = parameters.get("memory", "normal")
        if memory not in MEMORY:
            raise ParameterError(
                "memory", f"{name}: memory must be normal or small, not {memory!r}"
            )
        return AutoDetector(len(value_names), memory == "small")
