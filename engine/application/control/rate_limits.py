"""Rate limits: of logins by address, of requests by user, of unknown tokens by address.

Counted by all servers together where they share a cache, and by each alone while it is away.
"""

from __future__ import annotations

import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from engine.application.control.shared_cache import CacheLink

LOGINS = RateLimitItemPerMinute(10, namespace="logins")
"""Attempts to log in, of one address."""


class RateLimits:
    """Counts what is limited.

    Args:
        requests: a minute of one user, and of one address without a token in force; None for
            any number.
        link: to what servers share.
    """

    def __init__(self, requests: int | None = None, link: CacheLink | None = None) -> None:
        self._own = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._link = link
        self._shared = (
            None if link is None else SlidingWindowCounterRateLimiter(link.cache.counts())
        )
        self._users = requests and RateLimitItemPerMinute(requests, namespace="users")
        self._addresses = requests and RateLimitItemPerMinute(requests, namespace="addresses")

    @property
    def is_shared(self) -> bool:
        """Whether the requests of a user are counted elsewhere, which may take long."""
        return self._shared is not None and self._users is not None

    def login(self, address: str) -> float:
        """Count an attempt to log in; return how many seconds to wait instead, 0 for none."""
        return self._wait(LOGINS, address)

    def user(self, name: str) -> float:
        """Count a request of a user; return how many seconds to wait instead, 0 for none."""
        return self._wait(self._users, name) if self._users else 0.0

    def address(self, address: str) -> float:
        """Count a request without a token in force; return how many seconds to wait instead."""
        return self._wait(self._addresses, address) if self._addresses else 0.0

    def _wait(self, item: RateLimitItemPerMinute, key: str) -> float:
        shared = self._shared
        if self._link is not None and shared is not None:
            found = self._link.attempt(lambda: _hit(shared, item, key))
            if found is not None:
                return found
        return _hit(self._own, item, key)


def _hit(limiter: SlidingWindowCounterRateLimiter, item: RateLimitItemPerMinute, key: str) -> float:
    if limiter.hit(item, key):
        return 0.0
    # Of a window that has just ended there is no time left.
    return max(1.0, limiter.get_window_stats(item, key).reset_time - time.time())
