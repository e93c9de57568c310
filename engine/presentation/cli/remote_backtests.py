"""`pynomaly --server URL backtests ...`: pipelines of a server run over data of the past."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.domain.errors import FatalError
from engine.presentation.cli.remote import Name, open_client
from engine.presentation.cli.table import As, Format, print_rows

backtests = typer.Typer(
    help="Backtests of a server: run a pipeline over data of the past.", no_args_is_help=True
)
COLUMNS = ("id", "pipeline", "number", "stage", "anomalies", "incidents", "error")
Id = Annotated[str, typer.Argument(help="Id of the backtest.")]


@backtests.command()
def start(
    context: typer.Context,
    name: Name,
    data: Annotated[
        Path | None, typer.Option("--data", help="File of messages, as the server sees it.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Of the pipeline's topic, from this time: 2026-03-01T00:00Z.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Up to this time.")] = None,
    number: Annotated[
        int | None, typer.Option(help="Of the version; the newest if not given.")
    ] = None,
    output: As = Format.TABLE,
) -> None:
    """Queue a backtest."""
    if (data is None) == (since is None or until is None):
        raise FatalError("say --data FILE, or --since TIME --until TIME")
    period = {"period": {"since": since, "until": until}}
    source = period if data is None else {"file": {"path": str(data)}}
    with open_client(context) as client:
        found = client.start_backtest(name, source, number)
    _print([found], output)


@backtests.command("ls")
def list_backtests(
    context: typer.Context,
    pipeline: Annotated[str | None, typer.Option(help="Name of the pipeline.")] = None,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1)] = 50,
    output: As = Format.TABLE,
) -> None:
    """List backtests, the newest first."""
    with open_client(context) as client:
        found = list(islice(client.backtests(pipeline=pipeline), limit))
    _print(found, output)


@backtests.command()
def cancel(context: typer.Context, backtest: Id, output: As = Format.TABLE) -> None:
    """Cancel a backtest."""
    with open_client(context) as client:
        found = client.cancel_backtest(backtest)
    _print([found], output)


@backtests.command()
def compare(
    context: typer.Context,
    before: Annotated[str, typer.Argument(help="Id of the earlier backtest.")],
    after: Annotated[str, typer.Argument(help="Id of the later backtest.")],
    output: As = Format.TABLE,
) -> None:
    """Compare what two backtests over the same data found; -o json has the anomalies."""
    with open_client(context) as client:
        found = client.compare_backtests(before, after)
    print_rows([found], ("both", "only_before", "only_after"), output)


def _print(found: list[Any], output: Format) -> None:
    counts = [{**one, **(one["found"] or {"anomalies": None, "incidents": None})} for one in found]
    print_rows(counts if output is Format.TABLE else found, COLUMNS, output)
