"""News: what is stored is announced, so that the live feed of every server looks at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from threading import Event

from engine.application.control.shared_cache import RETRY_SECONDS, CacheLink
from engine.application.control_ports import FeedRepository, Store, UnitOfWork
from engine.domain.control.feed import FeedChange, FeedEntry
from engine.domain.errors import RetryableError


class News:
    """Brings news to this server, and to the others that share the cache.

    Args:
        heard: called when there is news; from any thread.
        link: to what servers share; None for this server alone.
    """

    def __init__(self, heard: Callable[[], None], link: CacheLink | None = None) -> None:
        self._heard = heard
        self._link = link

    def announce(self) -> None:
        """Say that there is news."""
        self._heard()
        if self._link is not None:
            self._link.attempt(self._link.cache.announce)

    def run(self, stop: Event) -> None:
        """Listen to the other servers until it is stopped."""
        link = self._link
        while link is not None and not stop.is_set():
            try:
                link.cache.listen(link.answered, self._heard, stop)
            except RetryableError as error:
                link.failed(error)
                stop.wait(RETRY_SECONDS)


class AnnouncingStore:
    """A store that announces what is added to its feed, once it is stored.

    Args:
        store: keeps everything.
        announce: says that there is news.
    """

    def __init__(self, store: Store, announce: Callable[[], None]) -> None:
        self._store = store
        self._announce = announce
        self.is_remote = store.is_remote
        self.generation = store.generation
        self.reading = store.reading
        self.reading_at_once = store.reading_at_once
        self.prepare = store.prepare
        self.connections = store.connections
        self.backup = store.backup
        self.close = store.close

    @contextmanager
    def writing(self) -> Iterator[UnitOfWork]:
        """Return a unit of work that is stored as a whole at its end, or after an error not."""
        with self._store.writing() as work:
            feed = _NotedFeed(work.feed)
            yield replace(work, feed=feed)
        if feed.has_news:
            self._announce()


class _NotedFeed:
    """A feed that knows whether something was added."""

    def __init__(self, feed: FeedRepository) -> None:
        self.has_news = False
        self._feed = feed
        self.ends = feed.ends

    def append(self, changes: Sequence[FeedChange]) -> None:
        self.has_news = True
        self._feed.append(changes)

    def after(self, number: int, limit: int) -> list[FeedEntry]:
        return self._feed.after(number, limit)
