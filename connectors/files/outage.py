"""A store that does not answer for a while: reading waits, and goes on."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime, timedelta

from connectors.files.remote import UnreachableError

logger = logging.getLogger("pynomaly.files")

WAIT = timedelta(seconds=5)
"""Until it is asked again."""
LOG_SECONDS = 60.0


class Outage:
    """Says once a minute why nothing is read, and when that is over."""

    def __init__(self) -> None:
        self._since = 0.0
        self._logged = 0.0

    def met(self, error: UnreachableError) -> float:
        """Note that a store does not answer; return for how many seconds it has not now."""
        now = time.monotonic()
        self._since = self._since or now
        if not self._logged or now - self._logged >= LOG_SECONDS:
            self._logged = now
            logger.warning("%s; retrying, for %.0f s now", error, now - self._since)
        return now - self._since

    def over(self) -> None:
        """Note that it answers."""
        if self._since:
            logger.warning("reading goes on after %.0f s", time.monotonic() - self._since)
            self._since = self._logged = 0.0

    def next_try(self) -> datetime | None:
        """Return when to ask again; None if it answers."""
        return datetime.now(UTC) + WAIT if self._since else None
