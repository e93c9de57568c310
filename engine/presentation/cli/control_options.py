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
Begin = Annotated[str | None, typer.Option("--from", help="Event time at which it begins.")]
End = Annotated[str | None, typer.Option("--until", help="Event time at which it ends.")]
Length = Annotated[str | None, typer.Option("--for", help="How long it holds, such as 2h.")]
Why = Annotated[str, typer.Option("--why", help="For people who read it later.")]
Who = Annotated[
    str | None, typer.Option("--who", help="Who says so; the user of this shell unless given.")
]


def whose(entities: list[str] | None, values: list[str] | None = None) -> dict[str, Any]:
    """Return the fields of a record that name entities and values."""
    found: dict[str, Any] = {"entities": entities} if entities else {}
    return found | ({"values": values} if values else {})


def when(begin: str | None, end: str | None, length: str | None) -> dict[str, str]:
    """Return from and until; a span without a beginning begins now.

    Raises:
        FatalError: the length is not a duration, or both end and length are given.
    """
    begin = begin or now().isoformat()
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


def _length(text: str) -> timedelta:
    try:
        return parse_positive_duration(text)
    except Exception as error:
        raise FatalError(f'--for: "{text}": expected a duration such as 2h') from error
