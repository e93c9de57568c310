"""`pynomaly state`: what a pipeline keeps between its runs, looked at, carried, removed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from engine.application.config.load import load
from engine.application.config.pipeline_file import PipelineFile
from engine.application.state.archive import LEFT_OUT, export_state, import_state
from engine.application.state.contents import GROUPS, Contents, count_entities, read_contents
from engine.application.state.manifest import check_compatibility, manifest_of, read_manifest
from engine.application.state.recovery import StateLock
from engine.application.state.store_files import STORE
from engine.domain.errors import PynomalyError

state = typer.Typer(help="Look at a pipeline's state, carry it elsewhere, remove it.")

File = Annotated[Path, typer.Argument(help="The pipeline file.")]
Archive = Annotated[Path, typer.Argument(help="The archive, such as state.tar.gz.")]


@state.command()
def inspect(file: File) -> None:
    """Say what is stored, and what a run of this pipeline file would make of it."""
    found = load(file)
    directory = found.state.directory
    print(f"state         {directory}")
    if not (directory / STORE).is_dir():
        print("              nothing is stored: a run starts afresh")
        return
    contents = read_contents(directory)
    _tell_origin(directory, contents)
    for step in dict.fromkeys(name for name, _ in contents.states):
        _tell_step(step, contents)
    _tell_size(directory, contents)
    _tell_changes(found)


@state.command("export")
def export_(file: File, archive: Archive) -> None:
    """Write the state into an archive, checksums included; the pipeline must not be running."""
    directory = load(file).state.directory
    with StateLock(directory):
        print(f"{archive}: {export_state(directory, archive):,} bytes")


@state.command("import")
def import_(file: File, archive: Archive) -> None:
    """Bring the state back from an archive; there must be none yet."""
    directory = load(file).state.directory
    with StateLock(directory):
        print(f"{directory}: {import_state(archive, directory):,} bytes")


@state.command()
def reset(
    file: File, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False
) -> None:
    """Remove the state: the next run starts afresh, where the file's source says.

    Dead letters that were written into the state directory are kept.
    """
    directory = load(file).state.directory
    if not yes and not typer.confirm(f"Remove the state in {directory}?"):
        raise typer.Exit(1)
    with StateLock(directory):
        for path in directory.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name not in LEFT_OUT and path.suffix != ".ndjson":
                path.unlink()
    print(
        f"{directory}: removed. A source with `start: committed` goes on from its group's offsets"
    )


def _tell_origin(directory: Path, contents: Contents) -> None:
    manifest = read_manifest(directory)
    if manifest is not None:
        who = f"{manifest.name}, version {manifest.version}, by pynomaly-engine {manifest.program}"
        print(f"pipeline      {who}")
    print(f"runs          {contents.runs}; the next one resumes at epoch {contents.epoch}")


def _tell_step(step: str, contents: Contents) -> None:
    stored = contents.of(step)
    if step == "source":
        places = ", ".join(f"{key} at {stored[key]}" for key in sorted(stored, key=_number))
        print(f"source        {places}")
    else:
        size = sum(len(blob) for blob in stored.values() if isinstance(blob, bytes))
        print(f"{step:<14}{len(stored)} keys, {size:,} bytes")


def _tell_size(directory: Path, contents: Contents) -> None:
    files = list((directory / GROUPS).glob("*"))
    orphans = {file.name for file in files} - contents.files
    size = sum(file.stat().st_size for file in files)
    print(f"group files   {len(files)}, {size:,} bytes; {len(orphans)} of them left by killed runs")
    print(f"entities      {count_entities(directory, contents):,} or more")


def _tell_changes(file: PipelineFile) -> None:
    try:
        changes = check_compatibility(file.state.directory, manifest_of(file))
    except PynomalyError as error:
        print(f"refused       {error}")
        raise typer.Exit(2) from None
    for change in changes or ["nothing changed: all of it is taken up"]:
        print(f"a run         {change}")


def _number(key: str) -> tuple[int, str]:
    return (int(key), key) if key.isdigit() else (0, key)
