"""The story of an incident, by which lists are filtered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

COLUMNS = ["story", "began", "id", "status", "severity", "assignee", "closed", "pipeline"]
IDS = {
    "sqlite": "json_extract(document, '$.story.id')",
    "postgresql": "document::json -> 'story' ->> 'id'",
}
FILL = "UPDATE incidents SET story = {} WHERE document LIKE '%\"story\":{{%'"


def upgrade() -> None:
    """Add the column, take it from the records that are stored, and add its index."""
    op.add_column("incidents", sa.Column("story", sa.String(length=100)))
    op.execute(FILL.format(IDS[op.get_bind().dialect.name]))
    op.create_index("ix_incidents_story", "incidents", COLUMNS)
