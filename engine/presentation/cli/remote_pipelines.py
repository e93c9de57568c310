"""`pynomaly --server URL pipelines ...`: how pipelines run, and their versions."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.presentation.cli.remote import RUN, Name, Why, open_client, pipelines
from engine.presentation.cli.table import As, Format, print_rows, printable

Lines = Annotated[int, typer.Option("--lines", "-n", help="How many at most.", min=1, max=1_000)]
VERSION = ("number", "digest", "author", "created", "reason")


@pipelines.command()
def status(context: typer.Context, name: Name, output: As = Format.TABLE) -> None:
    """Show how a pipeline runs; -o json has its counters."""
    with open_client(context) as client:
        found = client.pipeline_status(name)
    shown = {**found, "reasons": "; ".join(found["reasons"])} if output is Format.TABLE else found
    print_rows([shown], (*RUN, "exit_code", "ready", "reasons"), output)


@pipelines.command()
def log(context: typer.Context, name: Name, lines: Lines = 100) -> None:
    """Print the end of the log of a pipeline."""
    with open_client(context) as client:
        found = client.pipeline_log(name, lines)
    for line in found:
        print(printable(line))


@pipelines.command()
def restart(context: typer.Context, name: Name, output: As = Format.TABLE) -> None:
    """Drain a pipeline, and run its newest version."""
    with open_client(context) as client:
        found = client.restart_pipeline(name)
    print_rows([found], RUN, output)


@pipelines.command("take-over")
def take_over(context: typer.Context, name: Name, output: As = Format.TABLE) -> None:
    """Take a pipeline from a server that is away, to start it on another one."""
    with open_client(context) as client:
        found = client.take_over_pipeline(name)
    print_rows([found], ("pipeline", "server", "last_heard"), output)


@pipelines.command()
def versions(context: typer.Context, name: Name, output: As = Format.TABLE) -> None:
    """List all versions of a pipeline, the newest first."""
    with open_client(context) as client:
        found = client.pipeline_versions(name)
    print_rows(found, VERSION, output)


@pipelines.command()
def diff(
    context: typer.Context,
    name: Name,
    before: Annotated[int, typer.Argument(help="Number of a version.", min=1)],
    after: Annotated[
        int | None, typer.Argument(help="Of a later one; the newest if not given.", min=1)
    ] = None,
) -> None:
    """Print what changed between two versions of a pipeline."""
    with open_client(context) as client:
        found = client.pipeline_diff(name, before, after)
    for line in found.splitlines():
        print(printable(line))


@pipelines.command()
def rollback(
    context: typer.Context,
    name: Name,
    number: Annotated[int, typer.Argument(help="Of the version to go back to.", min=1)],
    why: Why = "",
    output: As = Format.TABLE,
) -> None:
    """Store the text of an earlier version as the newest one; a restart runs it."""
    with open_client(context) as client:
        found = client.roll_back_pipeline(name, number, why)
    print_rows([found], VERSION, output)
