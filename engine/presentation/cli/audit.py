"""`pynomaly audit`: the audit log of the control plane."""

from __future__ import annotations

import typer

from engine.application.control.caller import SYSTEM
from engine.application.control.read_audit import verify_audit
from engine.presentation.cli.control_store import (
    DIRECTORY,
    Database,
    Directory,
    open_store,
    require_own_store,
)

audit = typer.Typer(no_args_is_help=True, help="The audit log of the control plane.")


@audit.command()
def verify(directory: Directory = DIRECTORY, database: Database = None) -> None:
    """Check that no record of the audit log was changed or removed.

    Ends with exit code 2 and the number of the first record that is wrong. Note the digest that is
    printed: if records were cut off at the end, an older digest is no longer in the log.
    """
    if database is None:
        require_own_store(directory)
    store = open_store(directory, database)
    try:
        with store.reading() as work:
            found = verify_audit(work, SYSTEM)
    finally:
        store.close()
    print(f"{found.records} records are as they were written; digest of the last: {found.digest}")


@audit.callback()
def _group() -> None:
    """Keep `verify` a command of a group, to which others may be added."""
