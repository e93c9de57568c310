"""Context: the last values of each entity, shown with its anomalies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.domain.alert_policy import AlertPolicy, PValueThreshold, ScoreThreshold
from engine.domain.batch import Bools, EventBatch, Floats, Int32s
from engine.domain.detector import State
from engine.domain.entity_rule import EntityRule
from engine.domain.pipeline import Pipeline
from operators.alert.entity_rules import EntityRules
from operators.kernels.record_bank import RecordBank, kernel


def record(length: int, d: int) -> np.dtype[np.void]:
    """Return the record of one entity: how many values it has had, and the last of them."""
    return np.dtype([("count", "<i8"), ("ring", "<f8", (length, d))])


class ContextBank(RecordBank):
    """Remembers the last values of each entity.

    Args:
        capacity: the number of slots.
        pipeline: whose entities they are.
    """

    def __init__(self, capacity: int, pipeline: Pipeline) -> None:
        super().__init__(capacity, record(pipeline.context, len(pipeline.mapping.values)))
        self._length = pipeline.context
        self._policy = pipeline.alert
        self._names = pipeline.detector_names
        self._in_file = pipeline.rules, pipeline.mapping.value_names
        self._rules = EntityRules(*self._in_file)

    def follow(self, rules: Sequence[EntityRule]) -> None:
        """Show values beside what these rules of the control log find, from the next event on."""
        self._rules = EntityRules(*self._in_file, rules)

    def observe(
        self, slots: Int32s, events: EventBatch, late: Bools, p_value: Floats, scores: Floats
    ) -> dict[int, Floats]:
        """Return the values before each event that may become an anomaly, then note its own.

        Args:
            slots: int32 [n], the slot of each event's entity.
            events: the n events; NaN is a gap.
            late: bool [n], whose values are not noted: they are of another time.
            p_value: float64 [n], of the detectors combined.
            scores: float64 [n, k], of each detector.

        Returns:
            By the row of the event, float64 [length, d], the oldest first; less near a beginning.
        """
        asked = _may_alert(self._policy, self._names, p_value, scores)
        asked[self._rules.outside(events)] = True
        rows = np.flatnonzero(asked)
        found = np.empty((len(rows), *self.records.dtype["ring"].shape))
        counts = np.empty(len(rows), np.int64)
        _observe(self.records, slots, events.values, late, asked, counts, found)
        # Places that are still empty come first.
        begins = self._length - np.minimum(counts, self._length)
        return {row: found[k, begins[k] :] for k, row in enumerate(rows.tolist())}

    def last(self, slot: int) -> list[float | None]:
        """Return the newest value of each kind of the entity in a slot; None if it was missing."""
        record = self.records[slot]
        if record["count"] == 0:
            return [None] * record["ring"].shape[1]
        newest = record["ring"][(record["count"] - 1) % self._length]
        return [None if np.isnan(one) else float(one) for one in newest]

    def load(self, state: State) -> None:
        """Fill slots 0, 1, ... with dumped records, even if they remember more or fewer values.

        Raises:
            SnapshotError: not records, more than there are slots, or of another shape.
        """
        stored = state.get("state")
        if isinstance(stored, np.ndarray) and stored.dtype.names == self.records.dtype.names:
            state = {"state": _resized(stored, self._length)}
        super().load(state)


def _may_alert(
    policy: AlertPolicy, names: tuple[str, ...], p_value: Floats, scores: Floats
) -> Bools:
    """Return which events may become anomalies: a few more than do."""
    if isinstance(policy, ScoreThreshold):
        return policy.flags(scores[:, names.index(policy.detector)])
    most = policy.p_value if isinstance(policy, PValueThreshold) else policy.max_p_value
    found: Bools = p_value <= most
    return found


def _resized(stored: Any, length: int) -> Any:
    """Return records with rings of another length; the newest values are kept."""
    before, d = stored.dtype["ring"].shape
    if before == length:
        return stored
    found = np.zeros(len(stored), record(length, d))
    kept = np.minimum(stored["count"], min(before, length))
    found["count"] = kept
    ring, old = found["ring"], stored["ring"]
    for k in range(min(before, length)):
        rows = np.flatnonzero(k < kept)
        places = stored["count"][rows] - kept[rows] + k
        ring[rows, k] = old[rows, places % before]
    return found


def _loop(  # pragma: no cover - runs compiled
    records: Any,
    slots: Int32s,
    values: Floats,
    late: Bools,
    asked: Bools,
    counts: Any,
    found: Floats,
) -> None:
    row = 0
    for i in range(len(slots)):
        state = records[slots[i]]
        length = len(state.ring)
        if asked[i]:
            counts[row] = state.count
            for k in range(length):
                found[row, k] = state.ring[(state.count + k) % length]
            row += 1
        if not late[i]:
            state.ring[state.count % length] = values[i]
            state.count += 1


_observe = kernel(_loop)
