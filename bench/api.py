"""`python -m bench.api 1000000 10`: reads of the API's lists, with so many anomalies, for so long.

The server has one core, the clients the other. The floor is a FastAPI endpoint that returns a page
of the same size and does nothing else. A page has 50 anomalies: the newest ones, those of an
entity, of a kind, and pages deep in the list, by their cursors. Each of these is asked for once, so
that none is kept by the server ("cold"). "kept" asks for the same pages again and again; "written"
does so while the store is changed ten times a second, which empties the server's caches.
"""

from __future__ import annotations

import socket
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from subprocess import Popen
from threading import Event, Thread
from typing import Any
from urllib.parse import urlencode

import httpx
import numpy as np
import orjson
import uvicorn
from fastapi import FastAPI, Response

from bench.figures import arguments, report
from bench.measured import cpu_seconds
from bench.running import pinned
from engine.application.control.caller import SYSTEM
from engine.application.control.find_anomalies import find_anomalies
from engine.application.control.first_start import first_start
from engine.domain.control.page import AnomalyFilter
from engine.presentation.api.requests import written
from engine.presentation.cli.control_store import open_store
from tests.support.api_server import ApiServer
from tests.support.bound_process import start_bound
from tests.support.kafka_settings import HOST, free_port
from tests.support.prometheus_servers import wait_for
from tests.support.published import BEGAN, SECOND, anomaly

CONNECTIONS = 8
ENTITIES = 1_000
KINDS = ("spike", "drift", "level", "pattern")
INSERT = "INSERT INTO anomalies VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
WRITES_SECONDS = 0.1
MOST_READS = 30_000
"""Requests that are prepared: more than come in the time."""
DEEP = 40
"""Pages deep in the list that are asked for."""


def fill(file: Path, count: int) -> None:
    """Write anomalies straight into the database of a server that does not run."""
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("PRAGMA synchronous=OFF")
        database.executemany(INSERT, map(_row, range(count)))


def _row(number: int) -> tuple[Any, ...]:
    entity, kind = f"pump-{number * 7919 % ENTITIES}", KINDS[number % len(KINDS)]
    one = anomaly(number, entity=entity, kind=kind, values=[{"name": "t", "value": 20.5}] * 3)
    columns = [
        "id",
        "pipeline",
        "entity",
        "time_ns",
        "severity",
        "kind",
        "score",
        "p_value",
        "incident",
        "summary",
    ]
    return (*(one[name] for name in columns), orjson.dumps(one).decode())


def load(
    process: int, port: int, token: str, paths: Sequence[str], seconds: float
) -> dict[str, float]:
    """Ask for paths on some connections; return reads a second, and ms of a read.

    The processor time of the server, in ms a read, holds on a busy machine too.
    """
    took: list[float] = []
    until = time.perf_counter() + seconds
    requests = [
        f"GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        for path in paths
    ]
    threads = [
        Thread(target=_ask, args=(port, requests, n, until, took)) for n in range(CONNECTIONS)
    ]
    began, busy = time.perf_counter(), cpu_seconds(process)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rate = len(took) / (time.perf_counter() - began)
    p50, p95, p99 = np.percentile(took, [50, 95, 99]) * 1_000
    cpu = (cpu_seconds(process) - busy) / len(took) * 1_000
    return {"reads_per_second": round(rate), "p50": p50, "p95": p95, "p99": p99, "cpu": cpu}


def _ask(port: int, requests: Sequence[bytes], first: int, until: float, took: list[float]) -> None:
    number = first
    with socket.create_connection((HOST, port)) as connection:
        while (began := time.perf_counter()) < until:
            connection.sendall(requests[number % len(requests)])
            _read(connection)
            took.append(time.perf_counter() - began)
            number += 1


