"""`pynomaly detectors`: what can be written below `detectors:`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Annotated, Any

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from engine.application import registry
from engine.application.conformance.cost import Cost, costs_of
from engine.domain.detector import Declaration, Parameter
from engine.presentation.pages.detector_reference import limits, markdown, sizes_of

Costs = Mapping[str, Mapping[int, Cost]]
"""What was measured, by a detector's name and its number of values."""


def detectors(
    name: Annotated[
        str | None, typer.Argument(help="Show this one, with all its parameters and limits.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print a page of documentation instead.")
    ] = False,
    cost: Annotated[
        bool,
        typer.Option("--cost", help="Measure the cost of an event; takes seconds per detector."),
    ] = False,
) -> None:
    """List the installed detectors: parameters, memory, form of the stored state, and limits.

    Bytes per entity are for one value and the default parameters. A dash means that they have to
    be measured: name the detector. State stored as pickle can be read by the same version of its
    package only. `Cannot meet` lists the checks of the detector contract that it fails. The cost of
    an event is measured on this machine: processor time to score and learn it after the warm-up.
    """
    found = registry.declarations() if name is None else [registry.declaration(name)]
    if as_markdown:
        print(markdown(found), end="")
        return
    costs = {one.name: costs_of(one.name) for one in found} if cost else {}
    if as_json:
        plain = [_plain(declaration, costs) for declaration in found]
        print(json.dumps(plain, indent=2, default=str))
    elif name is None:
        Console().print(_table(found, costs))
    else:
        _show(found[0], costs)


def _plain(declaration: Declaration, costs: Costs) -> dict[str, Any]:
    parameters = [
        {field.name: getattr(parameter, field.name) for field in fields(Parameter)}
        for parameter in declaration.parameters
    ]
    measured = costs.get(declaration.name)
    cost = {} if measured is None else {"cost": {w: asdict(one) for w, one in measured.items()}}
    return asdict(declaration) | {"parameters": parameters} | cost


def _table(declarations: list[Declaration], costs: Costs) -> Table:
    """Two columns only, so that it stays readable in a narrow terminal."""
    table = Table("detector", "what it is, bytes per entity, parameters, limits", box=SIMPLE)
    for declaration in declarations:
        size = declaration.bytes_per_entity
        memory = "-" if size is None else f"{size:,}"
        parameters = ", ".join(f"{p.name}={p.default}" for p in declaration.parameters)
        lines = [
            Text(f"{declaration.summary} ({declaration.source})"),
            Text(f"bytes per entity: {memory}; stored as {declaration.snapshot}", "dim"),
            *_costs(declaration, costs),
            Text(parameters, "cyan"),
        ]
        if declaration.exceptions:
            lines.append(Text(f"cannot meet: {', '.join(declaration.exceptions)}", "yellow"))
        table.add_row(Text(declaration.name, "bold", overflow="fold"), Text("\n").join(lines))
    return table


def _costs(declaration: Declaration, costs: Costs) -> list[Text]:
    """Return a line of what was measured; none if nothing was asked for."""
    if declaration.name not in costs:
        return []
    found = costs[declaration.name].items()
    shown = "; ".join(f"{_cost(one)} with {width}" for width, one in found) or "unknown"
    return [Text(f"an event, by number of values, measured now: {shown}", "dim")]


def _cost(cost: Cost) -> str:
    cold = "" if cost.warm else ", not warm yet"
    method = f"median of {cost.rounds} rounds, {cost.events:,} events{cold}"
    return f"{cost.ns:,.0f} ns ({method})"


def _show(declaration: Declaration, costs: Costs) -> None:
    console = Console()
    console.print(Text(declaration.name, "bold"))
    console.print(Text(f"{declaration.summary.rstrip('.')}. {declaration.suits}".strip()))
    console.print(Text(f"sees: {', '.join(declaration.kinds)}", "dim"))
    console.print(Text(f"source: {declaration.source}", "dim"))
    memory = [f"{size:,} with {width}" for width, size in sizes_of(declaration).items()]
    sizes = f"bytes per entity, by number of values: {', '.join(memory) or 'unknown'}"
    console.print(Text(f"{sizes}; stored as {declaration.snapshot}", "dim"))
    console.print(*_costs(declaration, costs), sep="\n", end="\n" if costs else "")
    for limit in limits(declaration):
        console.print(Text(f"cannot meet {limit}", "yellow"))
    if declaration.parameters:
        table = Table("parameter", "type", "default", "meaning", box=SIMPLE)
        for parameter in declaration.parameters:
            shown = parameter.name, parameter.type, str(parameter.default), parameter.description
            table.add_row(*map(Text, shown))
        console.print(table)
