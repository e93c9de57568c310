"""Migrations of the store: they follow each other in one line."""

from __future__ import annotations

from alembic.script import ScriptDirectory

from connectors.sql.migrate import configuration


def test_migrations_have_one_end() -> None:
    assert len(ScriptDirectory.from_config(configuration()).get_heads()) == 1