def _read(connection: socket.socket) -> None:
    head = b""
    while b"\r\n\r\n" not in head:
        head += connection.recv(65_536)
    top, _, body = head.partition(b"\r\n\r\n")
    assert top.startswith(b"HTTP/1.1 200"), head[:500]
    missing = int(top.lower().split(b"content-length: ")[1].split(b"\r\n")[0]) - len(body)
    while missing > 0:
        missing -= len(connection.recv(min(missing, 65_536)))


def _floor(port: int) -> None:
    """Serve a page that is there already."""
    app, page = FastAPI(), orjson.dumps([orjson.loads(_row(n)[-1]) for n in range(50)])

    @app.get("/")
    def bare() -> Response:
        return Response(page, media_type="application/json")

    uvicorn.run(app, host=HOST, port=port, log_level="warning")


def measure(count: int, seconds: float) -> dict[str, Any]:
    """Return what the lists and the floor gave."""
    found: dict[str, Any] = {"anomalies": count}
    with tempfile.TemporaryDirectory(prefix="pynomaly-bench-") as place:
        folder, port = Path(place), free_port()
        server = ApiServer(folder, before=pinned([0]))
        with closing(open_store(server.directory, None)) as store:
            with store.writing() as work:
                made = first_start(work, time.time_ns())
            assert made is not None
            fill(server.directory / "store.db", count)
            deep = []
            for part in range(1, DEEP):
                behind = BEGAN + count * part // DEEP * SECOND
                with store.reading() as work:
                    page = find_anomalies(work, SYSTEM, AnomalyFilter(until=behind), None, 50)
                deep.append("/api/v1/anomalies?" + urlencode({"cursor": written(page.next) or ""}))
        lists = {
            "newest": ["/api/v1/anomalies?"],
            "entity": [f"/api/v1/anomalies?entity=pump-{n}" for n in range(ENTITIES)],
            "kind": [f"/api/v1/anomalies?kind={kind}" for kind in KINDS],
            "deep": deep,
        }
        bare = [sys.executable, "-m", "bench.api", "floor", str(port)]
        floor = start_bound(pinned([0], *bare), folder / "floor.log")
        try:
            wait_for(lambda: _answers(port), "the floor")
            found["floor"] = load(floor.pid, port, "", ["/"], seconds)
        finally:
            _end(floor)
        with server:
            at = server.pid, server.port, made.secret
            for name, paths in lists.items():
                found[f"{name}, cold"] = load(*at, _once_each(paths), seconds)
            _ask_each(server.port, made.secret, lists["deep"])
            found["kept"] = load(*at, lists["deep"], seconds)
            with _written(server.directory / "store.db"):
                found["written"] = load(*at, lists["deep"], seconds)
    return found


def _ask_each(port: int, token: str, paths: Sequence[str]) -> None:
    """Ask for each path once, so that it is kept."""
    with httpx.Client(headers={"Authorization": f"Bearer {token}"}, timeout=60) as client:
        for path in paths:
            client.get(f"http://{HOST}:{port}{path}", headers={"Accept-Encoding": "identity"})


def _once_each(paths: Sequence[str]) -> list[str]:
    """Return paths of which none comes twice, by a parameter that the server passes over."""
    return [f"{paths[n % len(paths)]}&n={n}" for n in range(MOST_READS)]


@contextmanager
def _written(file: Path) -> Iterator[None]:
    """Change a database some times a second, as a pipeline does that stores what it finds."""
    stop = Event()

    def write() -> None:
        with closing(sqlite3.connect(file, timeout=60)) as database:
            number = 0
            while not stop.wait(WRITES_SECONDS):
                number += 1
                database.execute(f"PRAGMA user_version = {number}")

    writer = Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        stop.set()
        writer.join()


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://{HOST}:{port}/", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def _end(process: Popen[bytes]) -> None:
    process.kill()
    process.wait()


if __name__ == "__main__":
    if sys.argv[1:2] == ["floor"]:
        _floor(int(sys.argv[2]))
    else:
        many, long = [*arguments(), 1_000_000, 10][:2]
        report("api", "Reads of the API's lists of 50, over HTTP, on one core", measure(many, long))
