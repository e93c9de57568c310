"""Silences in the pipeline file."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal, Self, get_args
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from engine.application.config.issues import invalid
from engine.application.config.quantity import PositiveDuration
from engine.application.config.url import is_in_the_clear, public_url
from engine.application.ports import Settings
from engine.domain.errors import nearest
from engine.domain.silence import WEEKDAYS, Silence, Weekly, nanoseconds

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def _moment(value: object) -> object:
    try:
        moment = datetime.fromisoformat(str(value)) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise invalid("expected a time with its zone, such as 2026-03-01T06:00:00+01:00")
    return moment


def _clock(value: object) -> object:
    try:
        return time.fromisoformat(value) if isinstance(value, str) else time(-1)
    except ValueError:
        raise invalid('expected a time of the day, such as "22:00"') from None


def known_zone(zone: str) -> str:
    """Return a time zone's name.

    Raises:
        PydanticCustomError: there is none of that name.
    """
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        near = nearest(zone, available_timezones())
        raise invalid(f"expected a time zone such as Europe/Berlin.{near}") from None
    return zone


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    WithJsonSchema({"type": "string", "examples": ["2026-03-01T06:00:00+01:00"]}),
]
Clock = Annotated[
    time,
    BeforeValidator(_clock),
    WithJsonSchema({"type": "string", "examples": ["22:00"]}),
]
Zone = Annotated[str, AfterValidator(known_zone)]
_TEXTS = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
Texts = Annotated[tuple[str, ...], BeforeValidator(_listed), WithJsonSchema(_TEXTS)]


CALENDAR_LIBRARIES = ("httpx", "icalendar", "recurring_ical_events")
SHORTEST_REFRESH = timedelta(seconds=10)


class CalendarSpec(Settings):
    """An iCalendar, whose events are when a silence holds."""

    url: str | None = None
    """Where it is fetched from."""
    path: Path | None = None
    """The .ics file."""
    refresh: PositiveDuration = Field(
        default=timedelta(minutes=15), json_schema_extra={"default": "15m"}
    )
    """Time between two looks at it, at least 10s."""

    def risks(self) -> list[str]:
        """Return what people should know before it is fetched."""
        if self.url is None or not is_in_the_clear(self.url):
            return []
        return [f"{public_url(self.url)}: others can change what is muted; use https"]

    @field_validator("url")
    @classmethod
    def _is_of_the_web(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("http://", "https://")):
            raise invalid("expected the address of a web server, with its protocol")
        return url

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.url is None) == (self.path is None):
            raise invalid("expected either url or path")
        if self.refresh < SHORTEST_REFRESH:
            raise invalid("expected at least 10s", "refresh")
        if not all(map(find_spec, CALENDAR_LIBRARIES)):
            raise invalid("calendars need libraries: pip install 'pynomaly-engine[calendar]'")
        return self

    @property
    def source(self) -> str:
        """What tells it from others, and shows nothing of a URL."""
        return blake2b(str(self.url or self.path).encode(), digest_size=6).hexdigest()

    @property
    def where(self) -> str:
        """Where it lies, for people."""
        return public_url(self.url) if self.url else str(self.path)


class WeeklySpec(Settings):
    """Hours of days of the week."""

    days: tuple[Day, ...] = get_args(Day)
    """Days on which it begins: mon, tue, wed, thu, fri, sat, sun; all unless given."""
    begin: Clock = Field(default=time(0), alias="from", json_schema_extra={"default": "00:00"})
    """Time of the day at which it begins."""
    end: Clock = Field(default=time(0), alias="until", json_schema_extra={"default": "00:00"})
    """Time at which it ends; of the next day where it is not later."""
    zone: Zone | None = None
    """Time zone of both, such as Europe/Berlin; event.timezone unless given."""

    def weekly(self, zone: str) -> Weekly:
        """Return it in the domain's words; `zone` is that of the pipeline."""
        days = frozenset(WEEKDAYS[day] for day in self.days)
        return Weekly(days, self.begin, self.end, self.zone or zone)


class SilenceSpec(Settings):
    """A rule that mutes alerts; its times have to agree with each other."""

    name: str = ""
    """Named in anomalies that are published nevertheless; "silence 1" and so on unless given."""
    entities: Texts = ("*",)
    """Patterns of entity keys: * is any text, ? one character, [ab] one of some."""
    values: Texts = ()
    """Values to blame for which it holds; for all unless given."""
    begin: Moment | None = Field(default=None, alias="from")
    """Event time from which on it holds."""
    end: Moment | None = Field(default=None, alias="until")
    """Event time until which it holds."""
    weekly: WeeklySpec | None = None
    """Hours of the week in which it holds."""
    publish: bool = False
    """Whether anomalies are published all the same, with suppressed_by."""
    learn: bool = False
    """Whether events are learned from meanwhile."""

    @model_validator(mode="after")
    def _ends_later(self) -> Self:
        if self.begin is not None and self.end is not None and self.begin >= self.end:
            raise invalid("expected a time after from", "until")
        return self

    def silence(self, number: int, zone: str = "UTC") -> Silence:
        """Return it in the domain's words.

        Args:
            number: names it if it has no name.
            zone: of the pipeline, for hours of the week that name none.
        """
        return Silence(
            name=self.name or f"silence {number}",
            entities=self.entities,
            values=frozenset(self.values),
            begin=None if self.begin is None else nanoseconds(self.begin),
            end=None if self.end is None else nanoseconds(self.end),
            weekly=None if self.weekly is None else self.weekly.weekly(zone),
            publish=self.publish,
            learn=self.learn,
        )


class FileSilenceSpec(SilenceSpec):
    """A rule that mutes alerts; its times have to agree with each other."""

    calendar: CalendarSpec | None = None
    """An iCalendar in whose events it holds."""

    def silence(self, number: int, zone: str = "UTC") -> Silence:
        """Return it in the domain's words; see `SilenceSpec`."""
        found = super().silence(number, zone)
        return found if self.calendar is None else replace(found, source=self.calendar.source)
