"""`pynomaly explain`: why an entity alerts, or does not, and which are nearest to it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from engine.application.config.pipeline_file import PipelineFile
from engine.application.entities.known_task import TaskReport
from engine.application.entities.nearest import NearEntity
from engine.application.use_cases.explain_entity import explain_entity, explain_nearest
from engine.domain.alert_promise import AlertPromise
from engine.domain.entity_report import EntityReport, Presence, ValueNature
from engine.domain.errors import FatalError
from engine.domain.silence import Silence
from engine.presentation.cli.pipeline import open_pipeline
from engine.presentation.cli.table import printable

ABSENCE = {
    Presence.YOUNG: "its silence is judged after 50 gaps between its events",
    Presence.WATCHED: "its silence is judged",
    Presence.ABSENT: "it has stopped sending: its absence was published, or is silenced",
    Presence.TOGETHER: "it has stopped sending with others: one absence for all of them",
    Presence.ENDED: "it has stopped sending: taken for a key that has ended, and not published",
}


def explain(
    file: Annotated[Path, typer.Argument(help="The pipeline file.")],
    entity: Annotated[str | None, typer.Option("--entity", help="Key of the entity.")] = None,
    top: Annotated[
        int | None, typer.Option("--top", min=1, help="Show so many entities nearest to alerting.")
    ] = None,
) -> None:
    """Explain an entity: what is known, what is expected next, and when it alerts.

    With --top, show the entities that are nearest to alerting. It reads the last whole snapshot of
    the stored state, and changes nothing.
    """
    if (entity is None) == (top is None):
        raise FatalError("explain: give either --entity KEY or --top COUNT")
    found = open_pipeline(file)
    if entity is not None:
        _explain_entity(found, entity)
    elif top is not None:
        _print_nearest(explain_nearest(found, top))


def _print_nearest(nearest: Sequence[NearEntity]) -> None:
    """Print a line per entity, the nearest first."""
    if not nearest:
        print("no entity has had an event with a p-value of 0.1 or less today or the day before")
        return
    print("evidence   least p    alerts at p <=   newest event           entity")
    for one in nearest:
        limit = "-" if one.threshold is None else f"{one.threshold:.2g}"
        evidence = "-" if one.threshold is None else f"{one.evidence:+.1f}"
        newest = np.datetime64(one.newest, "ns").astype("datetime64[s]")
        print(
            f"{evidence:<10} {one.p_value:<10.2g} {limit:<16} {newest}Z   {printable(one.entity)}"
        )


def _explain_entity(found: PipelineFile, entity: str) -> None:
    reports = explain_entity(found, entity)
    for report in reports:
        _print(report, found.alert_promise())
    if len(reports) > 1:
        tasks = ", ".join(report.task for report in reports)
        print(
            f"warning       this entity comes from {len(reports)} partitions ({tasks}), each of "
            "which learns it on its own: key the messages by it"
        )


def _print(found: TaskReport, promise: AlertPromise) -> None:
    report = found.report
    print(f"entity        {printable(report.entity)}")
    print(f"partition     {found.task}, as of position {found.position}")
    rate = "rate not known yet" if report.rate is None else f"{report.rate:,.0f} a day"
    newest = np.datetime64(report.newest, "ns").astype("datetime64[s]")
    print(f"events        {report.events:,}, the newest of {newest}Z; {rate}")
    print(f"learned       {_learned(report)}")
    if found.waiting:
        print(f"waiting       {found.waiting:,} events more, for their turn (event.order)")
    print(f"warm          {_warm(report)}")
    print(f"alerts        {_alerts(found, promise.of(found.policy).known())}")
    if report.presence is not None:
        print(f"absence       {ABSENCE[report.presence]}")
    _print_control(found)
    for value, nature in zip_longest(report.values, report.natures):
        if value.low is None or value.high is None:
            print(f"{value.name:<14}nothing is expected yet")
        else:
            print(f"{value.name:<14}{value.low:.6g} to {value.high:.6g} expected next")
        if nature is not None and nature.last is not None:
            print(f"{'':<14}{_nature(nature)}")
    for detector in report.detectors:
        if detector.weight is not None:
            print(f"weight        {detector.weight:.2f} {detector.name}")
    print(f"memory        {report.memory:,} bytes")


def _print_control(found: TaskReport) -> None:
    """Print the rules and judgements of people, in the file and in the control log."""
    for silence in found.silences:
        print(f"{'silence' if silence.mutes else 'pause':<14}{_silence(silence)}")
    for one in found.feedback:
        what = f"{one.case.kind} of {one.case.value}, {one.case.direction}"
        margin = one.margin(found.report.newest)
        print(f"feedback      {one.id}: {what} what is expected: evidence of {margin:.2g}")
    for rule in found.rules:
        print(f"rule          {rule.name}, of {', '.join(sorted(rule.values)) or 'all values'}")
    if found.budget is not None:
        print(f"budget        {found.budget.name}: {found.budget.per_day:g} a day")


def _nature(nature: ValueNature) -> str:
    """Say what was found of a value."""
    words = [f"last {nature.last:.6g}"]
    if nature.season:
        words.append("no season" if nature.season == "none" else f"season by {nature.season}")
    return "; ".join([*words, *nature.noise])


def _silence(silence: Silence) -> str:
    """Say what a silence is called, and when it holds."""
    moments = [
        f"{word} {np.datetime64(when, 'ns').astype('datetime64[s]')}Z"
        for word, when in (("from", silence.begin), ("until", silence.end))
        if when is not None
    ]
    if silence.weekly is not None:
        moments.append("at some hours of the week")
    if silence.source:
        moments.append("by its calendar")
    return " ".join([f"{silence.name},", *(moments or ["always"])])


def _learned(report: EntityReport) -> str:
    if report.learned >= report.events:
        return "from all of them"
    return f"from {report.learned:,} of them"


def _warm(report: EntityReport) -> str:
    cold = [
        f"{detector.name} scores after {detector.warm_up:,} events at the earliest"
        for detector in report.detectors
        if not detector.warm
    ]
    if not cold:
        return "yes"
    return f"{'partly' if report.warm else 'no'}: {'; '.join(cold)}"


def _alerts(found: TaskReport, promise: str) -> str:
    if found.threshold is None:
        return promise
    return f"at p <= {found.threshold:.2g} ({promise})"
