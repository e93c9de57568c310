"""What is measured of a run whose source ends before the benchmark does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench import measured
from bench.running import Running
from tests.support.kafka_settings import free_port

PAGE = """
import sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer

class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        served.append(1)
        # Some processor time, of which the system counts hundredths of a second.
        until = time.process_time() + 0.03
        while time.process_time() < until:
            pass
        body = b"pynomaly_events_total %d\\n" % (1_000 * len(served))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass

served = []
server = HTTPServer(("127.0.0.1", int(sys.argv[1])), Page)
while len(served) < 12:
    server.handle_request()
"""


def run(folder: Path, port: int) -> Running:
    """Start a supervisor, and a process of it whose page ends when all is read."""
    page = folder / "page.py"
    page.write_text(PAGE)
    words = [sys.executable, str(page), str(port)]
    supervisor = f"import subprocess; subprocess.run({words!r}, check=True)"
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, "-c", supervisor], stderr=output)
    return Running(process, log)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured, "WARM_UP", 0.0)
    monkeypatch.setattr(measured, "LOOK", 0.01)


def test_what_was_seen_before_the_end_counts(tmp_path: Path) -> None:
    port = free_port()

    rate = measured.watch([run(tmp_path, port)], [port], 20_000, 15_000)

    assert rate.events_per_second > 0


def test_a_run_that_ends_too_early_says_what_to_do(tmp_path: Path) -> None:
    port = free_port()

    with pytest.raises(RuntimeError, match=r"of 500,000 events had been .* measure more events"):
        measured.watch([run(tmp_path, port)], [port], 1_000_000, 500_000)
