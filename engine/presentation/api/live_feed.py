"""The live feed in this process: read from the store once, shared by all who watch."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice

from starlette.concurrency import run_in_threadpool

from engine.application.control.caller import SYSTEM, Caller
from engine.application.control.watch_feed import FeedPage, end_of_feed, watch_feed
from engine.application.control_ports import Store
from engine.domain.control.feed import FeedEntry

logger = logging.getLogger("pynomaly.api")
POLL_SECONDS = 0.25
SHARED_POLL_SECONDS = 2.0
"""Where servers announce what they store: news may be lost while the cache goes away."""
RETRY_SECONDS = 2.0
PAGE = 500
RECENT = 2_000
MOST_CLIENTS = 1_000


class LiveFeed:
    """Reads what is new while somebody watches; clients have a position in it, and no queue.

    Args:
        poll_seconds: between looks at the store, where no news comes before.

    Attributes:
        closing: the server ends, and so do its streams.
        news: set once something comes; a new one stands here then.
    """

    def __init__(self, poll_seconds: Callable[[], float] = lambda: POLL_SECONDS) -> None:
        self.closing = False
        self._poll_seconds = poll_seconds
        self._wake = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._clients = 0
        self._recent: deque[FeedEntry] = deque(maxlen=RECENT)
        self._last = 0
        self.news = asyncio.Event()
        self._reader: asyncio.Task[None] | None = None

    def look(self) -> None:
        """Look at the store now; called from any thread."""
        loop = self._loop
        if loop is not None:
            with suppress(RuntimeError):
                # The loop may end just now.
                loop.call_soon_threadsafe(self._wake.set)

    @property
    def clients(self) -> int:
        """How many watch."""
        return self._clients

    @property
    def is_full(self) -> bool:
        """Whether there is no place for another client."""
        return self._clients >= MOST_CLIENTS

    async def last(self, store: Store) -> int:
        """Return the number of the last entry until now."""
        return await run_in_threadpool(_end, store)

    @contextmanager
    def watching(self, store: Store) -> Iterator[None]:
        """Read on while a client watches."""
        self._clients += 1
        try:
            if self._reader is None:
                self._recent.clear()
                self._last = -1
                self._reader = asyncio.create_task(self._read(store))
            yield
        finally:
            self._clients -= 1
            if not self._clients and self._reader is not None:
                self._reader.cancel()
                self._reader = None

    async def page(self, store: Store, caller: Caller, after: int) -> FeedPage:
        """Return what follows a number; empty where nothing has come yet."""
        first = self._recent[0].number if self._recent else self._last + 1
        if first - 1 <= after <= self._last:
            begin = after + 1 - first
            return FeedPage(list(islice(self._recent, begin, begin + PAGE)), 0)
        return await run_in_threadpool(_page, store, caller, after)

    async def _read(self, store: Store) -> None:
        self._loop = asyncio.get_running_loop()
        while not self.closing:
            # What is announced from here on is looked at again.
            self._wake.clear()
            try:
                if self._last < 0:
                    self._last = await run_in_threadpool(_end, store)
                page = await run_in_threadpool(_page, store, SYSTEM, self._last)
            except Exception as error:  # noqa: BLE001 - a database has many ways to be away
                logger.warning("the live feed waits: %s", error)
                await asyncio.sleep(RETRY_SECONDS)
                continue
            self._take(page.entries)
            if len(page.entries) < PAGE:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), self._poll_seconds())
        self._tell()

    def _take(self, entries: Sequence[FeedEntry]) -> None:
        if not entries:
            return
        if entries[0].number != self._last + 1:
            self._recent.clear()
        self._recent.extend(entries)
        self._last = entries[-1].number
        self._tell()

    def _tell(self) -> None:
        told, self.news = self.news, asyncio.Event()
        told.set()


def _end(store: Store) -> int:
    with store.reading() as work:
        return end_of_feed(work)


def _page(store: Store, caller: Caller, after: int) -> FeedPage:
    with store.reading() as work:
        return watch_feed(work, caller, after, PAGE)
