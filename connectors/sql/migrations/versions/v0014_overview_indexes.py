"""Indexes that overviews read alone, and that no other query is misled by."""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Replace the indexes."""
    op.drop_index("ix_lanes_pipeline_step_begin", "lanes")
    op.create_index(
        op.f("ix_lanes_pipeline_step_begin_entity_severity_count_p_value"),
        "lanes",
        ["pipeline", "step", "begin", "entity", "severity", "count", "p_value"],
    )
    op.drop_index("ix_series_pipeline_step_value_begin", "series")
    op.create_index(
        op.f("ix_series_pipeline_step_value_begin_entity_rarity"),
        "series",
        ["pipeline", "step", "value", "begin", "entity", "rarity"],
    )
    op.drop_index("ix_series_step_begin", "series")
    op.create_index(op.f("ix_series_begin"), "series", ["begin"])
