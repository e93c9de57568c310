"""Says why a process of a consumer group has no partitions: others have all, or a fault."""

from __future__ import annotations

import time
from collections.abc import Callable

from connectors.kafka.broker_errors import BrokerErrors, logger
from connectors.kafka.group_look import Cause, GroupLook
from connectors.kafka.membership_settings import group
from connectors.kafka.settings import KafkaSourceSettings
from connectors.kafka.topic_limits import admin_client
from pynomaly.plugins import RunContext

WHO = "partitions"
HELD_SECONDS = 60.0
"""Longer than a rebalance or the session of a member that is gone usually takes."""
LOOK_SECONDS, IDLE_LOOK_SECONDS = 20.0, 300.0
"""Between two looks, and once others were found to have all partitions: librdkafka 2.16 may end
the process if a broker goes away while it describes a group."""
LONGEST_GAP_SECONDS = 3_600.0


class NoPartitions:
    """Reports a process that has had no partitions for a minute, and why.

    Called from one thread, often; it never waits for an answer.

    Args:
        settings: of the source.
        context: of this process; a fault is in its outages for as long as it lasts.
        errors: of the membership.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        settings: KafkaSourceSettings,
        context: RunContext,
        errors: BrokerErrors,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._context = context
        self._errors = errors
        self._clock = clock
        self._group = group(settings, context)
        self._look: GroupLook | None = None
        self._since = self._looked = clock()
        self._pause = LOOK_SECONDS
        self._is_wrong = self._said_idle = False
        self._next_warning, self._gap = 0.0, HELD_SECONDS

    def note(self, member: Callable[[], str | None], *, has_some: bool) -> None:
        """Note whether the process has partitions now.

        Args:
            member: returns the id of this process in the group.
            has_some: whether it has any.
        """
        if has_some:
            self._end()
        elif not self._context.draining.is_set():
            self._ask(member)

    def found(self, cause: Cause) -> None:
        """Report what a look at the group has shown."""
        now = self._clock()
        held, was_wrong = now - self._since, self._is_wrong
        self._is_wrong = bool(cause.kind)
        self._pause = LOOK_SECONDS if cause.kind or held < HELD_SECONDS else IDLE_LOOK_SECONDS
        if not cause.kind:
            self._set_right(cause, held)
            return
        # One look may fall into a rebalance.
        if held < HELD_SECONDS or not was_wrong:
            return
        self._context.outages[WHO] = f"none for {held:.0f} s: {cause.text}"
        self._context.telemetry.source_errors.labels(cause.kind).inc()
        if now >= self._next_warning:
            self._next_warning, self._gap = now + self._gap, min(2 * self._gap, LONGEST_GAP_SECONDS)
            logger.warning(
                "group: this process has had no partitions for %.0f s: %s. The runbook "
                "PynomalyStuck says what to do",
                *(held, cause.text),
            )

    def _end(self) -> None:
        if WHO in self._context.outages:
            held = self._clock() - self._since
            logger.info("group: this process has partitions again, after %.0f s", held)
        self._forget_fault()
        self._look = None
        self._since = self._looked = self._clock()
        self._pause = LOOK_SECONDS
        self._is_wrong = self._said_idle = False

    def _set_right(self, cause: Cause, held: float) -> None:
        self._forget_fault()
        if held >= HELD_SECONDS and not self._said_idle:
            self._said_idle = True
            logger.info("group: this process waits without partitions: %s", cause.text)

    def _forget_fault(self) -> None:
        self._context.outages.pop(WHO, None)
        self._next_warning, self._gap = 0.0, HELD_SECONDS

    def _ask(self, member: Callable[[], str | None]) -> None:
        if self._look is not None:
            if (cause := self._look.answer(member)) is not None:
                self._look = None
                self.found(cause)
        elif self._clock() - self._looked >= self._pause:
            self._looked = self._clock()
            settings = self._settings
            # A new one each time: a client that has forgotten its brokers never answers again.
            admin = admin_client(settings.brokers, settings.settings, self._errors)
            self._look = GroupLook(admin, self._group, settings.topic)
