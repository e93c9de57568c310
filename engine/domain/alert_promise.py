"""What an alert policy promises, in plain words: for `validate`, the log and the documentation."""

from __future__ import annotations

from engine.domain.alert_policy import (
    AlertPolicy,
    Budget,
    FalseDiscoveryRate,
    PValueThreshold,
    ScoreThreshold,
)


def promise(policy: AlertPolicy) -> str:
    """Return what the policy accepts, as far as it is known without any event."""
    if isinstance(policy, Budget):
        accepted = f"at most {_a_day(policy.per_day)} for {_whose(policy)}"
        if policy.scope == "entity":
            return accepted
        return f"{accepted}, and {_a_day(policy.entity_share)} for one entity alone"
    if isinstance(policy, PValueThreshold):
        return f"an event alerts at p <= {policy.p_value:.2g}; no number of false alarms is bounded"
    if isinstance(policy, FalseDiscoveryRate):
        return f"at most {policy.share:.0%} of the incidents of all entities are false alarms"
    return _raw(policy)


def unknown_yet(policy: AlertPolicy) -> str:
    """Return what only events can tell; "" where nothing depends on them."""
    if isinstance(policy, Budget):
        return (
            "the threshold is the budget divided by the events a day, "
            "which are measured while the pipeline runs"
        )
    return ""


def in_force(
    policy: AlertPolicy, entities: int, events_per_day: float, threshold: float | None = None
) -> str:
    """Return what the policy means for a stream whose rates are known.

    Args:
        policy: how alerts are decided.
        entities: how many there are.
        events_per_day: of all of them together, above 0.
        threshold: the mean p-value threshold in force; None where it is to be derived, as if all
            entities sent equally often.
    """
    stream = f"{_count(entities, 'entity', 'entities')}, {_rounded(events_per_day)} events a day"
    if isinstance(policy, ScoreThreshold):
        return f"{stream}: {_raw(policy)}"
    if isinstance(policy, FalseDiscoveryRate):
        return f"{stream}: {promise(policy)}"
    if threshold is None:
        threshold = policy.threshold_of_equals(entities, events_per_day)
    expected = threshold * events_per_day
    return (
        f"{stream}: an event needs p <= {threshold:.2g}; "
        f"at most {_rounded(expected)} false alarms a day are expected"
    )


def _raw(policy: ScoreThreshold) -> str:
    return (
        f"an event alerts where {policy.detector} scores above {policy.above:g}; "
        "no number of false alarms is promised"
    )


def _whose(policy: Budget) -> str:
    return "each entity" if policy.scope == "entity" else "the whole pipeline"


def _a_day(count: float) -> str:
    """Write a rate as people say it: 10 false alarms a day, 1 in 10 days, 1 a week."""
    if count >= 1:
        return f"{count:g} false {'alarm' if count == 1 else 'alarms'} a day"
    if _is_whole(count * 7):
        return f"{count * 7:g} false {'alarm' if count * 7 < 1.5 else 'alarms'} a week"
    return f"1 false alarm in {1 / count:.3g} days"


def _is_whole(number: float) -> bool:
    return abs(number - round(number)) < 1e-9 and round(number) > 0


def _count(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"


def _rounded(number: float) -> str:
    """Write a positive number with two to three digits: 72,000 but 4.9."""
    if number >= 100:
        step = 10 ** (len(str(int(number))) - 3)
        return f"{round(number / step) * step:,}"
    return f"{number:.2g}"
