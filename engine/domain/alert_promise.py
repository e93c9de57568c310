"""What an alert policy promises, in plain words: for `validate`, the log and the documentation."""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.domain.alert_policy import (
    AlertPolicy,
    Budget,
    FalseDiscoveryRate,
    PValueThreshold,
    ScoreThreshold,
)


@dataclass(frozen=True, slots=True)
class AlertPromise:
    """What the alert policy of a pipeline promises with its detectors.

    Attributes:
        policy: how alerts are decided.
        unbounded: names of the detectors whose p-values are not known to keep a budget.
    """

    policy: AlertPolicy
    unbounded: tuple[str, ...] = ()

    def of(self, policy: AlertPolicy) -> AlertPromise:
        """Return what another policy promises with the same detectors."""
        return replace(self, policy=policy)

    def known(self) -> str:
        """Return what the policy accepts, as far as it is known without any event."""
        policy = self.policy
        bound = "about" if self.unbounded else "at most"
        if isinstance(policy, Budget):
            accepted = f"{bound} {_a_day(policy.per_day)} for {_whose(policy)}"
            if policy.scope == "entity":
                return accepted
            return f"{accepted}, and {_a_day(policy.entity_share)} for one entity alone"
        if isinstance(policy, PValueThreshold):
            least = f"an event alerts at p <= {policy.p_value:.2g}"
            return f"{least}; no number of false alarms is bounded"
        if isinstance(policy, FalseDiscoveryRate):
            return f"{bound} {policy.share:.0%} of the incidents of all entities are false alarms"
        return _raw(policy)

    def unknown_yet(self) -> str:
        """Return what is known only from events; "" if nothing depends on them."""
        if isinstance(self.policy, Budget):
            return (
                "the threshold is the budget divided by the events a day, "
                "which are measured while the pipeline runs"
            )
        return ""

    def caveat(self) -> str:
        """Return what the detectors do not promise; "" if the policy is kept."""
        if not self.unbounded or isinstance(self.policy, ScoreThreshold):
            return ""
        names = ", ".join(self.unbounded)
        return (
            f"no bound on false alarms is promised for {names}: heavy tails and moving levels give "
            "several times what the policy accepts (docs/alerts.md); auto keeps a budget"
        )

    def in_force(self, entities: int, events_per_day: float, threshold: float | None = None) -> str:
        """Return what the policy means for a stream whose rates are known.

        Args:
            entities: how many there are.
            events_per_day: of all of them together, above 0.
            threshold: the mean p-value threshold in force; None if it is to be derived, as if
                all entities sent equally often.
        """
        policy = self.policy
        count = _count(entities, "entity", "entities")
        stream = f"{count}, {_rounded(events_per_day)} events a day"
        if isinstance(policy, ScoreThreshold | FalseDiscoveryRate):
            return f"{stream}: {self.known()}"
        if threshold is None:
            threshold = policy.threshold_of_equals(entities, events_per_day)
        shown = _rounded(threshold * events_per_day)
        expected = f"{shown} false {'alarm' if shown == '1' else 'alarms'} a day"
        rule = f"{stream}: an event needs p <= {threshold:.2g}"
        if self.unbounded:
            return f"{rule}, for about {expected}; no bound is promised"
        return f"{rule}; at most {expected} are expected"

    def kept(self, incidents: int, expected: float) -> str:
        """Return what came of it: incidents, beside the false alarms that were accepted.

        Those of rules and absences are not among them: chance plays no part in these.
        """
        if isinstance(self.policy, ScoreThreshold):
            return self.known()
        accepted = "about" if self.unbounded else "at most"
        found = _count(incidents, "incident", "incidents")
        return f"{found} found by detectors; {accepted} {expected:,.1f} false alarms were expected"


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
