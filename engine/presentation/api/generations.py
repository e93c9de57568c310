"""Generations of the store: what was read in one is as it was, for as long as it lasts."""

from __future__ import annotations

import asyncio
import logging
import time

from starlette.concurrency import run_in_threadpool

from engine.application.control_ports import Store

logger = logging.getLogger("pynomaly.api")
MOST_SECONDS = 1.0
"""Requests wait for a generation for so long, and do without it then."""
RETRY_SECONDS = 5.0


class Generations:
    """Numbers the generations of a store.

    Requests that come while a database is asked share the next question: each sees all that was
    stored before it came, by whichever server or pipeline.

    Args:
        store: keeps everything.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._number = 0
        self._last_read: str | None = None
        self._next: asyncio.Task[int | None] | None = None
        self._asked: asyncio.Task[int | None] | None = None
        self._retry = 0.0

    async def current(self) -> int | None:
        """Return the number of the present generation; None where it is unknown."""
        if not self._store.is_remote:
            return self._numbered(self._store.generation())
        if time.monotonic() < self._retry:
            return None
        if self._next is None:
            self._next = asyncio.create_task(self._ask(self._asked))
        return await asyncio.shield(self._next)

    async def _ask(self, before: asyncio.Task[int | None] | None) -> int | None:
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

    def _numbered(self, read: str | None) -> int | None:
        if read is None:
            return None
        if read != self._last_read:
            self._last_read = read
            self._number += 1
        return self._number
