"""Feedback: how judged anomalies change the evidence that similar ones need."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from math import exp2, log10

from engine.domain.time_units import NS_PER_DAY

HALF_LIFE_NS = 30 * NS_PER_DAY
"""Event time in which what was asked for becomes half as much."""
MORE, LESS = 1.0, 0.5
"""Powers of ten of the p-value: so much more than a false alarm had, and less than the threshold,
has an anomaly to have that is similar to a false alarm, or to a true one."""
LEAST_P_VALUE = 1e-300
PLAIN_THRESHOLD = 1e-4
"""Stands for the threshold of what was found by a raw score."""


@dataclass(frozen=True, slots=True)
class Case:
    """An anomaly, as far as feedback looks at it.

    Attributes:
        entity: its key.
        kind: what it is.
        value: name of the value to blame.
        direction: above or below what was expected; "" if that is not known.
        time: event time in ns.
        evidence: powers of ten that its p-value is below the threshold.
    """

    entity: str
    kind: str
    value: str
    direction: str
    time: int
    evidence: float


@dataclass(frozen=True, slots=True)
class Feedback:
    """A person's word on an anomaly.

    Attributes:
        id: of the control record.
        is_true: whether the alarm was true.
        case: the anomaly.
        entities: patterns of the keys that it holds for.
        any_value: whether it holds whatever value is to blame.
    """

    id: str
    is_true: bool
    case: Case
    entities: tuple[str, ...]
    any_value: bool = False

    def fits(self, entity: str) -> bool:
        """Return whether it holds for an entity."""
        return any(fnmatchcase(entity, pattern) for pattern in self.entities)

    def concerns(self, case: Case) -> bool:
        """Return whether an anomaly is similar to the one that was judged."""
        own = self.case
        same = (own.kind, own.direction) == (case.kind, case.direction)
        return same and (self.any_value or own.value == case.value) and self.fits(case.entity)

    def margin(self, time: int) -> float:
        """Return the evidence that it asks for at an event time; below 0 is less than usual."""
        share = exp2(-max(time - self.case.time, 0) / HALF_LIFE_NS)
        return share * (-LESS if self.is_true else max(self.case.evidence, 0.0) + MORE)


def needed(feedback: Iterable[Feedback], case: Case) -> tuple[float, str | None]:
    """Return the evidence that an anomaly needs to alert, and the feedback that says so.

    Of false alarms the one that asks for most counts. A true alarm takes back what earlier false
    alarms ask for.

    Args:
        feedback: in force, in the order of the control log.
        case: the anomaly.
    """
    most, by = 0.0, None
    for one in feedback:
        if not one.concerns(case):
            continue
        margin = one.margin(case.time)
        if one.is_true or margin > most:
            most, by = margin, one.id
    return most, by


def evidence_of(p_value: float, threshold: float | None) -> float:
    """Return how many powers of ten a p-value is below the threshold."""
    held_against = PLAIN_THRESHOLD if threshold is None else threshold
    return log10(held_against / max(p_value, LEAST_P_VALUE))


def direction_of(value: float | None, low: float | None, high: float | None) -> str:
    """Return whether a value lies above or below the middle of what was expected."""
    if value is None or low is None or high is None:
        return ""
    return "above" if value > (low + high) / 2 else "below"
