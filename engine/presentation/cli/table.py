"""Rows of results, as a table, JSON or YAML."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer


class Format(StrEnum):
    """How results are printed."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


As = Annotated[Format, typer.Option("--output", "-o", help="How to print.")]


def print_rows(
    rows: Sequence[Mapping[str, Any]], columns: Iterable[str], output: Format = Format.TABLE
) -> None:
    """Print rows: these columns of them in a table, else all."""
    if output is Format.JSON:
        print(json.dumps(list(rows), indent=2))
    elif output is Format.YAML:
        import yaml

        print(yaml.safe_dump(list(rows), sort_keys=False), end="")
    else:
        _print_table(rows, tuple(columns))


def printable(text: str) -> str:
    """Return a text with ? for each sign that terminals obey and do not show.

    Keys of entities and the like come from messages: they could clear the screen, or colour it.
    """
    return "".join(sign if sign.isprintable() else "?" for sign in text)


def _print_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    shown = [[_cell(row[name]) for name in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *shown, strict=True)]
    for cells in (columns, *shown):
        line = "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        print(line.rstrip())


def _cell(value: object) -> str:
    return "" if value is None else printable(str(value))
