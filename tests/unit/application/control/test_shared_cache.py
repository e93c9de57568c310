"""The cache that servers share: what is done with it, and without it."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event

from limits.errors import StorageError
from limits.storage import MemoryStorage, Storage

from engine.application.control.ingest import ingest
from engine.application.control.memory_store import MemoryStore
from engine.application.control.news import AnnouncingStore, News
from engine.application.control.rate_limits import LOGINS, RateLimits
from engine.application.control.shared_cache import RETRY_SECONDS, CacheLink
from engine.application.telemetry.server_metrics import ServerMetrics
from engine.domain.errors import RetryableError
from tests.support.published import anomaly

PER_MINUTE = LOGINS.amount


class Counts(MemoryStorage):
    """Counts that go away with their cache."""

    def __init__(self, cache: Cache) -> None:
        super().__init__()
        self._cache = cache

    def acquire_sliding_window_entry(
        self, key: str, limit: int, expiry: int, amount: int = 1
    ) -> bool:
        self._cache.ask(StorageError)
        return super().acquire_sliding_window_entry(key, limit, expiry, amount)


class Cache:
    """A cache in this process that can be away."""

    def __init__(self, _url: str = "", _password: str | None = None) -> None:
        self.away = False
        self.asked = 0
        self.announced = 0

    def ask(self, error: type[Exception]) -> None:
        self.asked += 1
        if self.away:
            raise error("away")

    def counts(self) -> Storage:
        return Counts(self)

    def announce(self) -> None:
        self.ask(RetryableError)
        self.announced += 1

    def listen(self, reached: Callable[[], None], heard: Callable[[], None], stop: Event) -> None:
        raise RetryableError("away")

    def close(self) -> None:
        pass


def linked(cache: Cache, now: list[float]) -> CacheLink:
    return CacheLink(cache, ServerMetrics(), lambda: now[0])


def test_logins_are_counted_by_address() -> None:
    limits = RateLimits()

    waits = [limits.login("a") for _ in range(PER_MINUTE + 1)]

    assert waits[:-1] == [0.0] * PER_MINUTE
    assert 1 <= waits[-1] <= 60
    assert limits.login("b") == 0


def test_requests_are_unlimited_unless_said_and_addresses_are_no_users() -> None:
    free, bound = RateLimits(), RateLimits(2)

    assert [free.user("ada") for _ in range(5)] == [0.0] * 5
    assert [bool(bound.user("ada")) for _ in range(3)] == [False, False, True]
    assert [bool(bound.address("ada")) for _ in range(3)] == [False, False, True]


def test_servers_count_together_and_each_alone_while_the_cache_is_away() -> None:
    cache, now = Cache(), [0.0]
    link = linked(cache, now)
    shared = Counts(cache)
    cache.counts = lambda: shared  # type: ignore[method-assign]
    one, two = RateLimits(2, link), RateLimits(2, link)

    together = [bool(each.user("ada")) for each in (one, two, one)]
    cache.away = True
    alone = [bool(each.user("ada")) for each in (one, two, one, two, one)]

    assert together == [False, False, True]
    assert alone == [False, False, False, False, True]


def test_a_cache_that_is_away_is_asked_again_after_a_while() -> None:
    cache, now = Cache(), [0.0]
    link = linked(cache, now)
    cache.away = True

    link.attempt(cache.announce)
    link.attempt(cache.announce)
    asked = cache.asked
    cache.away, now[0] = False, RETRY_SECONDS
    link.attempt(cache.announce)

    assert (asked, cache.announced, link.is_up) == (1, 1, True)


def test_what_is_stored_is_announced_to_this_server_also_without_a_cache() -> None:
    heard: list[int] = []
    cache = Cache()
    cache.away = True
    news = News(lambda: heard.append(1), linked(cache, [0.0]))
    store = AnnouncingStore(MemoryStore(), news.announce)

    with store.writing() as work:
        ingest(work, [anomaly(1)])
    with store.writing() as work:
        ingest(work, [anomaly(1)])

    assert heard == [1]


def test_what_is_not_stored_is_not_announced() -> None:
    heard: list[int] = []
    store = AnnouncingStore(MemoryStore(), lambda: heard.append(1))

    try:
        with store.writing() as work:
            ingest(work, [anomaly(1)])
            raise ZeroDivisionError
    except ZeroDivisionError:
        pass

    assert heard == []
