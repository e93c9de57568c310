"""The live feed in this process: read from the store once, shared by all clients."""

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
"""Channel on which servers announce changes; messages may be lost when the cache fails."""
RETRY_SECONDS = 2.0
PAGE = 500
RECENT = 2_000
MOST_CLIENTS = 1_000


class LiveFeed:
    """Reads new entries while clients are connected. Clients have a position, not a queue.

    Args:
        poll_seconds: interval between reads of the store, unless an announcement comes first.

    Attributes:
        closing: whether the server is shutting down, which ends the streams.
        news: set when entries arrive, and then replaced by a new event.
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
        """Read the store now; may be called from any thread."""
        loop = self._loop
        if loop is not None:
            with suppress(RuntimeError):
                # The event loop may be closing.
                loop.call_soon_threadsafe(self._wake.set)

    @property
    def clients(self) -> int:
        """Number of connected clients."""
        return self._clients

    @property
    def is_full(self) -> bool:
        """Whether the maximum number of clients is connected."""
        return self._clients >= MOST_CLIENTS

    async def last(self, store: Store) -> int:
        """Return the number of the last entry."""
        return await run_in_threadpool(_end, store)

    @contextmanager
    def watching(self, store: Store) -> Iterator[None]:
        """Keep reading while a client is connected."""
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
        """Return the entries after a number; empty if there are none yet."""
        first = self._recent[0].number if self._recent else self._last + 1
        if first - 1 <= after <= self._last:
            begin = after + 1 - first
            return FeedPage(list(islice(self._recent, begin, begin + PAGE)), 0)
        return await run_in_threadpool(_page, store, caller, after)

    async def _read(self, store: Store) -> None:
        self._loop = asyncio.get_running_loop()
        while not self.closing:
            # Announcements from here on cause another read.
            self._wake.clear()
            try:
                if self._last < 0:
                    self._last = await run_in_threadpool(_end, store)
                page = await run_in_threadpool(_page, store, SYSTEM, self._last)
            except Exception as error:  # noqa: BLE001 - a database has many ways to be away
                logger.warning("the live feed waits: %s", error)
                await asyncio.sleep(RETRY_SECONDS)
                continue
            self._extend(page.entries)
            if len(page.entries) < PAGE:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), self._poll_seconds())
        self._notify()

    def _extend(self, entries: Sequence[FeedEntry]) -> None:
        if not entries:
            return
        if entries[0].number != self._last + 1:
            self._recent.clear()
        self._recent.extend(entries)
        self._last = entries[-1].number
        self._notify()

    def _notify(self) -> None:
        waited_for, self.news = self.news, asyncio.Event()
        waited_for.set()


def _end(store: Store) -> int:
    with store.reading() as work:
        return end_of_feed(work)


def _page(store: Store, caller: Caller, after: int) -> FeedPage:
    with store.reading() as work:
        return watch_feed(work, caller, after, PAGE)
