"""The kinds of records in the control log, and their fields."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from engine.application.config.issues import invalid
from engine.application.config.quantity import parse_rate
from engine.application.config.silence import Moment, Texts, Zone
from engine.application.config.value_rule import MinDeviationSpec, ValidRange
from engine.application.ports import Settings
from engine.domain.control_change import BudgetChange
from engine.domain.entity_rule import EntityRule
from engine.domain.feedback import Case, Feedback
from engine.domain.silence import Calendar
from engine.domain.value_rule import Direction


class PauseSpec(Settings):
    """Entities are scored, and not learned from, for some event time."""

    entities: Texts = ("*",)
    """Patterns of entity keys."""
    begin: Moment | None = Field(default=None, alias="from")
    """Event time from which on it holds."""
    end: Moment | None = Field(default=None, alias="until")
    """Event time until which it holds."""

    @model_validator(mode="after")
    def _ends_later(self) -> Self:
        if self.begin is not None and self.end is not None and self.begin >= self.end:
            raise invalid("expected a time after from", "until")
        return self


class ResetSpec(Settings):
    """Models of entities start afresh."""

    entities: Texts = Field(min_length=1)
    """Patterns of entity keys."""


class ForgetSpec(Settings):
    """What models of entities learned in a period of event time is taken back."""

    entities: Texts = Field(min_length=1)
    """Patterns of entity keys."""
    begin: Moment = Field(alias="from")
    """Begin of the period."""
    end: Moment = Field(alias="until")
    """Its end."""

    @model_validator(mode="after")
    def _ends_later(self) -> Self:
        if self.begin >= self.end:
            raise invalid("expected a time after from", "until")
        return self


class FeedbackSpec(Settings):
    """A person's word on an anomaly, and the anomaly as far as the rule looks at it."""

    verdict: Literal["false_alarm", "true_alarm"]
    """Whether the alarm was true."""
    anomaly: str
    """Its id."""
    scope: Literal["entity", "value", "pattern", "pipeline"] = "entity"
    """For whom it holds; any value to blame with pipeline."""
    entities: Texts = Field(min_length=1)
    """Patterns of entity keys for which it holds."""
    entity: str
    """Key of the entity of the anomaly."""
    kind: str
    """Of the anomaly."""
    value: str
    """The value to blame."""
    direction: Literal["above", "below", ""]
    """Of what was expected."""
    time_ns: int
    """Event time of the anomaly."""
    evidence: float
    """Powers of ten that its p-value was below the threshold."""
    until_ns: int | None = None
    """Event time until which the entity is not learned from, of a true alarm."""

    def feedback(self, own: str) -> Feedback:
        """Return it in the domain's words; `own` is the id of the record."""
        where = self.entity, self.kind, self.value, self.direction
        case = Case(*where, self.time_ns, self.evidence)
        true = self.verdict == "true_alarm"
        return Feedback(own, true, case, self.entities, any_value=self.scope == "pipeline")


class RuleSpec(Settings):
    """What matters of values of some entities, in place of what the pipeline file says of them."""

    entities: Texts = ("*",)
    """Patterns of entity keys."""
    values: Texts = ()
    """Names of values; all unless given."""
    direction: Direction | None = None
    """Deviations that matter; as before unless given."""
    min_deviation: MinDeviationSpec | None = None
    """The least deviation that matters; as before unless given."""
    valid_range: ValidRange = None
    """[low, high]: a value outside is an anomaly by itself; as before unless given."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.direction is None and self.min_deviation is None and self.valid_range is None:
            raise invalid("expected at least one of direction, min_deviation and valid_range")
        return self

    def rule(self, own: str) -> EntityRule:
        """Return it in the domain's words; `own` is the id of the record."""
        least = self.min_deviation
        return EntityRule(
            name=own,
            entities=self.entities,
            values=frozenset(self.values),
            direction=self.direction,
            least=None if least is None else (least.absolute, least.relative),
            valid_range=self.valid_range,
        )


class CalendarText(Settings):
    """An iCalendar as it was fetched, for the silences of the pipeline file that name it."""

    source: str
    """Tells it from others."""
    where: str
    """It was fetched from there."""
    zone: Zone = "UTC"
    """Of times that name none."""
    text: str
    """The calendar, without what silences do not look at."""

    def calendar(self) -> Calendar:
        """Return it in the domain's words."""
        # The libraries are there where a pipeline file names a calendar.
        from engine.application.live_control.ical import IcalCalendar

        return IcalCalendar(self.text, self.zone)


class BudgetSpec(Settings):
    """Another alert budget than that of the pipeline file."""

    budget: str
    """False alarms accepted on normal data, such as 2/day."""
    per: Literal["entity", "pipeline"] | None = None
    """Who has it; as in the pipeline file unless given."""

    @model_validator(mode="after")
    def _is_rate(self) -> Self:
        parse_rate(self.budget)
        return self

    def __str__(self) -> str:
        return f"{self.budget} per {self.per}" if self.per else self.budget

    def change(self, own: str) -> BudgetChange:
        """Return it in the domain's words; `own` is the id of the record."""
        return BudgetChange(own, parse_rate(self.budget), self.per)


class RevokeSpec(Settings):
    """An earlier record is taken back."""

    id: str
    """Of the record."""
