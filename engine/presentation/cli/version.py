"""`pynomaly version` and `pynomaly --version`: the version of the engine."""

from __future__ import annotations

import typer

import engine


def version() -> None:
    """Print the version."""
    print(engine.__version__)


def print_version(asked: bool) -> None:
    """Print the version and end, if it was asked for."""
    if asked:
        version()
        raise typer.Exit
