"""`pynomaly store`: the store of the control plane, brought up to date and saved."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.presentation.cli.control_store import DIRECTORY, Database, Directory, open_store

store = typer.Typer(no_args_is_help=True, help="The store of the control plane.")


@store.command()
def migrate(directory: Directory = DIRECTORY, database: Database = None) -> None:
    """Create the tables, or bring those of an older release up to date.

    `pynomaly serve` does it as well, unless it is started with --no-migrate.
    """
    open_store(directory, database).close()
    print("the store is up to date")


@store.command()
def backup(
    file: Annotated[Path, typer.Argument(help="New file for the copy.")],
    directory: Directory = DIRECTORY,
) -> None:
    """Copy a store in SQLite as it is at one moment, while the server runs.

    The secret key is not in it: keep it in another place. PostgreSQL is saved by pg_dump.
    """
    opened = open_store(directory, None, migrating=False)
    try:
        opened.backup(file)
    finally:
        opened.close()
    print(f"the store is saved in {file}")
