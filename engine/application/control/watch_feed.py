"""Reads the live feed from a number on."""

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
        entries: the entries in order.
        missed: the number of earlier entries that are gone.
    """

    entries: Sequence[FeedEntry]
    missed: int


def end_of_feed(work: UnitOfWork) -> int:
    """Return the number of the last entry; 0 if there is none."""
    return work.feed.ends()[1]


def watch_feed(work: UnitOfWork, caller: Caller, after: int, limit: int) -> FeedPage:
    """Return the entries after a number, of all pipelines: who shows them asks `may_see`.

    Args:
        work: the unit of work.
        caller: the user who reads.
        after: the number of the last known entry.
        limit: the maximum number of entries.

    Raises:
        ForbiddenError: the caller lacks permission.
    """
    require_somewhere(caller, Action.READ)
    first, last = work.feed.ends()
    if after > last:
        # The number is of another store, or from before a restore: all entries are new.
        return FeedPage(work.feed.after(first - 1, limit), first - 1)
    return FeedPage(work.feed.after(after, limit), max(0, first - 1 - after))
