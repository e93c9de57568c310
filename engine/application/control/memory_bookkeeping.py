"""Replies, positions and the feed of the store in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.domain.control.errors import ConflictError
from engine.domain.control.feed import KEPT, FeedChange, FeedEntry
from engine.domain.control.reply import Reply


class MemoryReplies:
    """Replies to requests that may be sent again."""

    def __init__(self, kept: dict[tuple[str, str], Reply]) -> None:
        self._all = kept

    def get(self, user: str, key: str) -> Reply | None:
        """Return the reply to a user's request with this key."""
        return self._all.get((user, key))

    def add(self, reply: Reply) -> None:
        """Store a reply.

        Raises:
            ConflictError: another request with this key was faster.
        """
        if (reply.user, reply.key) in self._all:
            raise ConflictError("a request with this Idempotency-Key is at work: send it again")
        self._all[reply.user, reply.key] = reply

    def prune(self, before: int) -> int:
        """Remove those that were made before; return how many went."""
        old = [key for key, reply in self._all.items() if reply.created < before]
        for gone in old:
            del self._all[gone]
        return len(old)


class MemoryPositions:
    """How far sources were read."""

    def __init__(self, kept: dict[str, dict[str, int]]) -> None:
        self._all = kept

    def get(self, source: str) -> Mapping[str, int]:
        """Return the position of each partition of a source."""
        return self._all.get(source, {})

    def put(self, source: str, positions: Mapping[str, int]) -> None:
        """Store positions by partition."""
        self._all[source] = {**self._all.get(source, {}), **positions}

    def replace(self, source: str, partition: str, before: int | None, after: int) -> bool:
        """Store a position if the stored one is as before, None for none; return whether."""
        unchanged = self.get(source).get(partition) == before
        if unchanged:
            self.put(source, {partition: after})
        return unchanged


class MemoryFeed:
    """The changes that streams send."""

    def __init__(self, kept: list[FeedEntry]) -> None:
        self._all = kept

    def append(self, changes: Sequence[FeedChange]) -> None:
        """Store changes behind the last ones; what is older than has to be kept may go."""
        last = self.ends()[1]
        self._all.extend(FeedEntry(last + n, change) for n, change in enumerate(changes, 1))
        del self._all[:-KEPT]

    def after(self, number: int, limit: int) -> list[FeedEntry]:
        """Return the entries after a number, in their order."""
        return [entry for entry in self._all if entry.number > number][:limit]

    def ends(self) -> tuple[int, int]:
        """Return the numbers of the first and the last entry that are kept; 1, 0 for none."""
        return (self._all[0].number, self._all[-1].number) if self._all else (1, 0)
