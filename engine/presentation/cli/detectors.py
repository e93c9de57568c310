"""`pynomaly detectors`: what can be written below `detectors:`."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import Annotated, Any

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from engine.application import registry
from engine.domain.detector import Declaration, Parameter


def detectors(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """List the installed detectors: parameters, defaults, memory and form of the stored state.

    Bytes per entity hold for one value and the default parameters. A dash means that only
    measuring tells. State stored as pickle is read back by the same package version only.
    """
    found = registry.declarations()
    if as_json:
        print(json.dumps([_plain(declaration) for declaration in found], indent=2, default=str))
    else:
        Console().print(_table(found))


def _plain(declaration: Declaration) -> dict[str, Any]:
    parameters = [
        {field.name: getattr(parameter, field.name) for field in fields(Parameter)}
        for parameter in declaration.parameters
    ]
    return asdict(declaration) | {"parameters": parameters}


def _table(declarations: list[Declaration]) -> Table:
    """Two columns only, so that it stays readable in a narrow terminal."""
    table = Table("detector", "what it is, bytes per entity, parameters", box=SIMPLE)
    for declaration in declarations:
        size = declaration.bytes_per_entity
        memory = "-" if size is None else f"{size:,}"
        parameters = ", ".join(f"{p.name}={p.default}" for p in declaration.parameters)
        lines = [
            Text(f"{declaration.summary} ({declaration.source})"),
            Text(f"bytes per entity: {memory}; stored as {declaration.snapshot}", "dim"),
            Text(parameters, "cyan"),
        ]
        table.add_row(Text(declaration.name, "bold", overflow="fold"), Text("\n").join(lines))
    return table
