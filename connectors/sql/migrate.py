"""Migrations: the tables of an older release become those of this one."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from engine.domain.errors import ConnectorError

FOLDER = Path(__file__).with_name("migrations")
LOCK = 7_225_083_665
"""Of PostgreSQL's advisory locks: several servers may start at once."""


def migrate(engine: Engine) -> None:
    """Bring the tables up to date, in one transaction.

    Raises:
        ConnectorError: they are of a newer release.
    """
    config = configuration()
    with engine.connect().execution_options(writing=True) as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        _refuse_newer(connection, ScriptDirectory.from_config(config))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def require_current(engine: Engine) -> None:
    """Look at the tables without a change.

    Raises:
        ConnectorError: they are not those of this release.
    """
    scripts = ScriptDirectory.from_config(configuration())
    with engine.connect() as connection:
        _refuse_newer(connection, scripts)
        found = MigrationContext.configure(connection).get_current_revision()
    if found != scripts.get_current_head():
        state = "empty" if found is None else f'of an older release (revision "{found}")'
        raise ConnectorError(f"the database is {state}: run pynomaly store migrate")


def configuration() -> Config:
    """Return what alembic needs to know."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _refuse_newer(connection: Connection, scripts: ScriptDirectory) -> None:
    found = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in scripts.walk_revisions()}
    if found is not None and found not in known:
        raise ConnectorError(
            f'the database is of a newer release (revision "{found}"): install that release, or '
            "restore a backup made with this one"
        )
