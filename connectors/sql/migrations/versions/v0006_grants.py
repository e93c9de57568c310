"""Roles of users on single pipelines."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the column: nobody has any yet."""
    op.add_column("users", sa.Column("grants", sa.Text(), nullable=False, server_default="{}"))
