"""The event time in the pipeline file."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BeforeValidator, WithJsonSchema, field_validator, model_validator

from engine.application.config.issues import invalid
from engine.application.config.json_path import PATH_SCHEMA, JsonPath
from engine.application.config.time_step import Step
from engine.application.ports import Settings
from engine.domain.errors import nearest
from engine.domain.mapping import EXCEL_FORMATS, TimeField, TimeUnit, has_year

PROBE = datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC)


def _listed(value: object) -> object:
    if not isinstance(value, (str, list)) or not value:
        raise invalid("expected a path to a field, or a list of paths")
    return [value] if isinstance(value, str) else value


def _since(value: object) -> object:
    if value in ("epoch", "message") or isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise invalid("expected epoch, message, or a date such as 1904-01-01") from None


class TimeSpec(Settings):
    """Path of the event time, and how it is written: a unit or a format."""

    path: Annotated[
        tuple[JsonPath, ...],
        BeforeValidator(_listed),
        WithJsonSchema(
            {"anyOf": [PATH_SCHEMA, {"type": "array", "items": PATH_SCHEMA, "minItems": 1}]}
        ),
    ]
    """Path of the field, or of several that are one time together: [Date, Time]."""
    unit: TimeUnit | None = None
    """Unit of a number since 1970: s, ms, us, ns, 100ns or d (days)."""
    since: Annotated[Literal["epoch", "message"] | date, BeforeValidator(_since)] = "epoch"
    """What a number counts from: 1970, the message's own timestamp, where -5 s is earlier, or a
    date, such as 1904-01-01 of LabVIEW; 1601-01-01 and 0001-01-01 with unit: 100ns are Windows'
    FILETIME and the ticks of .NET."""
    format: str | None = None
    """Format of a text: iso8601, rfc2822 (Sun, 29 Nov 2026 20:00:00 +0000), or strptime codes such
    as %d/%m/%Y %H:%M:%S, %Z and %z too; without a year, as syslog's %b %d %H:%M:%S, it is the last
    in which the time is not ahead of its message. Of a number: excel, the days since 1900 that
    Excel shows as a time, or excel1904; wincc, millionths of these days (Time_ms)."""
    zone: str | None = None
    """Time zone of texts that name none, such as Europe/Berlin; UTC unless given."""
    step: Step = None
    """Time between samples of a message that explode makes events of, of which path has the first:
    1ms, or {path: rate, unit: Hz}."""

    @field_validator("zone")
    @classmethod
    def _is_a_zone(cls, zone: str | None) -> str | None:
        if zone is not None:
            try:
                ZoneInfo(zone)
            except (KeyError, ValueError, OSError):
                near = nearest(zone, available_timezones())
                raise invalid(f"expected a time zone such as Europe/Berlin.{near}") from None
        return zone

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.unit is None) == (self.format is None):
            raise invalid(
                "expected either unit (s, ms, us, ns) or format (iso8601, strptime codes)"
            )
        if self.format not in (None, "iso8601", "rfc2822", *EXCEL_FORMATS):
            _check_format(str(self.format))
        if self.unit is not None and self.zone is not None:
            raise invalid("expected format beside it, and not unit: it is for texts", "zone")
        if self.unit is None and self.since != "epoch":
            raise invalid("expected unit beside it: a number counts from there", "since")
        if self.unit is not None and len(self.path) > 1:
            raise invalid("expected one path, or format: several are texts together", "path")
        return self

    def field(self) -> TimeField:
        """Return the time in the domain's words."""
        path, *also = self.path
        step = None if self.step is None else self.step.step()
        since = str(self.since)
        return TimeField(path, self.unit, self.format, tuple(also), self.zone, since, step)


def _check_format(text: str) -> None:
    asked = text.replace("%Z", "%z")
    if not has_year(asked):
        asked = f"%Y {asked}"
    try:
        read = datetime.strptime(PROBE.strftime(asked), asked)
    except ValueError as error:
        raise invalid(f"expected iso8601 or strptime codes: {error}", "format") from None
    # Of months, such as %Y-%m, the first day is meant.
    if read.date() not in (PROBE.date(), PROBE.date().replace(day=1)):
        codes = "strptime codes that give month and day, or year and month"
        raise invalid(f"expected iso8601, or {codes}", "format")
