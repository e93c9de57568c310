"""Control records as they stand in the log: one JSON document each."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal, Self

from pydantic import Field, ValidationError, model_validator

from engine.application.config.issues import invalid
from engine.application.config.silence import Moment, SilenceSpec, Texts
from engine.application.ports import Settings
from engine.domain.control_change import Reset
from engine.domain.errors import FatalError
from engine.domain.feedback import Case, Feedback
from engine.domain.silence import Silence, nanoseconds

Kind = Literal["silence", "pause", "reset", "feedback", "revoke"]
STANDING: tuple[Kind, ...] = ("silence", "pause", "feedback")
"""Kinds that hold until they end or are revoked."""


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


class FeedbackSpec(Settings):
    """A person's word on an anomaly, and the anomaly as far as the rule looks at it."""

    verdict: Literal["false_alarm", "true_alarm"]
    """Whether somebody had to know of it."""
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


class RevokeSpec(Settings):
    """An earlier record is taken back."""

    id: str
    """Of the record."""


class ControlRecord(Settings):
    """One record of the control log."""

    id: str
    """Kind and number, such as silence-3."""
    number: int = Field(ge=1)
    """Place in the log, from 1."""
    who: str
    """Who wrote it."""
    when: Moment
    """When, by the clock on the wall."""
    why: str = ""
    """For people who read it later."""
    silence: SilenceSpec | None = None
    pause: PauseSpec | None = None
    reset: ResetSpec | None = None
    feedback: FeedbackSpec | None = None
    revoke: RevokeSpec | None = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        said = [self.silence, self.pause, self.reset, self.feedback, self.revoke]
        if sum(one is not None for one in said) != 1:
            raise invalid("expected one of silence, pause, reset, feedback, revoke")
        return self

    @property
    def kind(self) -> Kind:
        """What it is."""
        kinds: tuple[Kind, ...] = ("silence", "pause", "reset", "feedback", "revoke")
        return next(kind for kind in kinds if getattr(self, kind) is not None)

    @property
    def end(self) -> datetime | None:
        """Event time at which it ends; None where it does not by itself."""
        said = self.silence or self.pause
        return None if said is None else said.end

    @property
    def entities(self) -> tuple[str, ...]:
        """Patterns of the keys that it holds for."""
        said = self.silence or self.pause or self.reset or self.feedback
        return () if said is None else said.entities

    def silences(self) -> tuple[Silence, ...]:
        """Return it as a silence in the domain's words, if it acts as one."""
        if self.silence is not None:
            named = self.silence.model_copy(update={"name": self.silence.name or self.id})
            return (named.silence(self.number),)
        if self.feedback is not None and self.feedback.until_ns is not None:
            return (_unlearned(self.id, self.feedback, self.feedback.until_ns),)
        if self.pause is None:
            return ()
        begin, end = self.pause.begin, self.pause.end
        return (
            Silence(
                name=self.id,
                entities=self.pause.entities,
                begin=None if begin is None else nanoseconds(begin),
                end=None if end is None else nanoseconds(end),
                mutes=False,
            ),
        )

    def resets(self) -> tuple[Reset, ...]:
        """Return it as a reset in the domain's words, if it is one."""
        return () if self.reset is None else (Reset(self.reset.entities),)

    def feedbacks(self) -> tuple[Feedback, ...]:
        """Return it as feedback in the domain's words, if it is some."""
        return () if self.feedback is None else (self.feedback.feedback(self.id),)

    def line(self) -> bytes:
        """Return it as a line of the log."""
        text = self.model_dump_json(by_alias=True, exclude_none=True, exclude_defaults=True)
        return text.encode() + b"\n"


def _unlearned(own: str, said: FeedbackSpec, until: int) -> Silence:
    """Return the pause of learning from the entity of a true alarm."""
    key = "".join(f"[{c}]" if c in "*?[" else c for c in said.entity)
    return Silence(own, (key,), begin=said.time_ns, end=until, mutes=False)


def read_record(line: bytes) -> ControlRecord:
    """Read a line of the log.

    Raises:
        FatalError: it is no record.
    """
    try:
        return ControlRecord.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the line"
        raise FatalError(f"no control record: {place}: {first['msg']}") from error


def now() -> datetime:
    """Return the time by the clock on the wall, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


def in_force(records: list[ControlRecord], at: datetime | None = None) -> list[ControlRecord]:
    """Return the standing records that nobody has revoked, in the order of the log.

    Args:
        records: of a log.
        at: leave out those that have ended before; None leaves out none.
    """
    revoked = {record.revoke.id for record in records if record.revoke is not None}
    return [
        record
        for record in records
        if record.kind in STANDING
        and record.id not in revoked
        and (at is None or record.end is None or record.end > at)
    ]
