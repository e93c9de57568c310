"""`pynomaly --server URL records ...`: pauses, rules, budgets, resets of a server's pipelines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from engine.application.live_control.records import ControlRecord
from engine.application.remote.documents import Control
from engine.domain.errors import FatalError
from engine.presentation.cli.control_list import COLUMNS, row_of
from engine.presentation.cli.control_options import (
    Absolute,
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
    Side,
    Since,
    Until,
    Values,
    Why,
    budget_of,
    deviations,
    span_of,
    whose,
)
from engine.presentation.cli.remote import Name, open_client
from engine.presentation.cli.table import As, Format, print_rows

records = typer.Typer(
    help="Control records of a server's pipelines: pauses, rules, budgets, resets.",
    no_args_is_help=True,
)


@records.command("ls")
def list_records(
    context: typer.Context,
    name: Name,
    past: Annotated[bool, typer.Option("--all", help="All that were ever written.")] = False,
    output: As = Format.TABLE,
) -> None:
    """List the records of a pipeline that are in force, silences and feedback too."""
    with open_client(context) as client:
        found = client.control_records(name, past=past)
    _print(found, output)


@records.command()
def pause(
    context: typer.Context,
    name: Name,
    entities: Entities = None,
    begin: Begin = None,
    end: End = None,
    length: Length = None,
    why: Why = "",
    output: As = Format.TABLE,
) -> None:
    """Score events and learn nothing from them, from now on."""
    fields = {**whose(entities), **span_of(begin, end, length)}
    _write(context, name, "pause", fields, why, output)


@records.command()
def rule(
    context: typer.Context,
    name: Name,
    entities: Entities = None,
    values: Values = None,
    direction: Side = None,
    absolute: Absolute = None,
    relative: Relative = None,
    low: Low = None,
    high: High = None,
    why: Why = "",
    output: As = Format.TABLE,
) -> None:
    """Set which deviations of values matter, instead of the rules in the file."""
    fields = whose(entities, values) | deviations(direction, absolute, relative, low, high)
    _write(context, name, "rule", fields, why, output)


@records.command()
def budget(
    context: typer.Context,
    name: Name,
    rate: Rate,
    per: Per = None,
    why: Why = "",
    output: As = Format.TABLE,
) -> None:
    """Change the alert budget, until it is revoked."""
    _write(context, name, "budget", budget_of(rate, per), why, output)


@records.command()
def reset(
    context: typer.Context,
    name: Name,
    entities: Patterns,
    why: Why = "",
    output: As = Format.TABLE,
) -> None:
    """Reset the models of entities; they warm up again."""
    _write(context, name, "reset", whose(entities), why, output)


@records.command()
def forget(
    context: typer.Context,
    name: Name,
    entities: Patterns,
    begin: Since,
    end: Until,
    why: Why = "",
    output: As = Format.TABLE,
) -> None:
    """Take back what was learned since a time; events of the period are not learned again.

    Models go back to a kept checkpoint (state.keep), and what they learned after the period is
    lost as well. Without such a checkpoint they start afresh, with a warm-up.
    """
    fields = {**whose(entities), "from": begin, "until": end}
    _write(context, name, "forget", fields, why, output)


@records.command()
def revoke(
    context: typer.Context,
    name: Name,
    record: Annotated[str, typer.Argument(help="Such as pause-3; see `ls`.")],
    why: Why = "",
    output: As = Format.TABLE,
) -> None:
    """Revoke a record that is in force."""
    with open_client(context) as client:
        found = client.revoke_control(name, record, why)
    _print([found], output)


def _write(
    context: typer.Context,
    name: str,
    kind: str,
    fields: Mapping[str, Any],
    why: str,
    output: Format,
) -> None:
    with open_client(context) as client:
        found = client.control_pipeline(name, kind, fields, why)
    _print([found], output)


def _print(found: list[Control], output: Format) -> None:
    rows = [row_of(_read(one)) for one in found] if output is Format.TABLE else found
    print_rows(rows, COLUMNS, output)


def _read(shown: Control) -> ControlRecord:
    """Return a record that the server shows.

    Raises:
        FatalError: it has what this release does not know.
    """
    number = shown["id"].rpartition("-")[2]
    common = {name: shown[name] for name in ("id", "who", "when", "why")}
    try:
        return ControlRecord.model_validate(
            {**common, "number": number, shown["kind"]: shown["fields"]}
        )
    except ValidationError as error:
        raise FatalError(
            f"{shown['id']}: this release cannot describe the record: install the release of "
            "the server, or use -o json"
        ) from error
