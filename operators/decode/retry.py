"""Retries of decoding while a service that it needs, such as a schema registry, is away."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from engine.domain.errors import RetryableError
from engine.domain.format import NotYetError
from pynomaly.plugins import RunContext

logger = logging.getLogger("pynomaly.decode")

WHO = "decode"
WAIT_SECONDS = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0)
"""Seconds between attempts; the last of them from then on."""
HEARTBEAT_SECONDS = 0.5
REPORT_SECONDS = 1.0
"""Seconds of waiting after which the log and the health pages report it."""
REPEAT_SECONDS = 30.0
"""Seconds between two lines of the log about one wait."""
Found = TypeVar("Found")


class DecodeRetry:
    """Decodes again while an external service is unavailable: nothing is rejected or lost.

    Args:
        context: its heartbeat, health pages and metrics report the wait.
    """

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._blocked = context.telemetry.decode_blocked

    def until_done(self, decode: Callable[[], Found]) -> Found:
        """Return what a call returns once it raises no RetryableError any more."""
        began, logged, failures = time.monotonic(), 0.0, 0
        while True:
            try:
                found = decode()
            except NotYetError:
                self._context.heartbeat.waiting()
                continue
            except RetryableError as error:
                waited = time.monotonic() - began
                if waited >= REPORT_SECONDS and (not logged or waited - logged >= REPEAT_SECONDS):
                    logger.warning("%s; retrying, for %.0f s now", error, waited)
                    logged = waited
                self._wait(str(error), began, WAIT_SECONDS[min(failures, len(WAIT_SECONDS) - 1)])
                failures += 1
                continue
            if failures:
                self._end(time.monotonic() - began, bool(logged))
            return found

    def _wait(self, why: str, began: float, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            waited = time.monotonic() - began
            self._blocked.set(waited)
            if waited >= REPORT_SECONDS:
                self._context.outages[WHO] = f"{why}; for {waited:.0f} s now"
            self._context.heartbeat.waiting()
            time.sleep(min(left, HEARTBEAT_SECONDS))

    def _end(self, waited: float, was_logged: bool) -> None:
        self._blocked.set(0)
        self._context.outages.pop(WHO, None)
        if was_logged:
            logger.warning("decoding goes on after %.0f s", waited)
