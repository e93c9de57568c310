"""Series: scored values, downsampled."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Create the table."""
    text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.create_table(
        "series",
        sa.Column("pipeline", sa.Text(), nullable=False),
        sa.Column("step", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("entity", text, nullable=False),
        sa.Column("value", text, nullable=False),
        sa.Column("begin", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.Float(), nullable=False),
        sa.Column("least", sa.Float(), nullable=False),
        sa.Column("greatest", sa.Float(), nullable=False),
        sa.Column("low", sa.Float(), nullable=True),
        sa.Column("high", sa.Float(), nullable=True),
        sa.Column("rarity", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint(
            "pipeline", "step", "entity", "value", "begin", name=op.f("pk_series")
        ),
    )
    op.create_index(
        op.f("ix_series_pipeline_step_value_begin"),
        "series",
        ["pipeline", "step", "value", "begin"],
    )
    op.create_index(op.f("ix_series_step_begin"), "series", ["step", "begin"])
