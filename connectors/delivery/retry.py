"""Calls to a server, repeated until it answers, with a circuit breaker.

Retries with random exponential waits are tenacity's, the circuit breaker is pybreaker's: after
some failures in a row it opens, and nothing is sent for a pause; then one call tries again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from pybreaker import CircuitBreaker, CircuitBreakerError, CircuitBreakerListener
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_random_exponential

from connectors.delivery.retry_settings import RetrySettings, TransientError
from pynomaly.plugins import RunContext

logger = logging.getLogger("pynomaly.sinks")

STATES = {"closed": 0, "half-open": 1, "open": 2}
FIRST_WAIT_SECONDS = 0.5
"""Seconds, at most, before the first repetition."""
T = TypeVar("T")


class RetryingCaller:
    """Calls one server until it answers, however long that takes.

    Args:
        settings: of retries and the circuit breaker.
        context: of this process.
        role: of the sink.
    """

    def __init__(self, settings: RetrySettings, context: RunContext, role: str) -> None:
        self._role = role
        self._errors = context.telemetry.sink_errors
        self._reported: set[str] = set()
        self._pause = settings.pause.total_seconds()
        self._gauge = context.telemetry.sink_breaker.labels(role)
        self._gauge.set(STATES["closed"])
        self._breaker = CircuitBreaker(
            fail_max=settings.failures,
            reset_timeout=self._pause,
            # What a server refuses shows that it works.
            exclude=[lambda error: not isinstance(error, TransientError)],
            listeners=[_Shown(self._gauge.set)],
            throw_new_error_on_trip=False,
        )
        self._backoff = wait_random_exponential(
            multiplier=FIRST_WAIT_SECONDS, max=settings.longest_wait.total_seconds()
        )

    def call(self, function: Callable[[], T]) -> T:
        """Return what a function returns, as soon as it does without TransientError.

        Raises:
            Exception: what the function raises beside TransientError.
        """
        retrying = Retrying(
            retry=retry_if_exception_type((TransientError, CircuitBreakerError)),
            wait=self._wait,
            before_sleep=self._report,
        )
        found: T = retrying(self._breaker.call, function)
        if self._reported:
            self._reported.clear()
            logger.info("sink %s: answers again", self._role)
        return found

    def _wait(self, state: RetryCallState) -> float:
        error = _error(state)
        if isinstance(error, TransientError):
            return max(error.after, self._backoff(state))
        return self._pause

    def _report(self, state: RetryCallState) -> None:
        error = _error(state)
        if isinstance(error, TransientError):
            self._errors.labels(self._role, error.kind).inc()
            if error.kind not in self._reported:
                self._reported.add(error.kind)
                logger.warning("sink %s: %s; retrying", self._role, error)


class _Shown(CircuitBreakerListener):
    def __init__(self, show: Callable[[float], None]) -> None:
        self._show = show

    def state_change(self, cb: CircuitBreaker, old_state: Any, new_state: Any) -> None:
        self._show(STATES[new_state.name])


def _error(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None
