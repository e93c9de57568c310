"""Backtests, and the anomalies that they found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "backtests",
        sa.Column("id", sa.String(length=100), nullable=False),
        sa.Column("pipeline", sa.String(length=100), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("stage", sa.String(length=100), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("started", sa.BigInteger(), nullable=True),
        sa.Column("ended", sa.BigInteger(), nullable=True),
        sa.Column("anomalies", sa.BigInteger(), nullable=True),
        sa.Column("incidents", sa.BigInteger(), nullable=True),
        sa.Column("rejects", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backtests")),
    )
    op.create_index(op.f("ix_backtests_created_id"), "backtests", ["created", "id"])
    op.create_index(
        op.f("ix_backtests_pipeline_created_id"), "backtests", ["pipeline", "created", "id"]
    )
    op.create_index(op.f("ix_backtests_stage_created"), "backtests", ["stage", "created"])
    op.create_table(
        "backtest_anomalies",
        sa.Column("backtest", sa.String(length=100), nullable=False),
        sa.Column("id", sa.String(length=100), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("backtest", "id", name=op.f("pk_backtest_anomalies")),
    )
    op.create_index(
        op.f("ix_backtest_anomalies_backtest_time_id"),
        "backtest_anomalies",
        ["backtest", "time", "id"],
    )
