"""`python -m bench.store 1000000 1000000 [URL]`: what a store with so much in it takes for lists.

So many anomalies, a tenth as many incidents, and so many scored values are written straight into
the tables: a server would take hours. Then each question of the API's lists is asked for different
things, one after the other. Without a URL the store is a SQLite in a directory of its own; that of
an empty PostgreSQL is for its user, with the password in PYNOMALY_DATABASE_PASSWORD.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from sqlalchemy import Engine, Table, text

from bench.figures import report
from connectors.sql import tables
from connectors.sql.database import connect
from connectors.sql.migrations.versions.v0010_lanes import FILL
from connectors.sql.store import SqlStore
from engine.application.control.caller import SYSTEM
from engine.application.control.find_anomalies import find_documents
from engine.application.control.find_entities import (
    EntityFilter,
    find_entities,
    find_worst_entities,
)
from engine.application.control.find_incidents import find_incidents
from engine.application.control.find_lanes import LaneRequest, find_lanes
from engine.application.control.find_series import SeriesRequest, find_nearest, find_series
from engine.application.control_ports import UnitOfWork
from engine.domain.alert_policy import Severity
from engine.domain.control.incident import Status
from engine.domain.control.lane import STEPS
from engine.domain.control.page import AnomalyFilter, IncidentFilter
from engine.domain.control.series import COARSE, EVENTS, FINE
from engine.domain.time_units import NS_PER_DAY, NS_PER_SECOND
from tests.support.published import BEGAN, anomaly

ENTITIES = 1_000
PIPELINES = ("quick", "slow")
SPAN = 90 * NS_PER_DAY
END = BEGAN - BEGAN % NS_PER_DAY + SPAN
KINDS = ("spike",) * 60 + ("drift",) * 25 + ("level",) * 10 + ("pattern",) * 5
SEVERITIES = ("minor",) * 80 + ("major",) * 19 + ("critical",)
EACH = 6
"""Scored values in a bucket of a minute: one in ten seconds."""
ASKED = 40
Question = Callable[[UnitOfWork], Any]


def anomalies(count: int) -> Iterator[tuple[Any, ...]]:
    """Return rows of anomalies, evenly over the span; entities and kinds at random."""
    draw, form = random.Random(1), orjson.dumps(_document()).decode()
    for number in range(count):
        time_ns = END - SPAN + SPAN * number // count
        # The rarest of all: a list of them reads the most.
        kind = "reset" if number % 1_000_003 == 7 else draw.choice(KINDS)
        key, severity = _key(draw.randrange(ENTITIES)), draw.choice(SEVERITIES)
        pipeline, one = PIPELINES[number % 10 == 0], f"{draw.getrandbits(128):032x}"
        p_value, incident = 10 ** -draw.uniform(4, 12), f"{number // 10:032x}"
        yield (
            *(one, pipeline, key, time_ns, severity, kind, 0.9, p_value, incident, "too hot"),
            form.replace("ID", one).replace("KEY", key).replace("KIND", kind),
        )


def incidents(count: int) -> Iterator[tuple[Any, ...]]:
    """Return rows of incidents, nearly all of them resolved."""
    draw = random.Random(2)
    for number in range(count):
        began = END - SPAN + SPAN * number // count
        status = "open" if draw.random() < 0.01 else "resolved"
        key, severity = _key(draw.randrange(ENTITIES)), draw.choice(SEVERITIES)
        facts = (key, began, began + 9, severity, 10, "too hot", True, began, None)
        yield (f"{number:032x}", PIPELINES[number % 10 == 0], *facts, status, "ada", 1)


def buckets(count: int, step: int) -> Iterator[tuple[Any, ...]]:
    """Return rows of series, by key, of the minutes that so many values need."""
    minutes = max(1, count // EACH // ENTITIES)
    for key in sorted(map(_key, range(ENTITIES))):
        for value in (EVENTS, "temperature"):
            for back in range(minutes * FINE // step, 0, -1):
                draw = 60.0 + back % 7
                yield (
                    *(PIPELINES[0], step, key, value, END - back * step, EACH * step // FINE),
                    *(draw * EACH, draw - 1, draw + 1, 50.0, 80.0, back * 7919 % 1_000 / 200),
                )


def _document() -> dict[str, Any]:
    values = [{"name": name, "value": 20.5, "low": 1.0, "high": 19.0} for name in "abc"]
    return anomaly(1, id="ID", entity="KEY", kind="KIND", values=values)


def _key(number: int) -> str:
    return f"pump-{number:04}"


def fill(engine: Engine, table: Table, rows: Iterable[tuple[Any, ...]]) -> None:
    """Write rows into a table in bulk; its indexes are made afterwards."""
    indexes = list(table.indexes)
    for index in indexes:
        index.drop(engine)
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    with closing(engine.raw_connection()) as raw:
        cursor, rows = raw.cursor(), iter(rows)
        if engine.dialect.name == "postgresql":
            with cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            raw.commit()
        else:
            cursor.execute("PRAGMA synchronous=OFF")
            places = ", ".join("?" for _ in table.columns)
            while some := list(islice(rows, 100_000)):
                cursor.execute("BEGIN")
                cursor.executemany(f"INSERT INTO {table.name} ({names}) VALUES ({places})", some)
                cursor.execute("COMMIT")
    for index in indexes:
        index.create(engine)


def fill_all(engine: Engine, count: int, scores: int) -> None:
    """Write everything."""
    fill(engine, tables.anomalies, anomalies(count))
    fill(engine, tables.incidents, incidents(count // 10))
    fill(engine, tables.series, (row for step in (FINE, COARSE) for row in buckets(scores, step)))
    with engine.begin() as connection:
        for step in STEPS:
            connection.execute(text(FILL.format(step=step)))
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))


def questions(draw: random.Random) -> dict[str, Question]:
    """Return what the lists ask, each for things at random."""
    hour, day = STEPS[1:]
    key, kind, severity = _key(draw.randrange(ENTITIES)), draw.choice(KINDS), Severity.CRITICAL
    until = END - draw.randrange(SPAN // 2)
    filters = {
        "newest": AnomalyFilter(),
        "deep": AnomalyFilter(until=until),
        "pipeline": AnomalyFilter(pipeline="slow"),
        "entity": AnomalyFilter(entity=key),
        "entity of a pipeline": AnomalyFilter(pipeline="quick", entity=key),
        "entity and kind": AnomalyFilter(entity=key, kind=kind),
        "entity and a kind that it never had": AnomalyFilter(entity=key, kind="never"),
        "entity, kind and severity": AnomalyFilter(entity=key, kind="pattern", severity=severity),
        "kind": AnomalyFilter(kind=kind),
        "a rare kind": AnomalyFilter(kind="reset"),
        "kind and severity": AnomalyFilter(kind="pattern", severity=severity),
        "kind and severity, never both": AnomalyFilter(kind="reset", severity=severity),
        "pipeline and severity": AnomalyFilter(pipeline="slow", severity=severity),
        "pipeline, kind, severity": AnomalyFilter("slow", kind="pattern", severity=severity),
        "pipeline that has none, kind": AnomalyFilter(pipeline="none", kind="spike"),
        "incident": AnomalyFilter(incident=f"{draw.randrange(100):032x}"),
    }
    asked: dict[str, Question] = {
        f"anomalies: {name}": partial(_documents, one) for name, one in filters.items()
    }
    for name, one in {
        "newest": IncidentFilter(),
        "open": IncidentFilter(status=Status.OPEN),
        "open of an entity": IncidentFilter(entity=key, status=Status.OPEN),
        "open and critical": IncidentFilter(status=Status.OPEN, severity=severity),
        "of somebody, none open": IncidentFilter(assignee="ada", closed=False),
    }.items():
        asked[f"incidents: {name}"] = partial(_incidents, one)
    for name, span, step in (("day", day, hour), ("week", 7 * day, hour), ("month", 30 * day, day)):
        request = LaneRequest("quick", until - span, until, step, 50)
        asked[f"lanes: a {name}"] = partial(_asked, find_lanes, request)
    prefix = EntityFilter("quick", prefix=key[:6])
    asked["entities: by prefix"] = lambda work: find_entities(work, SYSTEM, prefix, "", 50)
    asked["entities: worst ever"] = lambda work: find_worst_entities(
        work, SYSTEM, "quick", None, 50
    )
    asked["entities: worst of a week"] = lambda work: find_worst_entities(
        work, SYSTEM, "quick", END - 7 * day, 50
    )
    for name, span, step in (
        ("day", day, FINE),
        ("week", 7 * day, 10 * FINE),
        ("30 days", 30 * day, COARSE),
    ):
        wanted = SeriesRequest("quick", key, END - span, END, step)
        asked[f"series: {name}"] = partial(_asked, find_series, wanted)
    since = END - 600 * NS_PER_SECOND
    asked["series: nearest to alerting"] = lambda work: find_nearest(
        work, SYSTEM, "quick", since, 50
    )
    return asked


def _asked(find: Callable[..., Any], wanted: Any, work: UnitOfWork) -> Any:
    return find(work, SYSTEM, wanted)


def _documents(wanted: AnomalyFilter, work: UnitOfWork) -> Any:
    return find_documents(work, SYSTEM, wanted, None, 50)


def _incidents(wanted: IncidentFilter, work: UnitOfWork) -> Any:
    return find_incidents(work, SYSTEM, wanted, None, 50)


def ask(store: SqlStore) -> dict[str, list[float]]:
    """Return p50, p95 and the greatest of each question, in ms."""
    draw, took = random.Random(3), dict[str, list[float]]()
    for _ in range(ASKED):
        for name, question in questions(draw).items():
            began = time.perf_counter()
            with store.reading() as work:
                question(work)
            took.setdefault(name, []).append((time.perf_counter() - began) * 1_000)
    return {
        name: [round(float(one), 1) for one in np.percentile(each, [50, 95, 100])]
        for name, each in took.items()
    }


def measure(count: int, scores: int, url: str) -> dict[str, Any]:
    """Fill a store, and return what its lists take."""
    password = os.environ.get("PYNOMALY_DATABASE_PASSWORD")
    with closing(SqlStore(url, password)) as store:
        store.prepare()
        engine, began = connect(url, password), time.perf_counter()
        fill_all(engine, count, scores)
        engine.dispose()
        filled = round(time.perf_counter() - began)
        print(f"filled in {filled} s", file=sys.stderr, flush=True)
        return {"anomalies": count, "scored values": scores, "ms: p50, p95, greatest": ask(store)}


def main() -> None:
    """Measure, and print or keep what was found."""
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    count, scores = int(words[0]), int(words[1])
    folder = Path(tempfile.mkdtemp(prefix="pynomaly-bench-"))
    try:
        url = words[2] if len(words) > 2 else f"sqlite:///{folder}/store.db"
        report(
            "store", "Questions of the API's lists, of a full store", measure(count, scores, url)
        )
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
