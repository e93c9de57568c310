"""Control records: changes that people make to a pipeline while it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from engine.domain.alert_policy import AlertPolicy, Budget
from engine.domain.entity_rule import EntityRule
from engine.domain.feedback import Feedback
from engine.domain.silence import Calendar, Silence


@dataclass(frozen=True, slots=True)
class Reset:
    """Entities whose models start afresh.

    Attributes:
        entities: patterns of keys; one of them has to fit.
    """

    entities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Forget:
    """Entities whose models forget what they learned from a time on.

    Attributes:
        name: id of the record.
        entities: patterns of keys; one of them has to fit.
        begin: event time in ns: models return to a state that knows of no later event.
    """

    name: str
    entities: tuple[str, ...]
    begin: int


@dataclass(frozen=True, slots=True)
class BudgetChange:
    """Another alert budget than that of the pipeline file.

    Attributes:
        name: id of the record.
        per_day: alerts per day of event time.
        scope: who has it; None: as in the pipeline file.
    """

    name: str
    per_day: float
    scope: Literal["entity", "pipeline"] | None = None


@dataclass(frozen=True, slots=True)
class ControlChange:
    """What the control log says to the steps of a task, from the next event on.

    Attributes:
        silences: all that are in force, in the order of the log; pauses of learning too.
        resets: that come into force now.
        feedback: that is in force, in the order of the log.
        calendars: of silences of the pipeline file, by their sources.
        rules: that are in force, in the order of the log: a later one goes over an earlier one.
        budget: that is in force; None: that of the pipeline file.
        forgets: that come into force now.
        judged: feedback that comes into force now.
        earlier: returns earlier states of the step, the newest first.
    """

    silences: tuple[Silence, ...] = ()
    resets: tuple[Reset, ...] = ()
    feedback: tuple[Feedback, ...] = ()
    calendars: Mapping[str, Calendar] = field(default_factory=dict)
    rules: tuple[EntityRule, ...] = ()
    budget: BudgetChange | None = None
    forgets: tuple[Forget, ...] = ()
    judged: tuple[Feedback, ...] = ()
    earlier: Callable[[], Iterable[bytes]] = tuple

    def silences_with(self, in_file: Sequence[Silence]) -> tuple[Silence, ...]:
        """Return all silences in force, given those of the pipeline file."""
        known = self.calendars
        own = [
            replace(one, calendar=known[one.source]) if one.source in known else one
            for one in in_file
        ]
        return (*own, *self.silences)

    def policy(self, policy: AlertPolicy) -> AlertPolicy:
        """Return the alert policy in force, given that of the pipeline file."""
        changed = self.budget
        if changed is None or not isinstance(policy, Budget):
            return policy
        return replace(policy, per_day=changed.per_day, scope=changed.scope or policy.scope)
