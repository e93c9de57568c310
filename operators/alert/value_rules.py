"""The rules of values: which events they make anomalies, and which anomalies they mute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from engine.domain.alert_policy import Severity
from engine.domain.anomaly import Anomaly, ValuePart
from engine.domain.batch import Bools, Floats
from engine.domain.kinds import OUT_OF_RANGE
from engine.domain.value_rule import ValueRule
from operators.alert.drafts import blamed, summary_of


class ValueRules:
    """The rules of all values of a pipeline, by the indices of the values.

    Args:
        rules: rules of the pipeline.
        names: names of the values.
        records: ids of the control records that the rules come from, by the indices of the values.
    """

    def __init__(
        self,
        rules: Sequence[ValueRule | None],
        names: Sequence[str],
        records: Mapping[int, str] | None = None,
    ) -> None:
        found = {k: rule for k, rule in enumerate(rules) if rule is not None}
        self._names = names
        self._records = records or {}
        self._gates = {k: rule for k, rule in found.items() if rule.gates}
        self._bounds = {k: rule for k, rule in found.items() if rule.bounds}
        self._columns = [*self._bounds]
        bounds = self._bounds.values()
        self._low = np.array([-np.inf if r.low is None else r.low for r in bounds])
        self._high = np.array([np.inf if r.high is None else r.high for r in bounds])

    def outside(self, values: Floats) -> list[int]:
        """Return the rows with a value outside of its valid range; a gap is not outside."""
        if not self._bounds:
            return []
        return np.flatnonzero(self._misfits(values).any(axis=1)).tolist()

    def out_of_range(self, anomaly: Anomaly, row: Floats) -> Anomaly:
        """Return the anomaly of an event that has a value outside of its valid range.

        Values outside share the contribution, and their valid range is what was expected.

        Args:
            anomaly: the anomaly of the detectors.
            row: float64 [d], the values.
        """
        misfits = self._misfits(row[None])[0]
        outside = {k for k, misfit in zip(self._columns, misfits, strict=True) if misfit}
        values = tuple(
            replace(part, contribution=1 / len(outside), **self._range(k))
            if k in outside
            else replace(part, contribution=0.0)
            for k, part in enumerate(anomaly.values)
        )
        first = min(outside)
        bounds = [*self._range(first).values()]
        certain = Severity.CRITICAL if anomaly.severity is Severity.CRITICAL else Severity.MAJOR
        rule = {"value": self._names[first], "valid_range": bounds, **self._record(first)}
        found = replace(anomaly, kind=OUT_OF_RANGE, values=values, severity=certain)
        sentence = summary_of(OUT_OF_RANGE, values, anomaly.p_value)
        return replace(found, summary=sentence, score=1.0, threshold=None, rule=rule)

    def objection(self, anomaly: Anomaly) -> str | None:
        """Return the reason to mute an anomaly: the rule with the largest contribution against it.

        An anomaly is muted if values whose rules object contribute more than half of it.
        """
        if not self._gates:
            return None
        kind, parts = anomaly.kind, anomaly.values
        objections = [
            (parts[k].contribution, reason)
            for k, rule in self._gates.items()
            if (reason := _objection(rule, kind, parts[k])) is not None
        ]
        if sum(share for share, _ in objections) <= 0.5:
            return None
        return max(objections)[1]

    def passed(self, anomaly: Anomaly) -> Anomaly:
        """Return an anomaly with the rule that it has passed: that of the value to blame."""
        k = blamed(anomaly.values) if self._gates else -1
        if (rule := self._gates.get(k)) is None:
            return anomaly
        found = {"value": self._names[k], **rule.gate_document(), **self._record(k)}
        return replace(anomaly, rule=found)

    def _record(self, k: int) -> dict[str, str]:
        return {"control": self._records[k]} if k in self._records else {}

    def _misfits(self, values: Floats) -> Bools:
        held = values[:, self._columns]
        misfits: Bools = (held < self._low) | (held > self._high)
        return misfits

    def _range(self, k: int) -> dict[str, Any]:
        rule = self._bounds[k]
        return {"expected_low": rule.low, "expected_high": rule.high}


def _objection(rule: ValueRule, kind: str, part: ValuePart) -> str | None:
    if part.value is None or part.expected_low is None or part.expected_high is None:
        return None
    return rule.objection(kind, part.value, (part.expected_low + part.expected_high) / 2)
