"""The follower: reads the control log in a running process."""

from __future__ import annotations

import logging
import time
from collections import Counter
from typing import TYPE_CHECKING

from engine.application.live_control.log import Log
from engine.application.live_control.records import STANDING
from engine.application.live_control.task_control import TaskControl
from engine.application.ports import RunContext
from engine.application.state.store import Json
from engine.domain.control_change import ControlChange
from engine.domain.errors import PynomalyError

LOOK_SECONDS = 0.5
"""Interval at which the log is read."""
NAMED = 10
"""Records in force that are named when a run goes on."""

if TYPE_CHECKING:
    from engine.application.live_control.calendars import CalendarFetcher

logger = logging.getLogger("pynomaly.control")


class ControlFollower:
    """Follows the log for the tasks of a process.

    Args:
        log: the log to follow.
        context: the context of this process.
        fetcher: writes calendars into the log, in one process of an instance.
    """

    def __init__(
        self, log: Log, context: RunContext, fetcher: CalendarFetcher | None = None
    ) -> None:
        self._log = log
        self._fetcher = fetcher
        self._context = context
        self._look_at = 0.0
        self._trouble = ""
        self._reported: set[tuple[str, str]] = set()
        self._counted = False

    def look(self) -> None:
        """Read the log if it is due; an error is logged and does not stop the process."""
        now = time.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + LOOK_SECONDS
        try:
            self._log.read()
        except (OSError, PynomalyError) as error:
            if str(error) != self._trouble:
                logger.error("control log: %s: what is in force stays", error)
            self._trouble = str(error)
        else:
            self._trouble = ""

    def start(self) -> None:
        """Fetch calendars, so that they are in force from the first event on."""
        if self._fetcher is not None:
            self._fetcher.start()

    def close(self) -> None:
        """Stop fetching calendars, and close the log; never raises."""
        if self._fetcher is not None:
            self._fetcher.close()
        self._log.close()

    def take(
        self, task: str, own: TaskControl, position: Json
    ) -> tuple[TaskControl, ControlChange] | None:
        """Return the records that a task applies now; None if there is nothing new.

        Args:
            task: the name of the task.
            own: the state of control it has applied.
            position: its position in the source.
        """
        log = self._log
        if log.id and not self._counted:
            # What a run before this one has applied and stored.
            self._count(own)
            if own.log == log.id:
                self._resume(own, task)
        if not log.id or (log.id, log.count) == (own.log, own.count):
            return None
        found = own.take(log.id, log.count, log.records, position)
        self._report(own.count if own.log == log.id else 0, task, position)
        self._count(found[0])
        return found

    def _resume(self, own: TaskControl, task: str) -> None:
        """Log what is in force since a run before this one: it may override the pipeline file."""
        names = [record.id for _, record in own.standing]
        if not names:
            return
        more = f" and {len(names) - NAMED} earlier ones" if len(names) > NAMED else ""
        budgets = [record.budget for _, record in own.standing if record.budget is not None]
        budget = f": the alert budget is {budgets[-1]}, not that of the file" if budgets else ""
        logger.info(
            "control: still in force in partition %s: %s%s%s",
            *(task, ", ".join(names[-NAMED:]), more, budget),
        )

    def _report(self, applied: int, task: str, position: Json) -> None:
        """Log the records that have come into force behind those applied before."""
        for record in self._log.records:
            if record.number > applied and (self._log.id, record.id) not in self._reported:
                self._reported.add((self._log.id, record.id))
                why = f": {record.why}" if record.why else ""
                logger.info(
                    "control: %s by %s is applied, first in partition %s at %s%s",
                    *(record.id, record.who, task, position, why),
                    extra={
                        name: value
                        for name, value in (
                            ("request_id", record.request),
                            ("trace_id", record.trace),
                        )
                        if value
                    },
                )

    def _count(self, own: TaskControl) -> None:
        """Show in the metrics what is in force in a task."""
        self._counted = True
        kinds = Counter(record.kind for _, record in own.standing)
        for kind in STANDING:
            self._context.telemetry.control_records.labels(kind).set(kinds[kind])
