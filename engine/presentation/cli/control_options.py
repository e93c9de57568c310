"""Options of `pynomaly control`, and the fields of records that they give."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

import typer

from engine.application.config.quantity import parse_positive_duration
from engine.application.live_control.records import now
from engine.domain.errors import FatalError


class AlarmVerdict(StrEnum):
    """What people say of an alarm."""

    FALSE = "false_alarm"
    TRUE = "true_alarm"


class Scope(StrEnum):
    """Which anomalies are similar to one that is judged."""

    ENTITY = "entity"
    VALUE = "value"
    PATTERN = "pattern"
    PIPELINE = "pipeline"


class Direction(StrEnum):
    """Which deviations matter."""

    ABOVE = "above"
    BELOW = "below"
    BOTH = "both"


class Whose(StrEnum):
    """Who has a budget."""

    ENTITY = "entity"
    PIPELINE = "pipeline"


Entities = Annotated[
    list[str] | None,
    typer.Option("--entities", help="Pattern of entity keys, such as 'press-3/*'; again for more."),
]
Values = Annotated[
    list[str] | None, typer.Option("--values", help="Value to blame; again for more.")
]
Begin = Annotated[
    str | None,
    typer.Option(
        "--from", help="Event time at which it begins, such as 2026-03-01T06:00:00+01:00; else now."
    ),
]
End = Annotated[
    str | None, typer.Option("--until", help="Event time at which it ends; else once revoked.")
]
Length = Annotated[str | None, typer.Option("--for", help="How long it holds, such as 2h.")]
Patterns = Annotated[
    list[str], typer.Option("--entities", help="Pattern of entity keys; again for more.")
]
Since = Annotated[str, typer.Option("--from", help="Event time at which the period begins.")]
Until = Annotated[str, typer.Option("--until", help="Event time at which it ends.")]
Side = Annotated[
    Direction | None, typer.Option(help="Deviations that matter.", show_default="as before")
]
Absolute = Annotated[
    float | None, typer.Option("--min-absolute", help="Least deviation, in the value's unit.")
]
Relative = Annotated[
    float | None,
    typer.Option("--min-relative", help="Least deviation, as a share of what is expected."),
]
Low = Annotated[float | None, typer.Option(help="Values below are anomalies at once.")]
High = Annotated[float | None, typer.Option(help="Values above are anomalies at once.")]
Rate = Annotated[str, typer.Argument(help="False alarms accepted, such as 2/day.")]
Per = Annotated[Whose | None, typer.Option(help="Who has it.", show_default="as in the file")]
Why = Annotated[str, typer.Option("--why", help="The reason, for people who read it later.")]
Who = Annotated[
    str | None, typer.Option("--who", help="Its author; the user of this shell unless given.")
]


def whose(entities: list[str] | None, values: list[str] | None = None) -> dict[str, Any]:
    """Return the fields of a record that name entities and values."""
    found: dict[str, Any] = {"entities": entities} if entities else {}
    return found | ({"values": values} if values else {})


def deviations(
    direction: Direction | None,
    absolute: float | None,
    relative: float | None,
    low: float | None,
    high: float | None,
) -> dict[str, Any]:
    """Return the fields of a rule that say which deviations matter."""
    found: dict[str, Any] = {} if direction is None else {"direction": direction.value}
    least = {"absolute": absolute, "relative": relative}
    if given := {name: number for name, number in least.items() if number is not None}:
        found["min_deviation"] = given
    return found if low is None and high is None else found | {"valid_range": [low, high]}


def budget_of(rate: str, per: Whose | None) -> dict[str, str]:
    """Return the fields of a budget."""
    return {"budget": rate} | ({} if per is None else {"per": per.value})


def when(begin: str | None, end: str | None, length: str | None, given: datetime) -> dict[str, str]:
    """Return from and until; a span without a beginning begins when the command was given.

    Raises:
        FatalError: the length is not a duration, or both end and length are given.
    """
    begin = begin or given.isoformat()
    if length is None:
        return {"from": begin} | ({} if end is None else {"until": end})
    if end is not None:
        raise FatalError("give one of --until and --for")
    try:
        return {
            "from": begin,
            "until": (datetime.fromisoformat(begin) + _length(length)).isoformat(),
        }
    except ValueError:
        return {"from": begin}


def span_of(begin: str | None, end: str | None, length: str | None) -> dict[str, str]:
    """Return from and until; without both a record begins once the server has it."""
    return {} if (begin, end, length) == (None, None, None) else when(begin, end, length, now())


def _length(text: str) -> timedelta:
    try:
        return parse_positive_duration(text)
    except Exception as error:
        raise FatalError(f'--for: "{text}": expected a duration such as 2h') from error


def with_hours(weekly: str | None, zone: str | None) -> dict[str, Any]:
    """Return the field of a silence for hours of the week, if there are any.

    Args:
        weekly: days and hours of local time, such as "sat,sun 22:00-06:00".
        zone: in which these are.

    Raises:
        FatalError: the text has another form, or there is a zone alone.
    """
    if weekly is None:
        if zone is not None:
            raise FatalError("--zone goes with --weekly")
        return {}
    *days, hours = weekly.split() or [""]
    begin, dash, end = hours.partition("-")
    if not dash or len(days) > 1:
        raise FatalError(
            f'--weekly: "{weekly}": expected days, and hours of local time, such as '
            "'sat,sun 22:00-06:00'; without days it holds every day"
        )
    found: dict[str, Any] = {"from": begin, "until": end} | ({"zone": zone} if zone else {})
    return {"weekly": found | ({"days": days[0].split(",")} if days else {})}
