"""The metrics page of the server: what it shows, and addresses that it refuses."""

from __future__ import annotations

import httpx
import pytest

from engine.application.telemetry.server_metrics import ServerMetrics
from engine.domain.errors import FatalError
from engine.presentation.api.metrics_page import serve_metrics


def test_the_page_shows_gauges_as_they_are_when_it_is_read() -> None:
    metrics = ServerMetrics()
    clients = [1]
    metrics.watch(lambda: clients[0], lambda: (3, 20))
    page = serve_metrics("127.0.0.1:0", metrics.registry)
    try:
        clients[0] = 7
        text = httpx.get(f"http://127.0.0.1:{page.server_port}/metrics").text
    finally:
        page.shutdown()
        page.server_close()

    assert "pynomaly_server_stream_clients 7.0" in text
    assert "pynomaly_server_database_connections 3.0" in text
    assert "pynomaly_server_database_connections_limit 20.0" in text
    assert "process_resident_memory_bytes" in text


@pytest.mark.parametrize("address", ["", "9465", "127.0.0.1", "h:x", "u@h:1", "h:1/metrics"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(FatalError, match="expected host:port"):
        serve_metrics(address, ServerMetrics().registry)


def test_a_port_that_is_taken_is_refused() -> None:
    page = serve_metrics("127.0.0.1:0", ServerMetrics().registry)
    try:
        with pytest.raises(FatalError, match="Choose another port"):
            serve_metrics(f"127.0.0.1:{page.server_port}", ServerMetrics().registry)
    finally:
        page.server_close()
