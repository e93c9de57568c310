"""Commands that are imported once they are used: a shell that completes a word waits for none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pkgutil import resolve_name
from typing import Any

import typer
from typer.core import TyperGroup

PACKAGE = "engine.presentation.cli"
PLACES = {
    "run": "run:run",
    "serve": "serve:serve",
    "demo": "demo:demo",
    "validate": "validate:validate",
    "suggest": "suggest:suggest",
    "sample": "suggest:sample",
    "explain": "explain:explain",
    "rejects": "rejects:rejects",
    "detectors": "detectors:detectors",
    "schema": "schema:schema",
    "mcp": "mcp:mcp",
    "version": "version:version",
    "control": "control:control",
    "state": "state:state",
    "audit": "audit:audit",
    "store": "store:store",
    "incidents": "remote_handling:incidents",
    "pipelines": "remote_data:pipelines",
    "backtests": "remote_backtests:backtests",
    "datasets": "remote_data:datasets",
    "series": "remote_data:series",
    "silences": "remote_control:silences",
    "records": "remote_records:records",
    "feedback": "remote_control:feedback",
    "users": "remote_identity:users",
    "tokens": "remote_identity:tokens",
}
"""Module, and name in it, of each command: a function, or the group of its own commands.

Of a group to which several modules add, the one that imports the others."""


class LazyCommands(Mapping[str, Any]):
    """The commands by their names; a command is imported by looking it up."""

    def __getitem__(self, name: str) -> Any:
        found = resolve_name(f"{PACKAGE}.{PLACES[name]}")
        if isinstance(found, typer.Typer):
            command = typer.main.get_group(found)
            command.name = name
            return command
        app = typer.Typer(add_completion=False)
        app.command(name)(found)
        return typer.main.get_command(app)

    def __iter__(self) -> Iterator[str]:
        return iter(PLACES)

    def __len__(self) -> int:
        return len(PLACES)


class LazyGroup(TyperGroup):
    """The group of all commands."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given | {"commands": LazyCommands()})

    def list_commands(self, _ctx: Any) -> list[str]:
        """Return the names of the commands in the order of the help page; none is imported."""
        return list(PLACES)
