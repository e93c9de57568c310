"""All metrics of the server. Labels are routes, statuses and what is followed, never entities."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from engine import __version__

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class ServerMetrics:
    """The metrics of one server; attributes are prometheus_client metrics."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests()
        self._following()
        self._resources()

    def _requests(self) -> None:
        self.requests = self._counter(
            "requests", "Requests answered, by template of the route", "method", "route", "status"
        )
        self.request_seconds = Histogram(
            "pynomaly_server_request_seconds",
            "From a request to the end of its reply; of streams, to their beginning",
            ("method", "route"),
            buckets=SECONDS,
            registry=self.registry,
        )
        self.in_progress = self._gauge("requests_in_progress", "Requests being answered")
        self.stream_clients = self._gauge("stream_clients", "Clients that watch the live feed")

    def _following(self) -> None:
        self.following = self._gauge(
            "following", "Whether a topic or file is followed now: 1 or 0", "source"
        )
        self.follow_errors = self._counter(
            "follow_errors", "Times that following a topic or file broke off", "source"
        )
        self.followed = self._counter(
            "followed_messages", "Messages read of a topic or file", "source"
        )
        self.lag = self._gauge("lag_messages", "Messages of a topic not yet read", "source")
        self.ingested = self._counter(
            "ingested_records", "Anomalies and incidents stored, new or changed", "kind"
        )
        self.unreadable = self._counter(
            "unreadable_messages", "Messages that are neither an anomaly nor an incident", "source"
        )

    def _resources(self) -> None:
        self.connections = self._gauge("database_connections", "Database connections in use")
        self.most_connections = self._gauge(
            "database_connections_limit", "Database connections that may be in use at once"
        )
        self.refused = self._counter(
            "store_errors", "Requests refused because the store could not be used"
        )
        self.cache_up = self._gauge(
            "cache_up", "Whether the cache that servers share answers: 1 or 0", "cache"
        )
        cached = self._counter(
            "cache_reads", "Looks at what is kept of reads, by what was found", "cache", "result"
        )
        self._cached = {
            (cache, found): cached.labels(cache, "hit" if found else "miss")
            for cache in ("identities", "pages")
            for found in (True, False)
        }
        self.limited = self._counter("limited_requests", "Requests beyond a rate limit", "limit")
        self.info = self._gauge("info", "Always 1", "version")
        self.info.labels(__version__).set(1)

    def count_cached(self, cache: str, found: bool) -> None:
        """Count a look at what is kept of reads."""
        self._cached[cache, found].inc()

    def watch(
        self, stream_clients: Callable[[], float], connections: Callable[[], tuple[int, int]]
    ) -> None:
        """Read gauges where their values are.

        Args:
            stream_clients: how many watch the live feed.
            connections: database connections in use, and how many there may be.
        """
        self.stream_clients.set_function(stream_clients)
        self.connections.set_function(lambda: connections()[0])
        self.most_connections.set_function(lambda: connections()[1])

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"pynomaly_server_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"pynomaly_server_{name}", text, labels, registry=self.registry)
