"""The rate limiter: a maximum of requests per second."""

from __future__ import annotations

import time
from collections.abc import Callable


class RateLimiter:
    """Spaces calls evenly, so that no second has more than the rate.

    Args:
        rate: calls per second.
        clock: in seconds.
        sleep: waits for seconds.
    """

    def __init__(
        self,
        rate: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._gap = 1.0 / rate
        self._clock = clock
        self._sleep = sleep
        self._next = clock()

    def wait(self) -> None:
        """Return when the next request may leave."""
        now = self._clock()
        if now < self._next:
            self._sleep(self._next - now)
        self._next = max(now, self._next) + self._gap
