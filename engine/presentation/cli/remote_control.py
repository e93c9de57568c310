"""`pynomaly --server URL silences|feedback ...`: what holds while pipelines of a server run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from engine.presentation.cli.control_options import (
    AlarmVerdict,
    Begin,
    End,
    Entities,
    Length,
    Scope,
    Values,
    span_of,
    whose,
    with_hours,
)
from engine.presentation.cli.remote import Name, Why, open_client
from engine.presentation.cli.table import As, Format, print_rows

silences = typer.Typer(
    help="Silences of a server's pipelines: mute alerts for a while.", no_args_is_help=True
)
feedback = typer.Typer(
    help="Feedback on alarms of a server: false ones, and true ones.", no_args_is_help=True
)
SILENCE = ("id", "entities", "values", "from", "until", "weekly", "who", "when", "why")
RECORD = ("id", "who", "when", "why")
Weekly = Annotated[
    str | None,
    typer.Option(help="Hours of the week in which it holds, such as 'sat,sun 22:00-06:00'."),
]
Zone = Annotated[str | None, typer.Option(help="Time zone of --weekly; else event.timezone.")]
Last = Annotated[int, typer.Option(help="Past anomalies to examine.", min=1, max=1_000)]
Verdict = Annotated[AlarmVerdict, typer.Argument(help="What the alarm was.")]
Alarm = Annotated[str, typer.Argument(help="Id of an anomaly, or of an incident.")]
Similar = Annotated[Scope, typer.Option(help="For which similar anomalies it holds.")]


@silences.command("ls")
def list_silences(
    context: typer.Context,
    name: Name,
    past: Annotated[bool, typer.Option("--all", help="Those that are over, too.")] = False,
    output: As = Format.TABLE,
) -> None:
    """List the silences of a pipeline that are in force."""
    with open_client(context) as client:
        found = client.control_records(name, past=past)
    _print_silences([one for one in found if one["kind"] == "silence"], output)


@silences.command()
def add(
    context: typer.Context,
    name: Name,
    entities: Entities = None,
    values: Values = None,
    begin: Begin = None,
    end: End = None,
    length: Length = None,
    weekly: Weekly = None,
    zone: Zone = None,
    publish: Annotated[
        bool, typer.Option("--publish", help="Publish what it mutes, with suppressed_by.")
    ] = False,
    learn: Annotated[bool, typer.Option("--learn", help="Let models learn meanwhile.")] = False,
    why: Why = "",
    output: As = Format.TABLE,
) -> None:
    """Mute alerts of a pipeline from now on, as for a maintenance window."""
    fields = _silence(entities, values, begin, end, length, weekly, zone)
    fields |= {"publish": publish, "learn": learn}
    with open_client(context) as client:
        found = client.control_pipeline(name, "silence", fields, why)
    _print_silences([found], output)


@silences.command()
def preview(
    context: typer.Context,
    name: Name,
    entities: Entities = None,
    values: Values = None,
    begin: Begin = None,
    end: End = None,
    length: Length = None,
    weekly: Weekly = None,
    zone: Zone = None,
    last: Last = 30,
    output: As = Format.TABLE,
) -> None:
    """Say how many past anomalies a silence fits; -o json has their ids."""
    fields = _silence(entities, values, begin, end, length, weekly, zone)
    with open_client(context) as client:
        found = client.preview_silence(name, fields, last)
    print_rows([found], ("muted", "last"), output)


@silences.command()
def revoke(
    context: typer.Context,
    name: Name,
    record: Annotated[str, typer.Argument(help="Such as silence-3; see `ls`.")],
    why: Why = "",
    output: As = Format.TABLE,
) -> None:
    """End a silence of a pipeline."""
    with open_client(context) as client:
        found = client.revoke_control(name, record, why)
    print_rows([found], RECORD, output)


@feedback.command()
def give(
    context: typer.Context,
    name: Name,
    verdict: Verdict,
    alarm: Alarm,
    scope: Similar = Scope.ENTITY,
    entities: Entities = None,
    why: Why = "",
    output: As = Format.TABLE,
) -> None:
    """Mark an alarm as false or true: similar ones need more evidence, or less."""
    given = _feedback(verdict, alarm, scope, entities, why)
    with open_client(context) as client:
        found = client.give_feedback(name, given)
    print_rows([found], RECORD, output)


@feedback.command("preview")
def preview_feedback(
    context: typer.Context,
    name: Name,
    verdict: Verdict,
    alarm: Alarm,
    scope: Similar = Scope.ENTITY,
    entities: Entities = None,
    last: Last = 30,
    output: As = Format.TABLE,
) -> None:
    """Say how many past anomalies would not have alerted after feedback."""
    with open_client(context) as client:
        found = client.preview_feedback(name, _feedback(verdict, alarm, scope, entities, ""), last)
    print_rows([found], ("muted", "last", "needs"), output)


def _silence(
    entities: list[str] | None,
    values: list[str] | None,
    begin: str | None,
    end: str | None,
    length: str | None,
    weekly: str | None,
    zone: str | None,
) -> dict[str, Any]:
    """Return the fields of a silence."""
    span = span_of(begin, end, length)
    return {**whose(entities, values), **span, **with_hours(weekly, zone)}


def _feedback(
    verdict: AlarmVerdict, alarm: str, scope: Scope, entities: list[str] | None, why: str
) -> dict[str, Any]:
    judged = {"anomaly": alarm, "verdict": verdict.value, "scope": scope.value}
    return {**judged, **whose(entities), "why": why}


def _print_silences(found: Sequence[Mapping[str, Any]], output: Format) -> None:
    if output is not Format.TABLE:
        print_rows(found, (), output)
        return
    rows = []
    for one in found:
        fields = dict.fromkeys(SILENCE) | one["fields"]
        listed = {name: ", ".join(fields[name] or ()) for name in ("entities", "values")}
        rows.append({**fields, **one, **listed})
    print_rows(rows, SILENCE)
