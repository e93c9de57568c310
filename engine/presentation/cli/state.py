"""`pynomaly state`: what a pipeline keeps between its runs, looked at, carried, removed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from engine.application.config.load import load
from engine.application.config.pipeline_file import PipelineFile
from engine.application.exit_code import ExitCode
from engine.application.state.archive import export_state, import_state
from engine.application.state.contents import Contents, read_contents
from engine.application.state.identity import check_compatibility, identity_of, state_place
from engine.application.state.lock import LOCK, StateLock, refuse_unusable
from engine.application.state.trust import refuse_strangers
from engine.domain.errors import FatalError, PynomalyError

state = typer.Typer(help="Look at a pipeline's state, carry it elsewhere, remove it.")

File = Annotated[Path, typer.Argument(help="The pipeline file.")]
Archive = Annotated[Path, typer.Argument(help="The archive, such as state.tar.gz.")]


@state.command()
def inspect(file: File) -> None:
    """Say what is stored, and what a run of this pipeline file would make of it."""
    found = load(file)
    directory = _directory(found)
    print(f"state         {directory}")
    if not directory.exists():
        print("              nothing is stored: a run starts afresh")
        return
    refuse_strangers(directory)
    refuse_unusable(directory)
    contents = read_contents(directory)
    if not contents.tasks:
        print("              nothing is stored: a run starts afresh")
        return
    _tell_origin(contents)
    _tell_tasks(contents)
    _tell_changes(found, contents)


@state.command("export")
def export_(file: File, archive: Archive) -> None:
    """Write the state into an archive, checksums included; the pipeline must not be running."""
    directory = _directory(load(file))
    with StateLock(directory):
        refuse_unusable(directory)
        print(f"{archive}: {export_state(directory, archive):,} bytes")


@state.command("import")
def import_(file: File, archive: Archive) -> None:
    """Bring the state back from an archive; there must be none yet."""
    directory = _directory(load(file))
    with StateLock(directory):
        print(f"{directory}: {import_state(archive, directory):,} bytes")


@state.command()
def reset(
    file: File, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False
) -> None:
    """Remove the state: the next run starts afresh, where the file's source says.

    Dead letters that were written into the state directory are kept.
    """
    directory = _directory(load(file))
    if not yes and not typer.confirm(f"Remove the state in {directory}?"):
        raise typer.Exit(ExitCode.CRASHED)
    with StateLock(directory):
        for path in directory.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != LOCK and path.suffix != ".ndjson":
                path.unlink()
    print(
        f"{directory}: removed. A source with `start: committed` goes on from its group's offsets"
    )


def _directory(file: PipelineFile) -> Path:
    if file.state.kafka is not None:
        raise FatalError(
            f"the state lies in {state_place(file)}, and these commands are for directories. It is "
            "carried by carrying the topic. To start anew, stop all instances, delete the topic "
            "and set back the offsets of the source's group (kafka-consumer-groups --reset-offsets)"
        )
    return file.state.directory


def _tell_origin(contents: Contents) -> None:
    makers = [task.identity for task in contents.tasks.values()]
    for who in dict.fromkeys(
        f"{made['name']}, version {made['version']}, by pynomaly-engine {made['program']}"
        for made in makers
    ):
        print(f"pipeline      {who}")


def _tell_tasks(contents: Contents) -> None:
    tasks = sorted(contents.tasks.values(), key=lambda task: _number(task.task))
    places = ", ".join(f"{task.task} at {task.position}" for task in tasks)
    print(f"source        {places}")
    print(f"checkpoints   {max(task.number for task in tasks):,} of a partition at most")
    size, left = sum(contents.files.values()), len(contents.left)
    print(f"task files    {len(contents.files)}, {size:,} bytes; {left} left by killed processes")
    print(f"entities      {contents.entities:,} or more")


def _tell_changes(file: PipelineFile, contents: Contents) -> None:
    where, now = str(file.state.directory), identity_of(file)
    try:
        told = [check_compatibility(where, now, task.identity) for task in contents.tasks.values()]
    except PynomalyError as error:
        print(f"refused       {error}")
        raise typer.Exit(ExitCode.FATAL) from None
    changes = dict.fromkeys(change for some in told for change in some)
    for change in changes or ["nothing changed: all of it is taken up"]:
        print(f"a run         {change}")


def _number(key: str) -> tuple[int, str]:
    return (int(key), key) if key.isdigit() else (0, key)
