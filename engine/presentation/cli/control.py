"""`pynomaly control`: changes a pipeline while it runs."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.application.live_control.records import Kind, now
from engine.application.use_cases.control_log import add_record, records_in_force
from engine.application.use_cases.judge_anomaly import judge
from engine.application.use_cases.newest_event import newest_event_time
from engine.presentation.cli.control_list import print_records
from engine.presentation.cli.control_options import (
    Absolute,
    AlarmVerdict,
    Begin,
    End,
    Entities,
    High,
    Length,
    Low,
    Patterns,
    Per,
    Rate,
    Relative,
    Scope,
    Side,
    Since,
    Until,
    Values,
    Who,
    Why,
    budget_of,
    deviations,
    when,
    whose,
    with_hours,
)
from engine.presentation.cli.control_words import print_fitting, print_record
from engine.presentation.cli.pipeline import open_pipeline
from engine.presentation.cli.table import As, Format

OLD = timedelta(minutes=10)
"""Events that are older than this have not just been sent."""

control = typer.Typer(
    help="Control a running pipeline: silences, pauses, rules, budget, feedback.",
    no_args_is_help=True,
)


@control.callback()
def _common(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The pipeline file.")],
) -> None:
    context.obj = file


@control.command()
def silence(
    context: typer.Context,
    entities: Entities = None,
    values: Values = None,
    begin: Begin = None,
    end: End = None,
    length: Length = None,
    weekly: Annotated[
        str | None,
        typer.Option(help="Hours of the week in which it holds, such as 'sat,sun 22:00-06:00'."),
    ] = None,
    zone: Annotated[
        str | None,
        typer.Option(help="Time zone of --weekly, such as Europe/Berlin; else event.timezone."),
    ] = None,
    name: Annotated[str, typer.Option(help="For suppressed_by; the id unless given.")] = "",
    publish: Annotated[
        bool, typer.Option("--publish", help="Publish what it mutes, with suppressed_by.")
    ] = False,
    learn: Annotated[bool, typer.Option("--learn", help="Let models learn meanwhile.")] = False,
    why: Why = "",
    who: Who = None,
) -> None:
    """Mute alerts from now on, as for a maintenance window."""
    at = now()
    fields: dict[str, Any] = {**whose(entities, values), **when(begin, end, length, at)}
    fields |= {"name": name, "publish": publish, "learn": learn}
    fields |= with_hours(weekly, zone)
    _add(context, "silence", fields, why, who, at)
    _note_old_events(context, begin, at)


@control.command()
def pause(
    context: typer.Context,
    entities: Entities = None,
    begin: Begin = None,
    end: End = None,
    length: Length = None,
    why: Why = "",
    who: Who = None,
) -> None:
    """Score events and learn nothing from them, from now on."""
    at = now()
    fields = {**whose(entities), **when(begin, end, length, at)}
    _add(context, "pause", fields, why, who, at)
    _note_old_events(context, begin, at)


@control.command()
def rule(
    context: typer.Context,
    entities: Entities = None,
    values: Values = None,
    direction: Side = None,
    absolute: Absolute = None,
    relative: Relative = None,
    low: Low = None,
    high: High = None,
    why: Why = "",
    who: Who = None,
) -> None:
    """Set which deviations of values matter, instead of the rules in the file."""
    fields = whose(entities, values) | deviations(direction, absolute, relative, low, high)
    _add(context, "rule", fields, why, who)


@control.command()
def budget(
    context: typer.Context,
    rate: Rate,
    per: Per = None,
    why: Why = "",
    who: Who = None,
) -> None:
    """Change the alert budget, until it is revoked."""
    _add(context, "budget", budget_of(rate, per), why, who)


@control.command()
def reset(
    context: typer.Context,
    entities: Patterns,
    why: Why = "",
    who: Who = None,
) -> None:
    """Reset the models of entities; they warm up again."""
    _add(context, "reset", whose(entities), why, who)


@control.command()
def forget(
    context: typer.Context,
    entities: Patterns,
    begin: Since,
    end: Until,
    why: Why = "",
    who: Who = None,
) -> None:
    """Take back what was learned since a time; events of the period are not learned again.

    Models go back to a kept checkpoint (state.keep); what they learned after the period is lost as
    well, unless the whole state is reverted. Without such a checkpoint, and with state in Kafka,
    they start afresh, with a warm-up.
    """
    _add(context, "forget", {**whose(entities), "from": begin, "until": end}, why, who)
    state = open_pipeline(context.obj).state
    if state.kafka is not None:
        reason = "state in Kafka keeps no earlier checkpoints"
    elif not state.keep:
        reason = "no earlier checkpoints are kept (state.keep)"
    else:
        print("models go back to a kept checkpoint from before: what they learned after the period")
        print(
            "is lost as well. To keep that, stop the pipeline, go back with `pynomaly state revert`"
        )
        print("to a time before the period, and run it again: it learns all but the period")
        return
    print(f"{reason}: models of these entities")
    print("that have learned since then start afresh, with a warm-up")


@control.command()
def revoke(
    context: typer.Context,
    record: Annotated[str, typer.Argument(help="Such as silence-3; see `list`.")],
    why: Why = "",
    who: Who = None,
) -> None:
    """Revoke a record that is in force."""
    _add(context, "revoke", {"id": record}, why, who)


@control.command()
def feedback(
    context: typer.Context,
    verdict: Annotated[AlarmVerdict, typer.Argument(help="What the alarm was.")],
    anomaly: Annotated[str, typer.Argument(help="Id of an anomaly, or of an incident.")],
    scope: Annotated[Scope, typer.Option(help="For which similar anomalies it holds.")] = (
        Scope.ENTITY
    ),
    entities: Entities = None,
    preview: Annotated[bool, typer.Option("--preview", help="Only say what it would do.")] = False,
    anomalies: Annotated[
        Path | None, typer.Option(help="File of anomalies, unless the sink is a file or a topic.")
    ] = None,
    last: Annotated[int, typer.Option(help="Number of past anomalies to examine.")] = 30,
    why: Why = "",
    who: Who = None,
) -> None:
    """Mark an alarm as false or true: similar ones need more evidence, or less."""
    file = open_pipeline(context.obj)
    found = judge(file, anomaly, verdict.value, scope.value, entities or [], anomalies, last)
    needs = f"p below the threshold / {10**found.needs:.3g}"
    if verdict is AlarmVerdict.TRUE:
        needs = f"p below {10**-found.needs:.3g} times the threshold"
    else:
        print(f"would have suppressed {found.muted} of the last {found.last}")
    powers = f"{abs(found.needs):.3g} powers of ten, half as many in 30 days"
    print(f"similar ones alert at {needs}: {powers}")
    if not preview:
        print_record(add_record(file, "feedback", found.fields, why, who))
        print_fitting(file, entities or ())


@control.command("list")
def list_(
    context: typer.Context,
    past: Annotated[bool, typer.Option("--all", help="Those that are over, too.")] = False,
    output: As = Format.TABLE,
) -> None:
    """List the records in force: who wrote them, when, why, until when."""
    found = records_in_force(open_pipeline(context.obj), None, past=True)
    print_records(found, now(), output, past=past)


def _note_old_events(context: typer.Context, begin: str | None, at: datetime) -> None:
    """Say what a record that begins now is not for: events that are read now, and are old.

    Args:
        context: of the command.
        begin: that was given.
        at: when the record begins if none was given.
    """
    if begin is not None:
        return
    newest = newest_event_time(open_pipeline(context.obj))
    if newest is None:
        print(f"note: it applies to event times from {at.isoformat()} on. No metrics page of this")
        print("pipeline says here how old its events are: for older ones, as in a backlog, revoke")
        print("it and give --from")
    elif at - newest > OLD:
        print(
            f"note: the newest event read so far is from {newest.isoformat()}. The record applies"
        )
        print(f"to event times from {at.isoformat()} on; for the events that are read now,")
        print(f"revoke it and give --from {newest.isoformat()}")


def _add(
    context: typer.Context,
    kind: Kind,
    fields: dict[str, Any],
    why: str,
    who: str | None,
    at: datetime | None = None,
) -> None:
    file = open_pipeline(context.obj)
    print_record(add_record(file, kind, fields, why, who, at))
    print_fitting(file, fields.get("entities", ()))
