"""Weights: how much each detector counts for an entity, learned online and without labels.

A detector is worth what it sees for the alerts that it claims: the share of planted deviations
whose p-value is at most `LEVEL`, over the share of all events of which it says so, as far as these
are more than the p-value promises. A weight is a detector's part of the sum of these odds. One with
less than `LEAST` of the best's odds does not pay, and counts nothing until it does.

That claims on mostly normal data cost weight is from SEAD (Shah and others, ICML 2025); but there
p-values would tell nothing, for they are equally rare on normal data whatever the detector can
see. So detectors are asked about deviations that are made, as by Goswami and others (ICLR 2023).

The combined p-value is the smallest of p / weight (Genovese, Roeder and Wasserman, Biometrika 93,
2006): right for any dependence between detectors whose own p-values are, because weights sum to 1
and follow from what was before the event; Bonferroni's, `any`, where they are equal. And it is
calibrated once more, by onsets: alerts begin as often as it says even where a detector claims more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import njit

from engine.domain.batch import Bools, Floats, Int32s
from operators.calibrators.onsets import Onsets
from operators.combine.probes import AnomalyInjector, ScoringRequest
from operators.kernels.record_bank import RecordBank, kernel

LEVEL = 0.001
"""The p-value at which a detector claims an anomaly, or sees one."""
LEAST = 0.5
"""Share of the best detector's odds below which another does not pay."""
ASKED, EVENTS = 128.0, 4_096.0
"""Memory, in planted deviations and in events: what is older fades away."""
ASKED_PRIOR, EVENTS_PRIOR = 2.0, 1_000.0
"""A new detector counts as if it had seen half of so many planted deviations, and claimed as much
as it should in so many events."""

RECORD = np.dtype([("asked", "<f4"), ("found", "<f4"), ("events", "<f4"), ("claims", "<f4")])
"""Of one detector and entity; zeros are a detector never heard."""


class Weights:
    """The weights of k detectors for many entities, one a slot.

    Args of its constructor: capacity, the number of slots; k, the number of detectors.
    """

    def __init__(self, capacity: int, k: int) -> None:
        self._records = np.zeros((capacity, k), RECORD)
        self._plants = AnomalyInjector(capacity)
        self._onsets = Onsets(capacity)
        together = self._plants.bytes_per_entity + self._onsets.bytes_per_entity
        self.bytes_per_entity = k * RECORD.itemsize + together

    def keepers(self, names: Sequence[str]) -> dict[str, RecordBank]:
        """Return all that holds state by slot, under its name; names are the detectors'."""
        own = {f"{name}.weight": _Column(self._records[:, k]) for k, name in enumerate(names)}
        return {"planted": self._plants, "combined": self._onsets, **own}

    def ask(
        self, slots: Int32s, values: Floats, filled: Floats, scales: Floats, learn: Bools
    ) -> ScoringRequest:
        """Return what detectors are to be asked: the events, and planted deviations; see there."""
        return self._plants.plant(slots, values, filled, scales, learn)

    def combine(
        self, slots: Int32s, asked: ScoringRequest, p_values: Floats, learn: Bools
    ) -> tuple[Floats, Floats]:
        """Return combined p-values and the weights before each event, then learn, in order.

        Args:
            slots: int32 [n], the slot of each event's entity.
            asked: the n events, with m planted deviations among them.
            p_values: float64 [n + m, k]; NaN where a detector is not warm: it takes no part.
            learn: bool [n]; False combines without learning.

        Returns:
            float64 [n], NaN where no detector is warm; float64 [n, k], NaN where not warm.
        """
        own, planted = p_values[~asked.planted], p_values[asked.planted]
        before = asked.rows[asked.planted]
        combined, weights = np.empty(len(slots)), np.empty_like(own)
        _weigh(self._records, slots, own, learn, planted, before, combined, weights)
        return self._onsets.p_values(slots, -np.log10(combined), learn), weights

    def total(self, slots: Int32s) -> Floats:
        """Return float64 [k], the weights summed over these slots."""
        total = np.zeros(self._records.shape[1])
        _sum(self._records, slots, total)
        return total


class _Column(RecordBank):
    """What is kept of one detector: a view."""

    def __init__(self, records: Any) -> None:
        self.records = records


@njit(error_model="numpy")
def odds_of(state: Any) -> float:
    """Return how much more often a detector claims what is planted than what comes."""
    sees = (state.found + 0.5 * ASKED_PRIOR) / (state.asked + ASKED_PRIOR)
    claims = (state.claims + LEVEL * EVENTS_PRIOR) / (state.events + EVENTS_PRIOR)
    return sees / max(claims, LEVEL)


@njit(error_model="numpy")
def normalise(weights: Floats) -> None:
    """Turn the odds of detectors into weights; NaN, a detector that is not warm, stays NaN."""
    best, total = 0.0, 0.0
    for odds in weights:
        if odds > best:
            best = odds
    for j in range(len(weights)):
        if weights[j] < LEAST * best:
            weights[j] = 0.0
        if weights[j] > 0.0:
            total += weights[j]
    for j in range(len(weights)):
        weights[j] /= total


@njit(error_model="numpy")
def learn_planted(state: Any, p_value: float) -> None:
    """Note whether a planted deviation was seen."""
    state.asked += 1.0 - state.asked / ASKED
    state.found += (p_value <= LEVEL) - state.found / ASKED


@njit(error_model="numpy")
def learn_event(state: Any, p_value: float) -> None:
    """Note whether an event was claimed to be an anomaly."""
    state.events += 1.0 - state.events / EVENTS
    state.claims += (p_value <= LEVEL) - state.claims / EVENTS


def _loop(  # pragma: no cover - runs compiled
    records: Any,
    slots: Int32s,
    p_values: Floats,
    learns: Bools,
    planted: Floats,
    before: Any,
    combined: Floats,
    weights: Floats,
) -> None:
    m = 0
    for i in range(len(slots)):
        own = records[slots[i]]
        for j in range(len(own)):
            warm = p_values[i, j] == p_values[i, j]
            weights[i, j] = odds_of(own[j]) if warm else np.nan
        normalise(weights[i])
        combined[i] = np.nan
        for j in range(len(own)):
            if weights[i, j] > 0.0:
                combined[i] = np.fmin(combined[i], min(p_values[i, j] / weights[i, j], 1.0))
            if learns[i] and p_values[i, j] == p_values[i, j]:
                learn_event(own[j], p_values[i, j])
        if m < len(before) and before[m] == i:
            for j in range(len(own)):
                if planted[m, j] == planted[m, j]:
                    learn_planted(own[j], planted[m, j])
            m += 1


def _sum_loop(  # pragma: no cover - runs compiled
    records: Any, slots: Int32s, total: Floats
) -> None:
    weights = np.empty(len(total))
    for slot in slots:
        for j in range(len(total)):
            weights[j] = odds_of(records[slot, j])
        normalise(weights)
        total += weights


_weigh = kernel(_loop)
_sum = kernel(_sum_loop)
