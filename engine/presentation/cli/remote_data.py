"""`pynomaly --server URL datasets|series ...`, and the state of its pipelines."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from engine.presentation.cli import remote_pipelines  # noqa: F401 - adds its commands
from engine.presentation.cli.remote import Name, Why, open_client, pipelines
from engine.presentation.cli.settings_part import field_of, text_of
from engine.presentation.cli.table import As, Format, print_rows

datasets = typer.Typer(help="Datasets of a server: a source and its mapping.", no_args_is_help=True)
series = typer.Typer(help="Series of a server: values with their range.", no_args_is_help=True)
COLUMNS = ("name", "author", "changed", "revision")
POINTS = ("value", "begin", "count", "min", "max", "mean", "low", "high")
Dataset = Annotated[str, typer.Argument(help="Name of the dataset.")]
File = Annotated[
    Path, typer.Option("--file", "-f", help="YAML with `source` and `event`, as a pipeline file.")
]
Archive = Annotated[Path, typer.Argument(help="The archive, such as state.tar.gz.")]
Messages = Annotated[int, typer.Option(help="How many messages to read.", min=1)]


@datasets.command("ls")
def list_datasets(context: typer.Context, output: As = Format.TABLE) -> None:
    """List all datasets by name."""
    with open_client(context) as client:
        found = client.datasets()
    print_rows(found, COLUMNS, output)


@datasets.command()
def put(context: typer.Context, name: Dataset, file: File, output: As = Format.TABLE) -> None:
    """Store a dataset, or change it."""
    with open_client(context) as client:
        found = client.put_dataset(name, _part(file, "source"), _part(file, "event"))
    print_rows([found], COLUMNS, output)


@datasets.command()
def rm(context: typer.Context, name: Dataset) -> None:
    """Remove a dataset."""
    with open_client(context) as client:
        client.remove_dataset(name)


@datasets.command()
def sample(
    context: typer.Context, name: Dataset, messages: Messages = 20, output: As = Format.TABLE
) -> None:
    """Show what becomes of some messages of a dataset; -o json has rejects and their details."""
    with open_client(context) as client:
        found = client.sample_dataset(name, messages)
    rows = found["events"] if output is Format.TABLE else [found]
    print_rows(rows, ("entity", "time", "values"), output)


@datasets.command()
def suggest(context: typer.Context, file: File, messages: Messages = 100) -> None:
    """Suggest the `event` of a source of JSON messages, as YAML for a pipeline file."""
    with open_client(context) as client:
        found = client.suggest_mapping(_part(file, "source"), messages)
    print(yaml.safe_dump({"event": found["event"]}, sort_keys=False), end="")


@series.command()
def show(
    context: typer.Context,
    pipeline: Name,
    entity: Annotated[str, typer.Argument(help="Key of the entity.")],
    since: Annotated[str | None, typer.Option(help="2026-03-01T00:00Z; a day back.")] = None,
    until: Annotated[str | None, typer.Option(help="Up to this time; now.")] = None,
    step: Annotated[int, typer.Option(help="Seconds of a span.", min=60)] = 60,
    output: As = Format.TABLE,
) -> None:
    """Show the values of an entity with the range expected, by spans of time."""
    with open_client(context) as client:
        found = client.series(pipeline, entity, since=since, until=until, step=str(step))
    points = [
        {"value": value["name"], **point} for value in found["values"] for point in value["points"]
    ]
    print_rows(points if output is Format.TABLE else [found], POINTS, output)


@series.command()
def nearest(
    context: typer.Context,
    pipeline: Name,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1)] = 50,
    output: As = Format.TABLE,
) -> None:
    """List the entities that come nearest to an alert."""
    with open_client(context) as client:
        found = client.nearest(pipeline, limit)
    print_rows(found, ("entity", "rarity"), output)


@pipelines.command("state")
def show_state(context: typer.Context, name: Name, output: As = Format.TABLE) -> None:
    """Show how far a pipeline is; -o json has kept checkpoints, and what the next run keeps."""
    with open_client(context) as client:
        found = client.state(name)
    rows = found["partitions"] if output is Format.TABLE else [found]
    print_rows(rows, ("partition", "position", "checkpoint"), output)


@pipelines.command()
def revert(
    context: typer.Context,
    name: Name,
    to: Annotated[str, typer.Option(help="The newest checkpoint by then: 2026-03-01T06:00Z.")],
    why: Why = "",
    output: As = Format.TABLE,
) -> None:
    """Go back to a checkpoint that was kept; the pipeline must not run."""
    with open_client(context) as client:
        found = client.revert_state(name, to, why)
    print_rows(found, ("partition", "kept", "position"), output)


@pipelines.command("export-state")
def export_state(context: typer.Context, name: Name, archive: Archive) -> None:
    """Write the state of a pipeline to an archive; the pipeline must not run."""
    with open_client(context) as client:
        size = client.export_state(name, archive)
    print(f"{archive}: {size:,} bytes")


@pipelines.command("import-state")
def import_state(context: typer.Context, name: Name, archive: Archive) -> None:
    """Restore the state of a pipeline from an archive; there must be no state yet."""
    with open_client(context) as client:
        size = client.import_state(name, archive)
    print(f"{name}: {size:,} bytes")


def _part(file: Path, name: str) -> Any:
    return field_of(file, text_of(file), name)
