"""Traces in a real Jaeger: `make jaeger`, which builds it; the suite leaves it out."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from tests.e2e.test_pipeline import file_pipeline, run
from tests.e2e.test_tracing import WAY, add_tracing, anomalies
from tests.support.bound_process import start_bound
from tests.support.jaeger_program import jaeger
from tests.support.kafka_settings import HOST, free_port

pytestmark = pytest.mark.skipif(
    "PYNOMALY_TEST_JAEGER" not in os.environ, reason="building Jaeger takes minutes: make jaeger"
)

LISTENS = (
    "admin.http",
    "collector.grpc-server",
    "collector.http-server",
    "collector.otlp.grpc",
    "collector.otlp.http",
    "query.grpc-server",
    "query.http-server",
)
Span = dict[str, Any]


class Jaeger:
    """A Jaeger that runs: it takes spans at `endpoint`, and is asked for traces."""

    def __init__(self, folder: Path) -> None:
        ports = {name: free_port() for name in LISTENS}
        self.endpoint = f"http://{HOST}:{ports['collector.otlp.http']}/v1/traces"
        self._query = f"http://{HOST}:{ports['query.http-server']}/api"
        flags = [f"--{name}.host-port={HOST}:{port}" for name, port in ports.items()]
        self._process = start_bound([str(jaeger()), *flags], folder / "jaeger.log")
        self._wait_until_ready()

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()

    def services(self) -> list[str]:
        return self._ask("services") or []

    def trace(self, trace_id: str) -> list[Span]:
        """Return the spans of a trace."""
        [found] = self._ask(f"traces/{trace_id}")
        spans: list[Span] = found["spans"]
        return spans

    def _ask(self, path: str) -> Any:
        with urlopen(f"{self._query}/{path}", timeout=120) as answer:
            return json.load(answer)["data"]

    def _wait_until_ready(self) -> None:
        until = time.monotonic() + 120
        while True:
            try:
                self.services()
                return
            except (URLError, OSError):
                assert time.monotonic() < until, "Jaeger does not answer"
                time.sleep(0.2)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Jaeger]:
    found = Jaeger(tmp_path)
    yield found
    found.close()


def way(span: Span, spans: dict[str, Span]) -> list[str]:
    """Return the names from the root to a span."""
    parents = [each["spanID"] for each in span["references"] if each["refType"] == "CHILD_OF"]
    assert len(parents) <= 1
    before = way(spans[parents[0]], spans) if parents else []
    return [*before, span["operationName"]]


def test_jaeger_shows_the_way_of_each_anomaly(tmp_path: Path, server: Jaeger) -> None:
    file, _ = file_pipeline(tmp_path)
    add_tracing(file, server.endpoint, 1)
    done: subprocess.CompletedProcess[str] = run("run", file, "--processes", 2)

    assert done.returncode == 0, done.stderr
    found = anomalies(tmp_path / "p.out")
    assert found
    assert "p" in server.services()
    for trace_id in {str(anomaly["trace_id"]) for anomaly in found}:
        spans = {span["spanID"]: span for span in server.trace(trace_id)}
        assert {span["operationName"] for span in spans.values()} == set(WAY)
        for span in spans.values():
            assert way(span, spans) == WAY[: WAY.index(span["operationName"]) + 1]
            # A step begins when the one before it has ended: Jaeger takes that for a wrong clock.
            assert all("clock skew" in warning for warning in span["warnings"] or ())
