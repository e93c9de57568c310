"""A real Redis between servers: counts and news are shared, and done without while it is away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import pytest

from connectors.redis.cache import RedisCache
from engine.application.control.news import News
from engine.application.control.rate_limits import RateLimits
from engine.application.control.shared_cache import CacheLink
from engine.application.telemetry.server_metrics import ServerMetrics
from engine.domain.errors import ConnectorError
from tests.support.debian_programs import has_apt
from tests.support.prometheus_servers import wait_for
from tests.support.redis_server import PASSWORD, RedisServer

pytestmark = pytest.mark.skipif(not has_apt(), reason="Redis comes from a Debian package")


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


class Server:
    """What a server has of the cache."""

    def __init__(self, redis: RedisServer, password: str | None = PASSWORD) -> None:
        self.heard = Event()
        self.cache = RedisCache(redis.url, password)
        self.metrics = ServerMetrics()
        self.link = CacheLink(self.cache, self.metrics)
        self.limits = RateLimits(4, self.link)
        self.news = News(self.heard.set, self.link)

    def up(self) -> float | None:
        registry = self.metrics.registry
        return registry.get_sample_value("pynomaly_server_cache_up", {"cache": "shared"})


@contextmanager
def two(redis: RedisServer) -> Iterator[tuple[Server, Server]]:
    stop = Event()
    servers = Server(redis), Server(redis)
    threads = [Thread(target=each.news.run, args=(stop,)) for each in servers]
    for thread in threads:
        thread.start()
    try:
        yield servers
    finally:
        stop.set()
        for thread, server in zip(threads, servers, strict=True):
            thread.join(60)
            assert not thread.is_alive()
            server.cache.close()


def hears(one: Server, other: Server) -> bool:
    """Return whether what one server announces reaches the other."""
    other.heard.clear()
    one.news.announce()
    return other.heard.wait(1)


def test_requests_are_counted_by_all_servers_together(redis: RedisServer) -> None:
    with two(redis) as (one, other):
        waits = [each.limits.user("together") for each in (one, other) * 2 + (one,)]

    assert waits[:4] == [0.0] * 4
    assert 1 <= waits[4] <= 60


def test_news_reaches_the_other_servers_also_after_redis_was_away(redis: RedisServer) -> None:
    with two(redis) as (one, other):
        wait_for(lambda: hears(one, other), "news")
        redis.kill()
        one.news.announce()
        one.heard.clear()
        one.news.announce()
        itself = one.heard.is_set()
        passed = [one.limits.user("alone") for _ in range(5)]
        wait_for(lambda: other.up() == 0, "the second server knows")
        redis.start()
        wait_for(lambda: hears(one, other), "news after Redis was away")

        assert itself
        assert [bool(each) for each in passed] == [False] * 4 + [True]
        assert (one.up(), other.up()) == (1, 1)


def test_a_wrong_password_is_as_if_redis_were_away(redis: RedisServer) -> None:
    server = Server(redis, "wrong")
    try:
        assert server.limits.user("ada") == 0
        assert server.up() == 0
    finally:
        server.cache.close()


@pytest.mark.parametrize("url", ["", "http://host", "redis://host:x", "redis://:secret@host/0"])
def test_a_url_that_is_none_or_holds_a_password_is_refused(url: str) -> None:
    with pytest.raises(ConnectorError, match="--cache: expected"):
        RedisCache(url)
