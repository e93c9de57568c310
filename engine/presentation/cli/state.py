"""`pynomaly state`: inspects, exports, imports, reverts and removes the state of a pipeline."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from engine.application.exit_code import ExitCode
from engine.application.state.contents import Contents
from engine.application.state.identity import state_place
from engine.application.use_cases.export_state import export_state
from engine.application.use_cases.import_state import import_state
from engine.application.use_cases.inspect_state import inspect_state
from engine.application.use_cases.reset_state import reset_state
from engine.application.use_cases.revert_state import revert_state
from engine.presentation.cli.pipeline import open_pipeline

state = typer.Typer(help="Inspect, export, import, revert or remove the state of a pipeline.")

File = Annotated[Path, typer.Argument(help="The pipeline file.")]
Archive = Annotated[Path, typer.Argument(help="The archive, such as state.tar.gz.")]


@state.command()
def inspect(file: File) -> None:
    """Show what is stored, and what a run of this pipeline file would keep."""
    found = inspect_state(open_pipeline(file))
    print(f"state         {found.place}")
    if found.contents is None:
        print("              nothing is stored: a run starts afresh")
        return
    _print_origin(found.contents)
    _print_tasks(found.contents)
    if found.refusal:
        print(f"refused       {found.refusal}")
        raise typer.Exit(ExitCode.FATAL)
    for change in found.changes or ["nothing changed: all of it is kept"]:
        print(f"a run         {change}")


@state.command("export")
def export_(file: File, archive: Archive) -> None:
    """Write the state to an archive with checksums; the pipeline must not be running."""
    print(f"{archive}: {export_state(open_pipeline(file), archive):,} bytes")


@state.command("import")
def import_(file: File, archive: Archive) -> None:
    """Restore the state from an archive; there must be no state yet."""
    found = open_pipeline(file)
    print(f"{state_place(found)}: {import_state(found, archive):,} bytes")


@state.command()
def reset(
    file: File, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False
) -> None:
    """Remove the state: the next run starts afresh, at the `start` of the source.

    Dead letters in the state directory are kept.
    """
    found = open_pipeline(file)
    place = state_place(found)
    if not yes and not typer.confirm(f"Remove the state in {place}?"):
        raise typer.Exit(ExitCode.CRASHED)
    reset_state(found)
    print(f"{place}: removed. A source with `start: committed` goes on from its group's offsets")


@state.command()
def revert(
    file: File,
    to: Annotated[
        str, typer.Option("--to", help="A time with its zone: 2026-03-01T06:00:00+01:00.")
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Go back to the newest checkpoint that was kept by then (state.keep).

    Later models are dropped, later events are read again, and later kept checkpoints are removed.
    """
    found, when = open_pipeline(file), _moment(to)
    place = state_place(found)
    if not yes and not typer.confirm(f"Forget what {place} has learned since {to}?"):
        raise typer.Exit(ExitCode.CRASHED)
    for each in revert_state(found, when):
        print(f"partition {each.task}: as of {each.kept.isoformat()}, at {each.position}")


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = datetime.min
    if found.tzinfo is None:
        raise typer.BadParameter(
            f"{text}: expected a time with its zone, 2026-03-01T06:00:00+01:00"
        )
    return found


def _print_origin(contents: Contents) -> None:
    makers = [task.identity for task in contents.tasks.values()]
    for who in dict.fromkeys(
        f"{made['name']}, version {made['version']}, by pynomaly-engine {made['program']}"
        for made in makers
    ):
        print(f"pipeline      {who}")


def _print_tasks(contents: Contents) -> None:
    tasks = sorted(contents.tasks.values(), key=lambda task: _number(task.task))
    places = ", ".join(f"{task.task} at {task.position}" for task in tasks)
    print(f"source        {places}")
    print(f"checkpoints   {max(task.number for task in tasks):,} of a partition at most")
    if contents.files is not None:
        size, left = sum(contents.files.values()), len(contents.left)
        print(
            f"task files    {len(contents.files)}, {size:,} bytes; {left} left by killed processes"
        )
    if contents.kept:
        first, last = (each.moment.isoformat() for each in (contents.kept[0], contents.kept[-1]))
        print(f"kept          {len(contents.kept):,} checkpoint files from {first} to {last}")
    print(f"entities      {contents.entities:,} or more")
    if contents.split:
        print(
            f"warning       {contents.split:,} are in several partitions, each with a model of its "
            "own part: key the messages by what event.key reads"
        )


def _number(key: str) -> tuple[int, str]:
    return (int(key), key) if key.isdigit() else (0, key)
