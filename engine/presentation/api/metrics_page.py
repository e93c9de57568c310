"""The metrics page of the server, on an address of its own: it needs no token and no store."""

from __future__ import annotations

from threading import Thread
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry, make_wsgi_app

from engine.application.cluster.metrics_server import MetricsServer
from engine.domain.errors import FatalError


def serve_metrics(address: str, registry: CollectorRegistry) -> MetricsServer:
    """Serve a registry in the background.

    Args:
        address: host:port to listen on.
        registry: the metrics.

    Raises:
        FatalError: the address is not valid, or cannot be listened on.
    """
    try:
        parts = urlsplit(f"//{address}")
        plain = parts.netloc == address and parts.username is None
        if parts.hostname is None or parts.port is None or not plain:
            raise ValueError
    except ValueError:
        raise FatalError(f"--metrics {address}: expected host:port, as in 127.0.0.1:9465") from None
    try:
        server = MetricsServer(parts.hostname, parts.port)
    except OSError as error:
        raise FatalError(
            f"--metrics {address} cannot be listened on: {error.strerror}. Choose another port"
        ) from None
    server.set_app(make_wsgi_app(registry))
    Thread(target=server.serve_forever, name="metrics page", daemon=True).start()
    return server
