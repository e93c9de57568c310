"""Control records as they are written in the log: one JSON document each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal, Self, get_args

from pydantic import Field, ValidationError, model_validator

from engine.application.config.issues import invalid
from engine.application.config.silence import Moment, SilenceSpec
from engine.application.live_control.record_types import (
    BudgetSpec,
    CalendarText,
    FeedbackSpec,
    ForgetSpec,
    PauseSpec,
    ResetSpec,
    RevokeSpec,
    RuleSpec,
)
from engine.application.ports import Settings
from engine.domain.control_change import BudgetChange, Forget, Reset
from engine.domain.entity_rule import EntityRule
from engine.domain.errors import FatalError
from engine.domain.feedback import Feedback
from engine.domain.silence import Silence, nanoseconds

Kind = Literal[
    "silence", "pause", "rule", "budget", "calendar", "reset", "forget", "feedback", "revoke"
]
KINDS: tuple[Kind, ...] = get_args(Kind)
STANDING: tuple[Kind, ...] = (
    *("silence", "pause", "rule", "budget", "calendar", "forget", "feedback"),
)
"""Kinds that hold until they end or are revoked."""


class ControlRecord(Settings):
    """One record of the control log."""

    id: str
    """Kind and number, such as silence-3."""
    number: int = Field(ge=1)
    """Place in the log, from 1."""
    who: str
    """Who wrote it."""
    when: Moment
    """When, by the wall clock."""
    why: str = ""
    """For people who read it later."""
    request: str = ""
    """Id of the request to the server that wrote it."""
    trace: str = ""
    """Id of the trace of that request."""
    silence: SilenceSpec | None = None
    pause: PauseSpec | None = None
    rule: RuleSpec | None = None
    budget: BudgetSpec | None = None
    calendar: CalendarText | None = None
    reset: ResetSpec | None = None
    forget: ForgetSpec | None = None
    feedback: FeedbackSpec | None = None
    revoke: RevokeSpec | None = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if sum(getattr(self, kind) is not None for kind in KINDS) != 1:
            raise invalid(f"expected one of {', '.join(KINDS)}")
        return self

    @property
    def kind(self) -> Kind:
        """What it is."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @property
    def end(self) -> datetime | None:
        """Event time at which it ends; None if it does not by itself."""
        spec = self.silence or self.pause or self.forget
        return None if spec is None else spec.end

    @property
    def entities(self) -> tuple[str, ...]:
        """Patterns of the keys that it holds for."""
        learned = self.pause or self.reset or self.forget or self.feedback
        spec = self.silence or self.rule or learned
        return () if spec is None else spec.entities

    def silences(self) -> tuple[Silence, ...]:
        """Return it as a silence in the domain's words, if it acts as one."""
        if self.silence is not None:
            named = self.silence.model_copy(update={"name": self.silence.name or self.id})
            return (named.silence(self.number),)
        if self.feedback is not None and self.feedback.until_ns is not None:
            return (_unlearned(self.id, self.feedback, self.feedback.until_ns),)
        unlearned = self.pause or self.forget
        if unlearned is None:
            return ()
        begin, end = unlearned.begin, unlearned.end
        return (
            Silence(
                name=self.id,
                entities=unlearned.entities,
                begin=None if begin is None else nanoseconds(begin),
                end=None if end is None else nanoseconds(end),
                mutes=False,
            ),
        )

    def resets(self) -> tuple[Reset, ...]:
        """Return it as a reset in the domain's words, if it is one."""
        return () if self.reset is None else (Reset(self.reset.entities),)

    def forgets(self) -> tuple[Forget, ...]:
        """Return it as a period to forget in the domain's words, if it is one."""
        spec = self.forget
        if spec is None:
            return ()
        return (Forget(self.id, spec.entities, nanoseconds(spec.begin)),)

    def feedbacks(self) -> tuple[Feedback, ...]:
        """Return it as feedback in the domain's words, if it is some."""
        return () if self.feedback is None else (self.feedback.feedback(self.id),)

    def rules(self) -> tuple[EntityRule, ...]:
        """Return it as a rule in the domain's words, if it is one."""
        return () if self.rule is None else (self.rule.rule(self.id),)

    def budget_change(self) -> BudgetChange | None:
        """Return it as another budget in the domain's words, if it is one."""
        return None if self.budget is None else self.budget.change(self.id)

    def replaces(self, other: ControlRecord) -> bool:
        """Return whether it replaces an earlier record, as a calendar that has changed does."""
        ours, theirs = self.calendar, other.calendar
        return ours is not None and theirs is not None and ours.source == theirs.source

    def line(self) -> bytes:
        """Return it as a line of the log."""
        text = self.model_dump_json(by_alias=True, exclude_none=True, exclude_defaults=True)
        return text.encode() + b"\n"


def _unlearned(own: str, spec: FeedbackSpec, until: int) -> Silence:
    """Return the pause of learning from the entity of a true alarm."""
    key = "".join(f"[{c}]" if c in "*?[" else c for c in spec.entity)
    return Silence(own, (key,), begin=spec.time_ns, end=until, mutes=False)


def read_record(line: bytes) -> ControlRecord:
    """Read a line of the log.

    Raises:
        FatalError: it is not a record.
    """
    try:
        return ControlRecord.model_validate_json(line)
    except ValidationError as error:
        place, text = first_issue(error)
        raise FatalError(f"no control record: {place or 'the line'}: {text}") from error


def first_issue(error: ValidationError) -> tuple[str, str]:
    """Return the place of the first thing that is wrong with a record, and what it is."""
    first = error.errors(include_url=False)[0]
    issues = first.get("ctx", {}).get("issues")
    inner = map(str, issues[0].place) if issues else ()
    return ".".join([*map(str, first["loc"]), *inner]), issues[0].text if issues else first["msg"]


def now() -> datetime:
    """Return the time by the wall clock, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


def in_force(records: Sequence[ControlRecord], at: datetime | None = None) -> list[ControlRecord]:
    """Return the standing records that nobody has revoked, in the order of the log.

    Args:
        records: of a log.
        at: leave out those that have ended before; None leaves out none.
    """
    revoked = {record.revoke.id for record in records if record.revoke is not None}
    newest = {record.calendar.source: record.id for record in records if record.calendar}
    return [
        record
        for record in records
        if record.kind in STANDING
        and record.id not in revoked
        and (record.calendar is None or newest[record.calendar.source] == record.id)
        and (at is None or record.end is None or record.end > at)
    ]
