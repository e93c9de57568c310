"""The watch of the bounds: what processes have said, also when one of them has ended."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import cast

from tests.bounds.watch import Watch
from tests.chaos.engine import Engine
from tests.support.kafka_settings import free_port


class Two:
    """An engine of two processes whose memory nobody asks for."""

    processes = 2

    def workers(self) -> list[int]:
        """Return no process ids."""
        return []


class MetricsPage(BaseHTTPRequestHandler):
    """A page with ten events."""

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200)
        self.end_headers()
        text = b"# TYPE pynomaly_events counter\npynomaly_events_total 10.0\n"
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def serve(port: int) -> HTTPServer:
    server = HTTPServer(("127.0.0.1", port), MetricsPage)
    threading.Thread(target=server.serve_forever).start()
    return server


def end(server: HTTPServer) -> None:
    server.shutdown()
    server.server_close()


def test_what_a_process_that_has_ended_said_last_still_counts() -> None:
    port = free_port(together=2)
    servers = [serve(port), serve(port + 1)]
    watch = Watch(cast("Engine", Two()), port)
    try:
        while watch.now.get("pynomaly_events_total") != 20:
            time.sleep(0.05)
        end(servers.pop())
        # A look that is under way may have seen both.
        for _ in range(2):
            before = watch.now
            while watch.now is before:
                time.sleep(0.05)

        assert watch.now["pynomaly_events_total"] == 20
    finally:
        watch.stop()
        end(servers.pop())
