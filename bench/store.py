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
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bench.figures import report
from bench.store_content import END, ENTITIES, SPAN, fill, key
from connectors.sql.database import connect
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
from engine.domain.control.series import COARSE, FINE
from engine.domain.time_units import NS_PER_SECOND

KINDS = ("spike", "drift", "level", "pattern")
ASKED = 40
Question = Callable[[UnitOfWork], Any]


def questions(draw: random.Random) -> dict[str, Question]:
    """Return what the lists ask, each for things at random."""
    hour, day = STEPS[1:]
    entity, kind, severity = key(draw.randrange(ENTITIES)), draw.choice(KINDS), Severity.CRITICAL
    until = END - draw.randrange(SPAN // 2)
    filters = {
        "newest": AnomalyFilter(),
        "deep": AnomalyFilter(until=until),
        "pipeline": AnomalyFilter(pipeline="slow"),
        "entity": AnomalyFilter(entity=entity),
        "entity of a pipeline": AnomalyFilter(pipeline="quick", entity=entity),
        "entity and kind": AnomalyFilter(entity=entity, kind=kind),
        "entity and a kind that it never had": AnomalyFilter(entity=entity, kind="never"),
        "entity, kind and severity": AnomalyFilter(
            entity=entity, kind="pattern", severity=severity
        ),
        "kind": AnomalyFilter(kind=kind),
        "a rare kind": AnomalyFilter(kind="reset"),
        "kind and severity": AnomalyFilter(kind="pattern", severity=severity),
        "kind and severity, never both": AnomalyFilter(kind="reset", severity=severity),
        "pipeline and severity": AnomalyFilter(pipeline="slow", severity=severity),
        "pipeline, kind, severity": AnomalyFilter("slow", kind="pattern", severity=severity),
        "pipeline that has none, kind": AnomalyFilter(pipeline="none", kind="spike"),
        "incident": AnomalyFilter(incident=f"{draw.randrange(100):032}"),
    }
    asked: dict[str, Question] = {
        f"anomalies: {name}": partial(_documents, one) for name, one in filters.items()
    }
    for name, one in {
        "newest": IncidentFilter(),
        "open": IncidentFilter(status=Status.OPEN),
        "open of an entity": IncidentFilter(entity=entity, status=Status.OPEN),
        "open and critical": IncidentFilter(status=Status.OPEN, severity=severity),
        "of somebody, none open": IncidentFilter(assignee="user-7", closed=False),
        "one of each story": IncidentFilter(is_collapsed=True),
        "one of each story, resolved": IncidentFilter(
            status=Status.RESOLVED, until=until, is_collapsed=True
        ),
        "one of each story, open": IncidentFilter(status=Status.OPEN, is_collapsed=True),
    }.items():
        asked[f"incidents: {name}"] = partial(_incidents, one)
    for name, span, step in (("day", day, hour), ("week", 7 * day, hour), ("month", 30 * day, day)):
        request = LaneRequest("quick", until - span, until, step, 50)
        asked[f"lanes: a {name}"] = partial(_asked, find_lanes, request)
    prefix = EntityFilter("quick", prefix=entity[:6])
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
        wanted = SeriesRequest("quick", entity, END - span, END, step)
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
    """Return p50 and p95 of each question, and p95 of its processor time, in ms.

    The processor time is ours: all of it with SQLite, and without PostgreSQL's own.
    """
    draw, took = random.Random(3), dict[str, list[tuple[float, float]]]()
    for _ in range(ASKED):
        for name, question in questions(draw).items():
            began, busy = time.perf_counter(), time.thread_time()
            with store.reading() as work:
                question(work)
            one = time.perf_counter() - began, time.thread_time() - busy
            took.setdefault(name, []).append(one)
    found = {}
    for name, each in took.items():
        clock, own = (np.array(column) * 1_000 for column in zip(*each, strict=True))
        three = [np.median(clock), np.percentile(clock, 95), np.percentile(own, 95)]
        found[name] = [round(float(one), 1) for one in three]
    return found


def measure(count: int, scores: int, url: str) -> dict[str, Any]:
    """Fill a store, and return what its lists take."""
    password = os.environ.get("PYNOMALY_DATABASE_PASSWORD")
    with closing(SqlStore(url, password)) as store:
        store.prepare()
    engine, began = connect(url, password), time.perf_counter()
    fill(engine, count, scores)
    engine.dispose()
    print(f"filled in {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    with closing(SqlStore(url, password)) as store:
        return {
            "anomalies": count,
            "scored values": scores,
            "ms: p50, p95, p95 of processor time": ask(store),
        }


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
