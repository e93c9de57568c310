"""Claims on pipelines: of several servers of one store, one runs a pipeline at a time.

A server renews its claims while its pipelines run, and gives one up once a run is over. The claim
of a server that is away stays: its pipeline may run on without it. Somebody who knows better takes
the pipeline over for the others, and the server that had it stops its run once it is back.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event
from typing import Protocol

from engine.application.control_ports import Store, UnitOfWork
from engine.domain.control.errors import ConflictError
from engine.domain.control.run import Run, RunState
from engine.domain.errors import PynomalyError
from engine.domain.time_units import NS_PER_SECOND

logger = logging.getLogger("pynomaly.server")
CLAIM_NS = 60 * NS_PER_SECOND
"""After which a server that has not renewed its claim counts as away: far more than the clocks of
servers differ."""
GIVEN_UP, TAKEN = 0, -1
"""In the place of the end of a claim: the run is over; the pipeline was taken over."""
LOOK_SECONDS = 2.0
RETRY_SECONDS = 5.0
ELSEWHERE = "another server of this database runs the pipeline: ask that one"
AWAY = (
    "server {server} of this database has run the pipeline and was last heard of at {time}; the "
    "pipeline may run on without it. Start that server again, or make sure that the pipeline "
    "does not run there and take it over (pynomaly pipelines take-over, POST .../take-over)"
)


class Claimant(Protocol):
    """What a claim is for: the runner of one server."""

    @property
    def server(self) -> str:
        """Id of the server, which it keeps."""
        ...

    def started(self) -> Iterable[Run]:
        """Return the last run of each pipeline that it ever started."""
        ...

    def get(self, name: str) -> Run | None:
        """Return the last run of a pipeline; None if there was none."""
        ...

    def stop(self, name: str, *, drain: bool) -> Run:
        """Ask the run of a pipeline to stop.

        Raises:
            ConflictError: the pipeline is not running.
        """
        ...


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The claim of another server.

    Attributes:
        server: its id.
        until: when the claim ends unless it is renewed, ns since 1970.
    """

    server: str
    until: int

    @property
    def last_heard(self) -> int:
        """When the claim was renewed, ns since 1970."""
        return self.until - CLAIM_NS

    def is_away(self, now: int) -> bool:
        """Return whether the server has not been heard of for the time of a claim."""
        return self.until <= now

    def message(self, now: int) -> str:
        """Return what to do about it."""
        if not self.is_away(now):
            return ELSEWHERE
        last = datetime.fromtimestamp(self.last_heard // NS_PER_SECOND, UTC)
        return AWAY.format(server=self.server, time=f"{last:%Y-%m-%dT%H:%M:%SZ}")


def claim_elsewhere(work: UnitOfWork, server: str, pipeline: str) -> Elsewhere | None:
    """Return the claim of another server on a pipeline; None if there is none."""
    held = work.positions.get(_place(pipeline))
    found = [Elsewhere(other, until) for other, until in held.items() if other != server]
    return max((one for one in found if one.until > 0), key=lambda one: one.until, default=None)


def claim(work: UnitOfWork, server: str, pipeline: str, now: int) -> None:
    """Claim a pipeline for a server, in a transaction that holds up those of other servers.

    Raises:
        ConflictError: another server has it.
    """
    if other := claim_elsewhere(work, server, pipeline):
        raise ConflictError(other.message(now))
    work.positions.put(_place(pipeline), {server: now + CLAIM_NS})


def take_over(work: UnitOfWork, server: str, pipeline: str, now: int) -> Elsewhere:
    """Take a pipeline from another server that is away; return the claim that it had.

    Raises:
        ConflictError: no other server has a claim, or one that has is not away.
    """
    other = claim_elsewhere(work, server, pipeline)
    if other is None:
        raise ConflictError("no other server has run the pipeline: there is nothing to take over")
    if not other.is_away(now):
        raise ConflictError(f"{ELSEWHERE}. It was heard of in the last minute")
    place = _place(pipeline)
    for one, until in work.positions.get(place).items():
        if one != server and until > 0 and not work.positions.replace(place, one, until, TAKEN):
            raise ConflictError(f"{ELSEWHERE}. It has just come back")
    return other


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
        due = {}
        for run in self._runner.started():
            until = self._until.get(run.pipeline)
            if run.is_over:
                # What an earlier process of this server left is given up as well.
                if until != GIVEN_UP:
                    due[run.pipeline] = GIVEN_UP
            elif until is None or now > until - CLAIM_NS // 2:
                due[run.pipeline] = now + CLAIM_NS
        if not due:
            return
        lost = set[str]()
        with self._store.writing() as work:
            kept = {
                pipeline: until
                for pipeline, until in due.items()
                if self._put(work, pipeline, until, now, lost)
            }
        for pipeline in lost:
            self._stop(pipeline)
        self._until |= kept

    def _put(self, work: UnitOfWork, pipeline: str, until: int, now: int, lost: set[str]) -> bool:
        """Renew or give up a claim; return whether that is done, or add it to those lost."""
        server, place = self._runner.server, _place(pipeline)
        held = work.positions.get(place).get(server)
        run = self._runner.get(pipeline)
        if run is None or run.is_over != (until == GIVEN_UP):
            # It has been started, or has ended, meanwhile.
            return False
        if not run.is_over:
            if held == TAKEN:
                lost.add(pipeline)
                return False
            other = claim_elsewhere(work, server, pipeline)
            if other is not None and not other.is_away(now):
                logger.error(
                    'pipeline "%s" runs here and on server %s of this database: stop one of them',
                    pipeline,
                    other.server,
                )
        # Not if it was claimed again or taken over meanwhile.
        return work.positions.replace(place, server, held, until)

    def _stop(self, pipeline: str) -> None:
        """Stop a run that another server has taken over."""
        run = self._runner.get(pipeline)
        if run is None or run.state is not RunState.RUNNING:
            return
        logger.error(
            'pipeline "%s" was taken over while this server was away: its run here is stopped',
            pipeline,
        )
        with suppress(ConflictError):
            # At once: what it would still store is of a run that is no longer the one.
            self._runner.stop(pipeline, drain=False)


def _place(pipeline: str) -> str:
    return f"run of {pipeline}"
