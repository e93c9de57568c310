"""What `bench.store` fills a store with: the database makes the rows, many times as fast."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, Table, text

from connectors.sql import tables
from connectors.sql.migrations.versions.v0010_lanes import FILL
from engine.domain.control.lane import STEPS
from engine.domain.control.series import COARSE, FINE
from engine.domain.time_units import NS_PER_DAY
from tests.support.published import BEGAN, anomaly, incident

ENTITIES = 1_000
SPAN = 90 * NS_PER_DAY
END = BEGAN - BEGAN % NS_PER_DAY + SPAN
KINDS = {"spike": 60, "drift": 25, "level": 10, "pattern": 5}
SEVERITIES = {"minor": 80, "major": 19, "critical": 1}
EACH = 6
"""Scored values in a bucket of a minute: one in ten seconds."""
SPEED = (
    "journal_mode=OFF",
    "synchronous=OFF",
    "cache_size=-1000000",
    "temp_store=MEMORY",
    # Indexes are sorted by more than one.
    "threads=2",
)
NUMBERS = {
    "sqlite": "WITH RECURSIVE numbers(n) AS "
    "(SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < :last)",
    "postgresql": "WITH numbers(n) AS (SELECT * FROM generate_series(0, CAST(:last AS bigint)))",
}


def fill(engine: Engine, anomalies: int, scores: int) -> None:
    """Write so many anomalies, a tenth as many incidents, and so many scored values."""
    minutes = scores // EACH // ENTITIES
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            driver: Any = connection.connection.driver_connection
            for pragma in SPEED:
                driver.execute(f"PRAGMA {pragma}")
        connection.begin()
        _fill(connection, tables.anomalies, anomalies, _anomaly(anomalies))
        _fill(connection, tables.incidents, anomalies // 10, _incident(anomalies // 10))
        rows = {step: 2 * ENTITIES * (minutes * FINE // step) for step in (FINE, COARSE)}
        for step, count in rows.items():
            if count:
                _fill(connection, tables.series, count, _bucket(count, step))
        connection.execute(text(FILL.format(step=STEPS[0])))
        for before, step in pairwise(STEPS):
            # Of the sums before: they are fewer than anomalies.
            begin = f'"begin" - "begin" % {step}'
            sums = f"sum(count), min(p_value), max(severity) FROM lanes WHERE step = {before}"
            connection.execute(
                text(
                    'INSERT INTO lanes (pipeline, step, entity, "begin", count, p_value, severity) '
                    f"SELECT pipeline, {step}, entity, {begin}, {sums} "
                    f"GROUP BY pipeline, entity, {begin}"
                )
            )
        connection.commit()
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))


def key(number: int) -> str:
    """Return the key of an entity."""
    return f"pump-{number:04}"


def _fill(connection: Connection, table: Table, count: int, columns: Mapping[str, str]) -> None:
    """Write rows; indexes are made afterwards, unless some rows were there before."""
    first = connection.execute(table.select().limit(1)).first() is None
    for index in table.indexes if first else ():
        index.drop(connection)
    names = ", ".join(f'"{name}"' for name in columns)
    values = ", ".join(columns.values())
    numbers = NUMBERS[connection.dialect.name]
    numbers = numbers.replace(":last", str(count - 1))
    filling = f"INSERT INTO {table.name} ({names}) {numbers} SELECT {values} FROM numbers"
    # A colon does not begin a parameter here.
    connection.execute(text(filling.replace(":", "\\:")))
    for index in table.indexes if first else ():
        index.create(connection)


def _anomaly(count: int) -> dict[str, str]:
    found = {
        # In their order: the index of ids grows at its end, and not all over.
        "id": _id("n", "n * 48271 % 2147483647"),
        "pipeline": "CASE WHEN n % 10 = 0 THEN 'slow' ELSE 'quick' END",
        "entity": _key(f"n * 16807 % 2147483647 % {ENTITIES}"),
        "time": f"{END - SPAN} + n * {SPAN // count}",
        "severity": _drawn("n * 69621 % 2147483647 % 100", SEVERITIES),
        # One of a million is of a kind that has no others.
        "kind": "CASE WHEN n % 1000003 = 7 THEN 'reset' ELSE "
        f"{_drawn('n * 39373 % 2147483647 % 100', KINDS)} END",
        "score": "0.9",
        "p_value": "1.0 / (1000 + n * 611953 % 999983)",
        "incident": _id("0", "n / 10"),
        "summary": "'too hot'",
    }
    return found | {"document": _written(document(), found)}


def _incident(count: int) -> dict[str, str]:
    found = {
        "id": _id("0", "n"),
        "pipeline": "CASE WHEN n % 10 = 0 THEN 'slow' ELSE 'quick' END",
        "entity": _key(f"n * 16807 % 2147483647 % {ENTITIES}"),
        "began": f"{END - SPAN} + n * {SPAN // count}",
        "last": f"{END - SPAN} + n * {SPAN // count}",
        "severity": _drawn("n * 69621 % 2147483647 % 100", SEVERITIES),
        "count": "10",
        "summary": "'too hot'",
        "closed": "n % 100 > 0",
        "changed": f"{END - SPAN} + n * {SPAN // count}",
        "status": "CASE WHEN n % 100 < 2 THEN 'open' ELSE 'resolved' END",
        "assignee": "'user-' || CAST(n % 50 AS TEXT)",
        "revision": "1",
        # Eight of ten that follow each other.
        "story": f"CASE WHEN n % 10 > 1 THEN {_id('1', 'n / 10')} END",
    }
    return found | {"document": _written(record(), found)}


def _bucket(count: int, step: int) -> dict[str, str]:
    """Return the columns of buckets in the order of their keys."""
    spans = count // ENTITIES // 2
    return {
        "pipeline": "'quick'",
        "step": str(step),
        "entity": _key(f"n / {2 * spans}"),
        "value": f"CASE WHEN n / {spans} % 2 = 0 THEN '' ELSE 'temperature' END",
        "begin": f"{END} - ({spans} - n % {spans}) * {step}",
        "count": str(EACH * step // FINE),
        "total": "360.0",
        "least": "59.0",
        "greatest": "61.0",
        "low": "50.0",
        "high": "80.0",
        "rarity": "n * 7919 % 1000 / 200.0",
    }


def document() -> dict[str, Any]:
    """Return an anomaly as it is published, with the places of what differs."""
    values = [{"name": name, "value": 20.5, "low": 1.0, "high": 19.0} for name in "abc"]
    return anomaly(1, id="<id>", entity="<entity>", kind="<kind>", values=values)


def record() -> dict[str, Any]:
    """Return the record of an incident as it is published, with the places of what differs."""
    last = document()
    last["kind"] = "spike"
    return incident(1, 10, id="<id>", entity="<entity>", peak=last, last=last)


def _written(published: Mapping[str, Any], columns: Mapping[str, str]) -> str:
    """Return the text of a document, with columns at their places."""
    # Faster than replace(), which goes through the text for each name.
    pieces = re.split("<(id|entity|kind)>", orjson.dumps(published).decode())
    quoted = (columns[one] if n % 2 else f"'{one}'" for n, one in enumerate(pieces))
    return " || ".join(quoted)


def _id(high: str, low: str) -> str:
    """Return an id of two numbers, as 32 digits."""
    return " || ".join(f"substr(CAST(10000000000000000 + {one} AS TEXT), 2)" for one in (high, low))


def _key(number: str) -> str:
    return f"'pump-' || substr(CAST(10000 + {number} AS TEXT), 2)"


def _drawn(number: str, shares: Mapping[str, int]) -> str:
    """Return one of several words, by a number of 0 to 99."""
    below, cases = 0, []
    for word, share in shares.items():
        below += share
        cases.append(f"WHEN {number} < {below} THEN '{word}'")
    return f"CASE {' '.join(cases)} END"
