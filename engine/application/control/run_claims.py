"""Claims on pipelines: of several servers of one store, one runs a pipeline at a time.

A server renews its claims while its pipelines run. One that is gone for longer than a claim lasts
loses them, although its pipelines may run on: their state directory, or their Kafka, is then what
keeps a second run away.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from threading import Event
from typing import Protocol

from engine.application.control_ports import Store, UnitOfWork
from engine.domain.control.errors import ConflictError
from engine.domain.control.run import Run
from engine.domain.errors import PynomalyError
from engine.domain.time_units import NS_PER_SECOND

logger = logging.getLogger("pynomaly.server")
CLAIM_NS = 60 * NS_PER_SECOND
"""Far more than the clocks of servers differ."""
LOOK_SECONDS = 2.0
RETRY_SECONDS = 5.0
ELSEWHERE = "another server of this database runs the pipeline: ask that one"


class Claimant(Protocol):
    """What a claim is for: the runner of one server."""

    @property
    def server(self) -> str:
        """Id of the server, which it keeps."""
        ...

    def started(self) -> Iterable[Run]:
        """Return the last run of each pipeline that it ever started."""
        ...


def runs_elsewhere(work: UnitOfWork, server: str, pipeline: str, now: int) -> bool:
    """Return whether another server has a claim on a pipeline at a time in ns."""
    held = work.positions.get(_place(pipeline))
    return any(until > now for other, until in held.items() if other != server)


def claim(work: UnitOfWork, server: str, pipeline: str, now: int) -> None:
    """Claim a pipeline for a server, in a transaction that holds up those of other servers.

    Raises:
        ConflictError: another server has it.
    """
    if runs_elsewhere(work, server, pipeline, now):
        raise ConflictError(ELSEWHERE)
    work.positions.put(_place(pipeline), {server: now + CLAIM_NS})


class ClaimKeeper:
    """Renews the claims of a server, and gives them up once a run is over.

    Args:
        store: of all servers.
        runner: of this one.
    """

    def __init__(self, store: Store, runner: Claimant) -> None:
        self._store = store
        self._runner = runner
        self._until: dict[str, int] = {}

    def run(self, stop: Event) -> None:
        """Look after them until stopped; errors are logged, and tried again."""
        wait = 0.0
        while not stop.wait(wait):
            wait = LOOK_SECONDS
            try:
                self.look(time.time_ns())
            except PynomalyError as error:
                logger.warning("claims on pipelines are not renewed now: %s", error)
                wait = RETRY_SECONDS

    def look(self, now: int) -> None:
        """Renew the claims that have lasted for half of their time, at a time in ns."""
        changed = {}
        for run in self._runner.started():
            until = self._until.get(run.pipeline)
            if run.is_over:
                # What an earlier process of this server left is given up as well.
                if until != 0:
                    changed[run.pipeline] = 0
            elif until is None or now > until - CLAIM_NS // 2:
                changed[run.pipeline] = now + CLAIM_NS
        if not changed:
            return
        with self._store.writing() as work:
            for pipeline, until in changed.items():
                if until and runs_elsewhere(work, self._runner.server, pipeline, now):
                    logger.error(
                        'pipeline "%s" runs here and on another server of this database, which '
                        "started it while this server was away: stop one of them",
                        pipeline,
                    )
                work.positions.put(_place(pipeline), {self._runner.server: until})
        self._until |= changed


def _place(pipeline: str) -> str:
    return f"run of {pipeline}"
