"""Read the live feed from a number on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.application.control.caller import Caller
from engine.application.control.permissions import Action, require_somewhere
from engine.application.control_ports import UnitOfWork
from engine.domain.control.feed import FeedEntry


@dataclass(frozen=True, slots=True)
class FeedPage:
    """A part of the feed.

    Attributes:
        entries: in their order.
        missed: entries before them that are not kept any more.
    """

    entries: Sequence[FeedEntry]
    missed: int


def end_of_feed(work: UnitOfWork) -> int:
    """Return the number of the last entry; 0 if there is none."""
    return work.feed.ends()[1]


def watch_feed(work: UnitOfWork, caller: Caller, after: int, limit: int) -> FeedPage:
    """Return the entries after a number, of all pipelines: who shows them asks `may_see`.

    Args:
        work: to read them from.
        caller: who watches.
        after: number of the last entry that is known.
        limit: how many at most.

    Raises:
        ForbiddenError: the caller may not.
    """
    require_somewhere(caller, Action.READ)
    first, last = work.feed.ends()
    if after > last:
        # Of another store, or of one that was restored from a backup: all of this one is news.
        return FeedPage(work.feed.after(first - 1, limit), first - 1)
    return FeedPage(work.feed.after(after, limit), max(0, first - 1 - after))
