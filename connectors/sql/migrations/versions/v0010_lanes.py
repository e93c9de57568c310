"""Lanes: anomalies summed up by entity and span of time, those that are there already too."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0006"

STEPS = (300 * 10**9, 3_600 * 10**9, 86_400 * 10**9)
FILL = """
INSERT INTO lanes (pipeline, step, entity, "begin", count, p_value, severity)
SELECT pipeline, {step}, entity, time - ((time % {step}) + {step}) % {step}, count(*), min(p_value),
    max(CASE severity WHEN 'critical' THEN 2 WHEN 'major' THEN 1 ELSE 0 END)
FROM anomalies GROUP BY pipeline, entity, time - ((time % {step}) + {step}) % {step}
"""


def upgrade() -> None:
    """Create the table, and fill it."""
    text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.create_table(
        "lanes",
        sa.Column("pipeline", sa.Text(), nullable=False),
        sa.Column("step", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("entity", text, nullable=False),
        sa.Column("begin", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("p_value", sa.Float(), nullable=False),
        sa.Column("severity", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("pipeline", "step", "entity", "begin", name=op.f("pk_lanes")),
    )
    op.create_index(op.f("ix_lanes_pipeline_step_begin"), "lanes", ["pipeline", "step", "begin"])
    op.create_index(op.f("ix_lanes_begin"), "lanes", ["begin"])
    for step in STEPS:
        op.execute(FILL.format(step=step))
