"""The tables; migrations create them, and a test compares both.

Times are ns since 1970. Documents are JSON in texts, which both databases keep as they are.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, MetaData, String, Table, Text

metadata = MetaData(
    naming_convention={"pk": "pk_%(table_name)s", "ix": "ix_%(table_name)s_%(column_0_N_name)s"}
)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def _later(name: str) -> Column[str]:
    """Return a text that rows of an earlier release do not have."""
    return Column(name, Text, nullable=False, server_default="")


def _number(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


anomalies = Table(
    "anomalies",
    metadata,
    Column("id", String(100), primary_key=True),
    _text("pipeline"),
    _text("entity"),
    _number("time"),
    _text("severity"),
    _text("kind"),
    Column("score", Float, nullable=False),
    Column("p_value", Float, nullable=False),
    Column("incident", String(100), nullable=False),
    _text("summary"),
    _text("document"),
    Index(None, "time", "id"),
    # All others begin with a severity: a list of any has a part for each.
    Index(None, "severity", "time", "id"),
    Index(None, "kind", "severity", "time", "id"),
    Index(None, "pipeline", "severity", "time", "id"),
    Index(None, "pipeline", "kind", "severity", "time", "id"),
    # Those of an entity are few: what else is asked of them is looked up in the index.
    Index("ix_anomalies_entity", "entity", "time", "id", "kind", "severity", "pipeline"),
    Index("ix_anomalies_incident", "incident", "time", "id", "kind", "severity", "pipeline"),
)

_ASKED = ("status", "severity", "assignee", "closed", "pipeline")
incidents = Table(
    "incidents",
    metadata,
    Column("id", String(100), primary_key=True),
    _text("pipeline"),
    _text("entity"),
    _number("began"),
    _number("last"),
    _text("severity"),
    _number("count"),
    _text("summary"),
    Column("closed", Boolean, nullable=False),
    _number("changed"),
    Column("document", Text),
    _text("status"),
    Column("assignee", Text),
    _number("revision"),
    Column("story", String(100)),
    # What else is asked of an incident is looked up in the index.
    *(
        Index(f"ix_incidents_{name}", *dict.fromkeys([name, "began", "id", *_ASKED]))
        for name in ("began", "entity", *_ASKED, "story")
        if name != "severity"
    ),
    Index(None, "last"),
)

comments = Table(
    "comments",
    metadata,
    Column("id", String(100), primary_key=True),
    Column("incident", String(100), nullable=False),
    _text("author"),
    _number("time"),
    _text("text"),
    Index(None, "incident", "time"),
)

lanes = Table(
    "lanes",
    metadata,
    Column("pipeline", Text, primary_key=True),
    Column("step", BigInteger, primary_key=True, autoincrement=False),
    # By code points, as Python compares.
    Column("entity", Text().with_variant(Text(collation="C"), "postgresql"), primary_key=True),
    Column("begin", BigInteger, primary_key=True, autoincrement=False),
    _number("count"),
    Column("p_value", Float, nullable=False),
    _number("severity"),
    # Has all that overviews read.
    Index(None, "pipeline", "step", "begin", "entity", "severity", "count", "p_value"),
    Index(None, "begin"),
    # Sorted by their keys: the cells of an entity lie side by side.
    sqlite_with_rowid=False,
)

backtests = Table(
    "backtests",
    metadata,
    Column("id", String(100), primary_key=True),
    Column("pipeline", String(100), nullable=False),
    _number("number"),
    _text("digest"),
    _text("source"),
    _text("author"),
    _number("created"),
    Column("stage", String(100), nullable=False),
    _text("host"),
    Column("started", BigInteger),
    Column("ended", BigInteger),
    Column("anomalies", BigInteger),
    Column("incidents", BigInteger),
    Column("rejects", BigInteger),
    _text("error"),
    _later("request"),
    _later("trace"),
    Index(None, "created", "id"),
    Index(None, "pipeline", "created", "id"),
    Index(None, "stage", "created"),
)

backtest_anomalies = Table(
    "backtest_anomalies",
    metadata,
    Column("backtest", String(100), primary_key=True),
    Column("id", String(100), primary_key=True),
    _number("time"),
    _text("document"),
    Index(None, "backtest", "time", "id"),
)

datasets = Table(
    "datasets",
    metadata,
    Column("name", String(100), primary_key=True),
    _text("source"),
    _text("event"),
    _text("author"),
    _number("changed"),
    _number("revision"),
)

series = Table(
    "series",
    metadata,
    Column("pipeline", Text, primary_key=True),
    Column("step", BigInteger, primary_key=True, autoincrement=False),
    Column("entity", Text().with_variant(Text(collation="C"), "postgresql"), primary_key=True),
    Column("value", Text().with_variant(Text(collation="C"), "postgresql"), primary_key=True),
    Column("begin", BigInteger, primary_key=True, autoincrement=False),
    _number("count"),
    Column("total", Float, nullable=False),
    Column("least", Float, nullable=False),
    Column("greatest", Float, nullable=False),
    Column("low", Float),
    Column("high", Float),
    Column("rarity", Float, nullable=False),
    # Has all that a search for the rarest reads.
    Index(None, "pipeline", "step", "value", "begin", "entity", "rarity"),
    # Of the begin alone: SQLite would read an entity by an index that begins with the step.
    Index(None, "begin"),
    sqlite_with_rowid=False,
)

users = Table(
    "users",
    metadata,
    Column("name", String(100), primary_key=True),
    _text("role"),
    Column("password", Text),
    _number("created"),
    Column("disabled", Boolean, nullable=False),
    _number("failures"),
    _number("locked_until"),
    _number("revision"),
    Column("subject", Text),
    _text("grants"),
    Index(None, "subject", unique=True),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", String(100), primary_key=True),
    Column("user", String(100), nullable=False),
    _text("name"),
    _text("kind"),
    _text("digest"),
    _text("role"),
    _number("created"),
    _number("expires"),
    Column("revoked", BigInteger),
    Column("session", String(100)),
    Index(None, "user", "created"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", String(100), primary_key=True),
    Column("user", String(100), nullable=False),
    _text("address"),
    _text("csrf"),
    _number("created"),
    _number("expires"),
    Column("ended", BigInteger),
    Index(None, "user", "created"),
)

secrets = Table(
    "secrets",
    metadata,
    Column("name", String(200), primary_key=True),
    _text("sealed"),
    _number("created"),
)

audit = Table(
    "audit",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    _number("time"),
    _text("actor"),
    _text("address"),
    _text("action"),
    _text("subject"),
    _text("before"),
    _text("after"),
    _text("reason"),
    _text("previous"),
    _text("digest"),
    _later("request"),
    _later("trace"),
    Index(None, "subject", "number"),
)

generations = Table(
    "generations",
    metadata,
    # Counted by triggers, so by whoever changes something.
    Column("name", String(100), primary_key=True),
    _number("number"),
)

replies = Table(
    "replies",
    metadata,
    Column("user", String(100), primary_key=True),
    Column("key", String(200), primary_key=True),
    _text("request"),
    _number("status"),
    _text("body"),
    Column("etag", Text),
    _number("created"),
    Index(None, "created"),
)

positions = Table(
    "positions",
    metadata,
    Column("source", String(500), primary_key=True),
    Column("partition", String(100), primary_key=True),
    _number("position"),
)

feed = Table(
    "feed",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    _text("kind"),
    _text("pipeline"),
    _text("entity"),
    _text("data"),
)

pipeline_versions = Table(
    "pipeline_versions",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    _text("text"),
    _text("author"),
    _number("created"),
    _text("reason"),
)
