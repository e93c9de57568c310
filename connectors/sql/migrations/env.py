"""Runs migrations on the connection that it is given."""

from __future__ import annotations

from alembic import context

from connectors.sql.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # Of SQLite: its tables are copied where they cannot be altered.
    render_as_batch=True,
)
context.run_migrations()
