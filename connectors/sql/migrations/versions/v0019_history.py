"""An index of what was changed, so that the changes of one incident are found."""

from __future__ import annotations

from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Add the index."""
    op.create_index("ix_audit_subject_number", "audit", ["subject", "number"])
