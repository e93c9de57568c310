"""The ports of the server's own bookkeeping: replies, positions and the feed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from engine.domain.control.feed import FeedChange, FeedEntry
from engine.domain.control.reply import Reply


class ReplyRepository(Protocol):
    """Replies to requests that may be sent again."""

    def get(self, user: str, key: str) -> Reply | None:
        """Return the reply to a user's request with this key."""
        ...

    def add(self, reply: Reply) -> None:
        """Store a reply.

        Raises:
            ConflictError: another request with this key was faster.
        """
        ...

    def prune(self, before: int) -> int:
        """Remove those that were made before; return how many went."""
        ...


class PositionRepository(Protocol):
    """How far topics and files are stored."""

    def get(self, source: str) -> Mapping[str, int]:
        """Return the position of each partition of a source."""
        ...

    def put(self, source: str, positions: Mapping[str, int]) -> None:
        """Store positions by partition."""
        ...

    def replace(self, source: str, partition: str, before: int | None, after: int) -> bool:
        """Store a position if the stored one is as before, None for none; return whether."""
        ...


class FeedRepository(Protocol):
    """The live feed: at least the last 10,000 entries are kept."""

    def append(self, changes: Sequence[FeedChange]) -> None:
        """Store changes behind the last ones; what is older than has to be kept may go."""
        ...

    def after(self, number: int, limit: int) -> list[FeedEntry]:
        """Return the entries after a number, in their order."""
        ...

    def ends(self) -> tuple[int, int]:
        """Return the numbers of the first and the last entry that are kept; 1, 0 for none."""
        ...
