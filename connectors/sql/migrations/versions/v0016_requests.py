"""A count of changes to who may do what; the request behind audit records and backtests."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

IDENTITIES = ("users", "tokens", "sessions")
COUNT = "UPDATE generations SET number = number + 1 WHERE name = 'identities'"
TRIGGER_SQLITE = "CREATE TRIGGER count_{table}_{event} AFTER {event} ON {table} BEGIN {count}; END"
FUNCTION_POSTGRESQL = f"""
CREATE FUNCTION count_identities() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN {COUNT}; RETURN NULL; END $$
"""
# At the end of the transaction: it waits for nobody who waits for it.
TRIGGER_POSTGRESQL = """
CREATE CONSTRAINT TRIGGER count_{table} AFTER INSERT OR UPDATE OR DELETE ON {table}
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION count_identities()
"""


def upgrade() -> None:
    """Create the table and its triggers, and add the columns."""
    op.create_table(
        "generations",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_generations")),
    )
    op.execute("INSERT INTO generations (name, number) VALUES ('identities', 0)")
    if op.get_bind().dialect.name == "postgresql":
        op.execute(FUNCTION_POSTGRESQL)
        for table in IDENTITIES:
            op.execute(TRIGGER_POSTGRESQL.format(table=table))
    else:
        for table in IDENTITIES:
            for event in ("INSERT", "UPDATE", "DELETE"):
                op.execute(TRIGGER_SQLITE.format(table=table, event=event, count=COUNT))
    for table in ("audit", "backtests"):
        for name in ("request", "trace"):
            # Servers of the release before write rows without them.
            op.add_column(table, sa.Column(name, sa.Text(), nullable=False, server_default=""))
