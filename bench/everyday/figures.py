"""Figures: verdicts of one situation or kind, added up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite, isnan, nan

import numpy as np

from bench.everyday.judge import Outcome, Verdict
from bench.everyday.stream import Floats

FEWEST = 6
"""Faults found in a situation, from which on the order of severity is judged."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What an operator had of one detector.

    Attributes:
        faults, plain: how many there were.
        found, plain_found: the share of them that was found; NaN without any.
        chance: share of the plain that the false incidents would have found by chance.
        delay: median minutes of plain ones.
        blame: share of the found whose first message blames a value at fault.
        first_kind, any_kind: share of the found whose kind was named.
        order: rank correlation of strength with size, over those found.
        first, later: share found of each entity's first fault, and from its sixth on.
        false_a_day: false incidents a day of the whole fleet.
        false_messages_a_day: the same of messages.
        precision: true incidents of those true or false.
    """

    faults: int
    plain: int
    found: float
    plain_found: float
    chance: float
    delay: float
    blame: float
    first_kind: float
    any_kind: float
    order: float
    first: float
    later: float
    false_a_day: float
    false_messages_a_day: float
    precision: float


def figures(verdicts: Sequence[Verdict], outcomes: Sequence[Outcome] | None = None) -> Figures:
    """Add verdicts up.

    Args:
        verdicts: of streams.
        outcomes: those of their faults that count; all unless given.
    """
    if outcomes is None:
        outcomes = [outcome for verdict in verdicts for outcome in verdict.outcomes]
    plain = [outcome for outcome in outcomes if outcome.fault.plain]
    found = [outcome for outcome in outcomes if outcome.found]
    found_plain = [outcome for outcome in plain if outcome.found]
    days = sum(verdict.days for verdict in verdicts)
    true = sum(verdict.true_incidents for verdict in verdicts)
    false = sum(verdict.false_incidents for verdict in verdicts)
    blamed = [outcome.blamed for outcome in found_plain if outcome.blamed is not None]
    return Figures(
        len(outcomes),
        len(plain),
        _share(outcome.found for outcome in outcomes),
        _share(outcome.found for outcome in plain),
        mean(outcome.chance for outcome in plain),
        float(np.median([outcome.delay for outcome in found_plain])) if found_plain else nan,
        _share(blamed),
        _share(outcome.first_kind for outcome in found_plain),
        _share(outcome.any_kind for outcome in found_plain),
        _order(found),
        _share(outcome.found for outcome in plain if outcome.order == 0),
        _share(outcome.found for outcome in plain if outcome.order >= 5),
        false / days if days else nan,
        sum(verdict.false_messages for verdict in verdicts) / days if days else nan,
        true / (true + false) if true + false else nan,
    )


def _share(hits: Iterable[bool | None]) -> float:
    counted = [bool(hit) for hit in hits]
    return sum(counted) / len(counted) if counted else nan


def _order(found: Sequence[Outcome]) -> float:
    kept = [outcome for outcome in found if isfinite(outcome.fault.deviations)]
    sizes = np.array([outcome.fault.deviations for outcome in kept])
    if len(kept) < FEWEST or np.ptp(sizes) == 0:
        return nan
    return spearman(sizes, np.array([outcome.strength for outcome in kept]))


def spearman(one: Floats, other: Floats) -> float:
    """Return the rank correlation; NaN if one of them does not vary."""
    first, second = _ranks(one), _ranks(other)
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return nan
    return float(np.corrcoef(first, second)[0, 1])


def _ranks(values: Floats) -> Floats:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts - 1) / 2)[inverse])


def mean(numbers: Iterable[float]) -> float:
    """Return the mean of those that are numbers."""
    known = [number for number in numbers if not isnan(number)]
    return sum(known) / len(known) if known else nan
