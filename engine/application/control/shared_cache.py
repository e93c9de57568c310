"""The cache that servers share, which they can do without while it is unavailable."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from limits.errors import StorageError

from engine.application.cache_port import SharedCache
from engine.application.telemetry.server_metrics import ServerMetrics
from engine.domain.errors import RetryableError

T = TypeVar("T")
RETRY_SECONDS = 5.0
"""Time for which requests do not use a cache that failed."""
logger = logging.getLogger("pynomaly.cache")


class CacheLink:
    """Uses a shared cache, and does without it while it is unavailable.

    Args:
        cache: the shared cache.
        metrics: the metrics of the server.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        cache: SharedCache,
        metrics: ServerMetrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.cache = cache
        self._up = metrics.cache_up.labels("shared")
        self._clock = clock
        self._retry = 0.0
        self._away = False

    @property
    def is_up(self) -> bool:
        """Whether the last use succeeded."""
        return not self._away

    def attempt(self, use: Callable[[], T]) -> T | None:
        """Return the result of a use of the cache; None while it is unavailable."""
        if self._away and self._clock() < self._retry:
            return None
        try:
            found = use()
        except (RetryableError, StorageError) as error:
            self.failed(error)
            return None
        self.answered()
        return found

    def failed(self, error: Exception) -> None:
        """Mark it as unavailable, and log that once."""
        self._retry = self._clock() + RETRY_SECONDS
        self._up.set(0)
        if not self._away:
            self._away = True
            logger.warning(
                "the cache is away: requests are limited by each server alone, and the live feed "
                "asks the database: %s",
                error,
            )

    def answered(self) -> None:
        """Mark it as available."""
        self._up.set(1)
        if self._away:
            self._away = False
            logger.info("the cache is back")
