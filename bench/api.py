"""`python -m bench.api 1000000 10`: reads of the API's lists, with so many anomalies, for so long.

The server has one core, the clients the other. The floor is a FastAPI endpoint that returns a page
of the same size and does nothing else. A page has 50 anomalies: the newest ones, those of an
entity, of a kind, and pages deep in the list, by their cursors; or 50 incidents with their records,
of which there are a tenth as many. Each of these is asked for once, so
that none is kept by the server ("cold"). "kept" asks for the same pages again and again; "written"
asks for a mix of all of them while 20 incidents a second are stored, which empties the server's
caches.
"""

from __future__ import annotations

import selectors
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from itertools import count
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
from bench.store_content import END, ENTITIES, KINDS, SPAN, document, fill, key
from connectors.sql.database import connect
from engine.application.control.caller import SYSTEM
from engine.application.control.find_anomalies import find_anomalies
from engine.application.control.first_start import first_start
from engine.application.control.ingest import ingest
from engine.domain.control.page import AnomalyFilter
from engine.presentation.api.requests import written
from engine.presentation.cli.control_store import open_store
from tests.support.api_server import ApiServer
from tests.support.bound_process import start_bound
from tests.support.kafka_settings import HOST, free_port
from tests.support.prometheus_servers import wait_for
from tests.support.published import anomaly

CONNECTIONS = 8
WRITES = 20
"""Incidents that are stored, a second."""
MOST_READS = 30_000
"""Requests that are prepared: more than come in the time."""
DEEP = 40
"""Pages deep in the list that are asked for."""


def load(
    process: int, port: int, token: str, paths: Sequence[str], seconds: float
) -> dict[str, float]:
    """Ask for paths on some connections; return reads a second, and ms of a read.

    The processor time of the server, in ms a read, holds on a busy machine too.
    """
    requests = [
        f"GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        for path in paths
    ]
    began, busy = time.perf_counter(), cpu_seconds(process)
    took = _asked(port, requests, began + seconds)
    rate = len(took) / (time.perf_counter() - began)
    p50, p95, p99 = np.percentile(took, [50, 95, 99]) * 1_000
    cpu = (cpu_seconds(process) - busy) / len(took) * 1_000
    return {"reads_per_second": round(rate), "p50": p50, "p95": p95, "p99": p99, "cpu": cpu}


def _asked(port: int, requests: Sequence[bytes], until: float) -> list[float]:
    """Ask on all connections at once, the next request after each reply; return what each took.

    One thread does it: threads that wait for each other would take as long as the server.
    """
    took: list[float] = []
    numbers = count()
    with selectors.DefaultSelector() as selector, ExitStack() as opened:
        for _ in range(CONNECTIONS):
            connection = opened.enter_context(socket.create_connection((HOST, port)))
            selector.register(connection, selectors.EVENT_READ, _Asking(connection))
        asking = [key.data for key in selector.get_map().values()]
        for one in asking:
            one.send(requests[next(numbers) % len(requests)])
        while time.perf_counter() < until:
            for key, _ in selector.select(1.0):
                if (seconds := key.data.received()) is not None:
                    took.append(seconds)
                    key.data.send(requests[next(numbers) % len(requests)])
    return took


class _Asking:
    """A connection, and the reply that it waits for."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._reply = b""
        self._began = 0.0

    def send(self, request: bytes) -> None:
        """Ask."""
        self._reply, self._began = b"", time.perf_counter()
        self._connection.sendall(request)

    def received(self) -> float | None:
        """Take what has come; return the seconds of the reply once it is whole."""
        self._reply += self._connection.recv(262_144)
        top, found, body = self._reply.partition(b"\r\n\r\n")
        if not found:
            return None
        assert top.startswith(b"HTTP/1.1 200"), top[:500]
        size = int(top.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        return time.perf_counter() - self._began if len(body) >= size else None


def _floor(port: int) -> None:
    """Serve a page that is there already."""
    app, page = FastAPI(), orjson.dumps([document()] * 50)

    @app.get("/")
    def bare() -> Response:
        return Response(page, media_type="application/json")

    uvicorn.run(app, host=HOST, port=port, log_level="warning")


def measure(many: int, seconds: float) -> dict[str, Any]:
    """Return what the lists and the floor gave."""
    found: dict[str, Any] = {"anomalies": many}
    with tempfile.TemporaryDirectory(prefix="pynomaly-bench-") as place:
        folder, port = Path(place), free_port()
        server = ApiServer(folder, before=pinned([0]))
        with closing(open_store(server.directory, None)) as store, store.writing() as work:
            made = first_start(work, time.time_ns())
        assert made is not None
        engine = connect(f"sqlite:///{server.directory / 'store.db'}", None)
        fill(engine, many, 0)
        engine.dispose()
        with closing(open_store(server.directory, None)) as store:
            deep = []
            for part in range(1, DEEP):
                behind = END - SPAN + SPAN * part // DEEP
                with store.reading() as work:
                    page = find_anomalies(work, SYSTEM, AnomalyFilter(until=behind), None, 50)
                deep.append("/api/v1/anomalies?" + urlencode({"cursor": written(page.next) or ""}))
        lists = {
            "newest": ["/api/v1/anomalies?"],
            "entity": [f"/api/v1/anomalies?entity={key(n)}" for n in range(ENTITIES)],
            "kind": [f"/api/v1/anomalies?kind={kind}" for kind in KINDS],
            "deep": deep,
            "incidents": ["/api/v1/incidents?"],
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
            with _written(server.directory):
                found["written"] = load(*at, _mixed(lists), seconds)
    return found


def _ask_each(port: int, token: str, paths: Sequence[str]) -> None:
    """Ask for each path once, so that it is kept."""
    with httpx.Client(headers={"Authorization": f"Bearer {token}"}, timeout=60) as client:
        for path in paths:
            client.get(f"http://{HOST}:{port}{path}", headers={"Accept-Encoding": "identity"})


def _once_each(paths: Sequence[str]) -> list[str]:
    """Return paths of which none comes twice, by an end that is later than all anomalies."""
    ends = (f"2100-01-01T00:00:00.{n:06}Z" for n in range(MOST_READS))
    return [f"{paths[n % len(paths)]}&until={end}" for n, end in enumerate(ends)]


def _mixed(lists: Mapping[str, Sequence[str]]) -> list[str]:
    """Return what some people look at again and again: each list as often, at most 40 of a kind."""
    return [paths[n % len(paths)] for n in range(DEEP) for paths in lists.values()]


@contextmanager
def _written(directory: Path) -> Iterator[None]:
    """Store anomalies, each of an incident of its own, as a pipeline does that finds many."""
    stop = Event()

    def write() -> None:
        with closing(open_store(directory, None)) as store:
            for number in count(10**9):
                if stop.wait(1 / WRITES):
                    return
                with store.writing() as work:
                    ingest(work, [anomaly(number, entity=key(number % ENTITIES))])

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
