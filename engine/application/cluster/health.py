"""Health: the status of a process, for probes and load balancers."""

from __future__ import annotations

import time
from collections.abc import Callable

from engine.application.ports import RunContext

HUNG_SECONDS = 150.0
"""Longer than the supervisor waits, which knows more and does less."""
STEP_SECONDS = 30.0
"""A stream that has not moved for longer, though there is something to read, is not in step."""

SETTLE_SECONDS = 2.0

Reasons = list[str]


class Health:
    """The three questions of Kubernetes; an empty list of reasons is a yes.

    Args:
        context: of this process.
        clock: monotonic seconds.
    """

    def __init__(self, context: RunContext, clock: Callable[[], float] = time.monotonic) -> None:
        self._context = context
        self._status = context.heartbeat.status
        self._clock = clock

    def live(self) -> Reasons:
        """Return why a restart would help: a process that reads says nothing any more."""
        silent = self._clock() - self._status.heard
        if self._status.started and not self._status.idle and silent > HUNG_SECONDS:
            return [f"hung: no sign of progress for {silent:.0f} s"]
        return []

    def startup(self) -> Reasons:
        """Return why it has not begun: it restores state, or waits for processes or brokers."""
        # Who says that it has nothing to read may yet be given something, within moments.
        settled = not self._status.idle or self._clock() - self._status.heard > SETTLE_SECONDS
        return [] if self._status.started and settled else ["starting", *self._away()]

    def ready(self) -> Reasons:
        """Return why no work gets done, or soon will not."""
        if self._context.draining.is_set():
            return ["draining: asked to stop"]
        still = self._clock() - self._status.moved
        reasons = self.startup() or self._away()
        if self._status.started and not self._status.idle and still > STEP_SECONDS:
            reasons = [*reasons, f"not in step: the stream has not moved for {still:.0f} s"]
        return reasons

    def _away(self) -> Reasons:
        return [f"{who}: {why}" for who, why in sorted(self._context.outages.items())]
