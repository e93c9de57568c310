"""What a run says to somebody who starts it for the first time."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.e2e.test_pipeline import PYNOMALY
from tests.support.commands import run_command
from tests.support.kafka_settings import HOST, free_port

FILE = """
name: first
source: {file: {path: in.ndjson}}
event: {key: id, values: [v]}
detectors: [zscore]
sinks:
  anomalies:
    - file: {path: out.ndjson}
    - alertmanager: {url: "ALERTS", timeout: 2s}
metrics: METRICS
"""
COUNT = 500
OPTIONS = ("p.yaml", "--log-format", "text")


class NoAlertmanager(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def other_server() -> Iterator[str]:
    with ThreadingHTTPServer((HOST, 0), NoAlertmanager) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{HOST}:{server.server_port}"
        server.shutdown()


def run(folder: Path, alerts: str, metrics: str = "null") -> subprocess.CompletedProcess[str]:
    write(folder, alerts, metrics)
    return run_command("run", *OPTIONS, folder=folder)


def write(folder: Path, alerts: str, metrics: str = "null") -> None:
    text = FILE.replace("ALERTS", alerts).replace("METRICS", metrics)
    (folder / "p.yaml").write_text(text)
    lines = [json.dumps({"id": "a", "v": n % 7}) for n in range(COUNT)]
    (folder / "in.ndjson").write_text("\n".join([*lines, "garbage", ""]))


def test_a_sink_that_cannot_be_used_is_reported_before_anything_is_read(
    tmp_path: Path, other_server: str
) -> None:
    done = run(tmp_path, other_server)

    assert done.returncode == 2
    last = done.stderr.splitlines()[-1]
    assert f"stopped: sink anomalies.alertmanager: {other_server} answered 404" in last
    assert "first[0]" not in done.stderr, "a process was started"
    assert not (tmp_path / "out.ndjson").exists()


def test_a_taken_metrics_port_is_reported_before_the_run_is_announced(
    tmp_path: Path, other_server: str
) -> None:
    port = other_server.rpartition(":")[2]

    done = run(tmp_path, other_server, metrics=f"{{port: {port}}}")

    assert done.returncode == 2
    assert f"cannot listen on {HOST}:{port} " in done.stderr
    assert "starting first" not in done.stderr


def test_a_sink_that_does_not_answer_is_warned_of_and_waited_for(tmp_path: Path) -> None:
    done = run(tmp_path, f"http://{HOST}:{free_port()}")

    assert done.returncode == 0, done.stderr
    warned = [line for line in done.stderr.splitlines() if "WARNING" in line]
    assert any("anomalies.alertmanager" in line and "it is waited for" in line for line in warned)


def test_an_error_that_stops_a_run_is_logged_once(tmp_path: Path) -> None:
    write(tmp_path, f"http://{HOST}:{free_port()}")
    file = tmp_path / "p.yaml"
    file.write_text(file.read_text().replace("out.ndjson", "/proc/none/out.ndjson"))

    done = run_command("run", *OPTIONS, folder=tmp_path)

    assert done.returncode == 2
    assert done.stderr.count("cannot be written") == 1
    assert "stopped: process 0: " in done.stderr.splitlines()[-1]


def test_a_run_ends_with_a_summary(tmp_path: Path) -> None:
    write(tmp_path, f"http://{HOST}:{free_port()}")

    # A real command line: what Python and libraries print at a start would be seen.
    done = subprocess.run(
        [*PYNOMALY, "run", *OPTIONS],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    last = done.stderr.splitlines()[-1]

    assert f"the source has ended: {COUNT + 1} messages read" in last
    assert "1 rejected, 0 anomalies in" in last
