"""PostgreSQL reads the lanes of some entities from the index of their keys alone."""

from __future__ import annotations

from alembic import op

revision = "0018"
down_revision = "0017"

KEY = """
ALTER TABLE lanes DROP CONSTRAINT pk_lanes,
ADD CONSTRAINT pk_lanes PRIMARY KEY (pipeline, step, entity, "begin")
INCLUDE (count, p_value, severity)
"""


def upgrade() -> None:
    """Put what lanes show beside their keys; SQLite keeps whole rows in that order."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(KEY)
