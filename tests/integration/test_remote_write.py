"""Requests of remote write as a real Prometheus sends them, read by the format."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from engine.domain.reject import RejectReason
from tests.support.bound_process import start_bound
from tests.support.debian_programs import ProgramUnavailableError, program
from tests.support.kafka_settings import HOST, free_port
from tests.support.prometheus_servers import wait_for
from tests.unit.connectors.formats.format_case import decode

PAGE = b"""# HELP pump_temperature_celsius Of the bearing.
# TYPE pump_temperature_celsius gauge
pump_temperature_celsius{pump="p1",site="a \\"b\\""} 61.5
# TYPE pump_starts_total counter
pump_starts_total{pump="p1"} 7
"""
EVENT = """
format: prometheus
where: {path: labels.job, equals: pumps}
key: [name, labels.pump]
time: {path: timestamp, unit: ms}
max_future: 36500d
values: [value]
"""


class Handler(BaseHTTPRequestHandler):
    """Serves a page of metrics, and takes requests of remote write."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def do_POST(self) -> None:
        server: Any = self.server
        server.requests.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Any]:
    with ThreadingHTTPServer((HOST, 0), Handler) as found:
        found.daemon_threads = True
        found.requests = []  # type: ignore[attr-defined]
        Thread(target=found.serve_forever, daemon=True).start()
        yield found
        found.shutdown()


def test_samples_that_prometheus_writes_are_events(server: Any, tmp_path: Path) -> None:
    try:
        prometheus = program("prometheus")
    except ProgramUnavailableError as error:
        pytest.skip(str(error))
    own = f"{HOST}:{server.server_port}"
    (tmp_path / "prometheus.yml").write_text(f"""
global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}
scrape_configs: [{{job_name: pumps, static_configs: [{{targets: ["{own}"]}}]}}]
remote_write: [{{url: "http://{own}/write", queue_config: {{batch_send_deadline: 200ms}}}}]
""")
    options = [f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data"]
    address = f"--web.listen-address={HOST}:{free_port()}"

    process = start_bound([prometheus, *options, address], tmp_path / "prometheus.log")
    try:
        wait_for(lambda: any(b"pump" in one for one in server.requests), "samples of the page")
    finally:
        process.terminate()
        process.wait()

    events, rejects = decode(EVENT, *server.requests)
    values = dict(zip(events.keys.tolist(), events.values[:, 0].tolist(), strict=True))
    # Prometheus adds samples of its own to each scrape, such as up.
    assert {reject.reason for reject in rejects} <= {RejectReason.MISSING_KEY}
    assert values["pump_temperature_celsius/p1"] == 61.5
    assert values["pump_starts_total/p1"] == 7.0
