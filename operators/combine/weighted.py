"""Weights of detectors per entity, learned online and without labels.

The odds of a detector are its detection rate over its claim rate. The detection rate is the share
of probes (synthetic anomalies) with a p-value of at most `CLAIM_P`. The claim rate is the share of
all events with such a p-value, and counts only as far as it exceeds what the p-value promises. A
weight is the share of a detector in the sum of the odds. A detector with less than `MIN_ODDS_SHARE`
of the best odds has weight 0.

That claims on mostly normal data cost weight is from SEAD (Shah and others, ICML 2025). Their
p-values alone cannot rank detectors, for small p-values are equally rare on normal data whatever
a detector can see; so the detectors also score probes, as in Goswami and others (ICLR 2023).

The combined p-value is the smallest p / weight (Genovese, Roeder and Wasserman, Biometrika 93,
2006). It is valid for any dependence between detectors with valid p-values, because weights sum to
1 and depend on earlier events only. With equal weights it is Bonferroni's, as `any` is. The result
is calibrated once more by onsets: alerts begin as often as it says, even if a detector claims more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.domain.batch import Bools, Floats, Int32s
from operators.calibrators.onsets import Onsets
from operators.combine.probes import AnomalyInjector, ScoringRequest
from operators.kernels.kernel_part import kernel_part
from operators.kernels.record_bank import RecordBank, kernel

CLAIM_P = 0.001
"""A detector claims an anomaly, or detects a probe, by a p-value of at most this."""
MIN_ODDS_SHARE = 0.5
"""Detectors below this share of the best odds get weight 0."""
MEMORY_PROBES, MEMORY_EVENTS = 128.0, 4_096.0
"""Memory of the detection rate and of the claim rate: older ones fade away."""
PRIOR_PROBES, PRIOR_EVENTS = 2.0, 1_000.0
"""A new detector starts as if it had detected half of this many probes, and as if it had claimed in
this many events as often as its p-value promises."""

RECORD = np.dtype([("asked", "<f4"), ("found", "<f4"), ("events", "<f4"), ("claims", "<f4")])
"""Of one detector and entity; zeros are a detector without any events."""


class Weights:
    """The weights of k detectors for many entities, one a slot.

    Args:
        capacity: number of slots.
        k: number of detectors.
    """

    def __init__(self, capacity: int, k: int) -> None:
        self._records = np.zeros((capacity, k), RECORD)
        self._injector = AnomalyInjector(capacity)
        self._onsets = Onsets(capacity)
        together = self._injector.bytes_per_entity + self._onsets.bytes_per_entity
        self.bytes_per_entity = k * RECORD.itemsize + together

    def keepers(self, names: Sequence[str]) -> dict[str, RecordBank]:
        """Return the parts with state by slot, by name; `names` are those of the detectors."""
        own = {f"{name}.weight": _Column(self._records[:, k]) for k, name in enumerate(names)}
        return {"planted": self._injector, "combined": self._onsets, **own}

    def ask(
        self, slots: Int32s, values: Floats, filled: Floats, scales: Floats, learn: Bools
    ) -> ScoringRequest:
        """Return what the detectors have to score: the events and the probes."""
        return self._injector.inject(slots, values, filled, scales, learn)

    def combine(
        self, slots: Int32s, asked: ScoringRequest, p_values: Floats, learn: Bools
    ) -> tuple[Floats, Floats]:
        """Return combined p-values and the weights before each event, then learn, in order.

        Args:
            slots: int32 [n], the slot of each event's entity.
            asked: the n events and the m probes.
            p_values: float64 [n + m, k]; NaN if a detector is not warm, which leaves it out.
            learn: bool [n]; False combines without learning.

        Returns:
            float64 [n], NaN if no detector is warm; float64 [n, k], NaN if not warm.
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
    """A view of the records of one detector."""

    def __init__(self, records: Any) -> None:
        self.records = records


@kernel_part
def odds_of(state: Any) -> float:
    """Return the detection rate of probes over the claim rate of events."""
    sees = (state.found + 0.5 * PRIOR_PROBES) / (state.asked + PRIOR_PROBES)
    claims = (state.claims + CLAIM_P * PRIOR_EVENTS) / (state.events + PRIOR_EVENTS)
    return sees / max(claims, CLAIM_P)


@kernel_part
def normalise(weights: Floats) -> None:
    """Turn the odds of detectors into weights; NaN, a detector that is not warm, stays NaN."""
    best, total = 0.0, 0.0
    for odds in weights:
        if odds > best:
            best = odds
    for j in range(len(weights)):
        if weights[j] < MIN_ODDS_SHARE * best:
            weights[j] = 0.0
        if weights[j] > 0.0:
            total += weights[j]
    for j in range(len(weights)):
        weights[j] /= total


@kernel_part
def learn_probe(state: Any, p_value: float) -> None:
    """Count a probe, and whether it was detected."""
    state.asked += 1.0 - state.asked / MEMORY_PROBES
    state.found += (p_value <= CLAIM_P) - state.found / MEMORY_PROBES


@kernel_part
def learn_event(state: Any, p_value: float) -> None:
    """Count an event, and whether it was claimed to be an anomaly."""
    state.events += 1.0 - state.events / MEMORY_EVENTS
    state.claims += (p_value <= CLAIM_P) - state.claims / MEMORY_EVENTS


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
                    learn_probe(own[j], planted[m, j])
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
