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
from engine.application.detector_reference import limits, markdown, sizes_of
from engine.domain.detector import Declaration, Parameter


def detectors(
    name: Annotated[
        str | None, typer.Argument(help="Show this one, with all its parameters and limits.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print a page of documentation instead.")
    ] = False,
) -> None:
    """List the installed detectors: parameters, memory, form of the stored state, and limits.

    Bytes per entity hold for one value and the default parameters. A dash means that only
    measuring tells: name the detector. State stored as pickle is read back by the same package
    version only. What a detector cannot meet are checks of the detector contract.
    """
    found = registry.declarations() if name is None else [registry.declaration(name)]
    if as_json:
        print(json.dumps([_plain(declaration) for declaration in found], indent=2, default=str))
    elif as_markdown:
        print(markdown(found), end="")
    elif name is None:
        Console().print(_table(found))
    else:
        _show(found[0])


def _plain(declaration: Declaration) -> dict[str, Any]:
    parameters = [
        {field.name: getattr(parameter, field.name) for field in fields(Parameter)}
        for parameter in declaration.parameters
    ]
    return asdict(declaration) | {"parameters": parameters}


def _table(declarations: list[Declaration]) -> Table:
    """Two columns only, so that it stays readable in a narrow terminal."""
    table = Table("detector", "what it is, bytes per entity, parameters, limits", box=SIMPLE)
    for declaration in declarations:
        size = declaration.bytes_per_entity
        memory = "-" if size is None else f"{size:,}"
        parameters = ", ".join(f"{p.name}={p.default}" for p in declaration.parameters)
        lines = [
            Text(f"{declaration.summary} ({declaration.source})"),
            Text(f"bytes per entity: {memory}; stored as {declaration.snapshot}", "dim"),
            Text(parameters, "cyan"),
        ]
        if declaration.exceptions:
            lines.append(Text(f"cannot meet: {', '.join(declaration.exceptions)}", "yellow"))
        table.add_row(Text(declaration.name, "bold", overflow="fold"), Text("\n").join(lines))
    return table


def _show(declaration: Declaration) -> None:
    console = Console()
    console.print(Text(declaration.name, "bold"))
    console.print(Text(f"{declaration.summary}. {declaration.suits}".strip()))
    console.print(Text(f"source: {declaration.source}", "dim"))
    memory = [f"{size:,} with {width}" for width, size in sizes_of(declaration).items()]
    sizes = f"bytes per entity, by number of values: {', '.join(memory) or 'unknown'}"
    console.print(Text(f"{sizes}; stored as {declaration.snapshot}", "dim"))
    for limit in limits(declaration):
        console.print(Text(f"cannot meet {limit}", "yellow"))
    if declaration.parameters:
        table = Table("parameter", "type", "default", "meaning", box=SIMPLE)
        for parameter in declaration.parameters:
            shown = parameter.name, parameter.type, str(parameter.default), parameter.description
            table.add_row(*map(Text, shown))
        console.print(table)
