"""An index for every list; SQLite keeps lanes and series in the order of their keys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

OLD = (
    ("anomalies", ("severity", "pipeline", "kind", "entity", "incident"), "time"),
    ("incidents", ("status", "assignee", "entity", "pipeline"), "began"),
)
BESIDE = ["kind", "severity", "pipeline"]
ASKED = ["status", "severity", "assignee", "closed", "pipeline"]
NEW = {
    "ix_anomalies_severity_time_id": ["severity", "time", "id"],
    "ix_anomalies_kind_severity_time_id": ["kind", "severity", "time", "id"],
    "ix_anomalies_pipeline_severity_time_id": ["pipeline", "severity", "time", "id"],
    "ix_anomalies_pipeline_kind_severity_time_id": ["pipeline", "kind", "severity", "time", "id"],
    "ix_anomalies_entity": ["entity", "time", "id", *BESIDE],
    "ix_anomalies_incident": ["incident", "time", "id", *BESIDE],
    "ix_incidents_began": ["began", "id", *ASKED],
    "ix_incidents_entity": ["entity", "began", "id", *ASKED],
    "ix_incidents_status": ["status", "began", "id", *ASKED[1:]],
    "ix_incidents_assignee": ["assignee", "began", "id", "status", "severity", *ASKED[3:]],
    "ix_incidents_closed": ["closed", "began", "id", *ASKED[:3], "pipeline"],
    "ix_incidents_pipeline": ["pipeline", "began", "id", *ASKED[:4]],
}


def upgrade() -> None:
    """Replace the indexes, and in SQLite the tables of sums."""
    for table, columns, time in OLD:
        for column in columns:
            op.drop_index(f"ix_{table}_{column}_{time}_id", table)
    op.drop_index("ix_incidents_began_id", "incidents")
    for name, wanted in NEW.items():
        op.create_index(name, name.split("_")[1], wanted)
    if op.get_bind().dialect.name == "sqlite":
        _sort_lanes()
        _sort_series()


def _sort_lanes() -> None:
    """Copy the table into one without row ids."""
    op.create_table(
        "sorted_lanes",
        sa.Column("pipeline", sa.Text(), primary_key=True),
        sa.Column("step", sa.BigInteger(), primary_key=True),
        sa.Column("entity", sa.Text(), primary_key=True),
        sa.Column("begin", sa.BigInteger(), primary_key=True),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("p_value", sa.Float(), nullable=False),
        sa.Column("severity", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
    )
    _replace("lanes", "pipeline, step, entity, begin")
    op.create_index(
        "ix_lanes_pipeline_step_begin_entity_severity_count_p_value",
        "lanes",
        ["pipeline", "step", "begin", "entity", "severity", "count", "p_value"],
    )
    op.create_index("ix_lanes_begin", "lanes", ["begin"])


def _sort_series() -> None:
    """Copy the table into one without row ids."""
    op.create_table(
        "sorted_series",
        sa.Column("pipeline", sa.Text(), primary_key=True),
        sa.Column("step", sa.BigInteger(), primary_key=True),
        sa.Column("entity", sa.Text(), primary_key=True),
        sa.Column("value", sa.Text(), primary_key=True),
        sa.Column("begin", sa.BigInteger(), primary_key=True),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.Float(), nullable=False),
        sa.Column("least", sa.Float(), nullable=False),
        sa.Column("greatest", sa.Float(), nullable=False),
        sa.Column("low", sa.Float()),
        sa.Column("high", sa.Float()),
        sa.Column("rarity", sa.Float(), nullable=False),
        sqlite_with_rowid=False,
    )
    _replace("series", "pipeline, step, entity, value, begin")
    op.create_index(
        "ix_series_pipeline_step_value_begin_entity_rarity",
        "series",
        ["pipeline", "step", "value", "begin", "entity", "rarity"],
    )
    op.create_index("ix_series_begin", "series", ["begin"])


def _replace(table: str, key: str) -> None:
    op.execute(f"INSERT INTO sorted_{table} SELECT * FROM {table} ORDER BY {key}")
    op.drop_table(table)
    op.rename_table(f"sorted_{table}", table)
