"""Rate limits: logins and invalid tokens by address, requests by user.

Servers that share a cache count together, and each alone while the cache is unavailable.
"""

from __future__ import annotations

import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from engine.application.control.shared_cache import CacheLink

LOGINS = RateLimitItemPerMinute(10, namespace="logins")
"""Allowed login attempts of one address."""


class RateLimits:
    """Counts logins and requests.

    Args:
        requests: the limit per minute of a user, and of an address without a valid token; None:
            no limit.
        link: the shared cache.
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
        """Count a login attempt; return the seconds to wait, 0 if it is allowed."""
        return self._wait(LOGINS, address)

    def user(self, name: str) -> float:
        """Count a request of a user; return the seconds to wait, 0 if it is allowed."""
        return self._wait(self._users, name) if self._users else 0.0

    def address(self, address: str) -> float:
        """Count a request without a valid token; return the seconds to wait, 0 if it is allowed."""
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
    # The window may have ended just now.
    return max(1.0, limiter.get_window_stats(item, key).reset_time - time.time())
