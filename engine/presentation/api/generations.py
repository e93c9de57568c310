"""Generations of the store: what was read in one is as it was, for as long as it lasts."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool

from engine.application.control_ports import Store, StoreGeneration

logger = logging.getLogger("pynomaly.api")
MOST_SECONDS = 1.0
"""Requests wait for a generation for so long, and do without it then."""
RETRY_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Generation:
    """The number of a generation: the greater, the newer.

    Attributes:
        data: of all that is stored.
        identities: of users, tokens and sessions.
    """

    data: int
    identities: int


class Generations:
    """Numbers the generations of a store.

    Requests that come while a database is asked share the next question: each sees all that was
    stored before it came, by whichever server or pipeline.

    Args:
        store: keeps everything.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._last = Generation(0, 0)
        self._last_read: StoreGeneration | None = None
        self._next: asyncio.Task[Generation | None] | None = None
        self._asked: asyncio.Task[Generation | None] | None = None
        self._retry = 0.0

    async def current(self) -> Generation | None:
        """Return the present generation; None where it is unknown."""
        if not self._store.is_remote:
            return self._numbered(self._store.generation())
        if time.monotonic() < self._retry:
            return None
        if self._next is None:
            self._next = asyncio.create_task(self._ask(self._asked))
        return await asyncio.shield(self._next)

    async def _ask(self, before: asyncio.Task[Generation | None] | None) -> Generation | None:
        if before is not None:
            await asyncio.wait([before])
        # Who comes from here on may have stored something that this question misses.
        self._asked, self._next = self._next, None
        try:
            asking = run_in_threadpool(self._store.generation)
            return self._numbered(await asyncio.wait_for(asking, MOST_SECONDS))
        except TimeoutError:
            self._retry = time.monotonic() + RETRY_SECONDS
            logger.warning("the database is slow to answer: nothing is cached for a while")
            return None

    def _numbered(self, read: StoreGeneration | None) -> Generation | None:
        if read is None:
            return None
        before = self._last_read
        if read != before:
            same = before is not None and read.identities == before.identities
            last = self._last
            self._last = Generation(last.data + 1, last.identities + (not same))
            self._last_read = read
        return self._last
