"""Records of a transaction: those that are still to be sent, and those to be sent again."""

from __future__ import annotations

from engine.domain.batch import Headers
from engine.domain.errors import RetryableError
from engine.domain.record import Record

KEPT_BYTES = 32 * 2**20
REPEATED_BYTES = 256 * 2**20
"""Most bytes that are kept to be sent again if the group rebalances."""

Kept = tuple[str, str, Record, Headers]
"""Topic, role, the record, and headers to add to its own."""


class KeptRecords:
    """Records from one commit to the next."""

    def __init__(self) -> None:
        self._waiting: list[Kept] = []
        self._waiting_bytes = 0
        self._sent: list[Kept] = []
        self._sent_bytes = 0

    @property
    def are_many(self) -> bool:
        """Whether so many wait that they are to be sent."""
        return self._waiting_bytes > KEPT_BYTES

    def add(self, topic: str, role: str, record: Record, headers: Headers) -> None:
        """Add one to those that wait."""
        self._waiting.append((topic, role, record, headers))
        self._waiting_bytes += len(record.value or b"") + len(record.key or b"") + 100

    def take(self) -> list[Kept]:
        """Return those that wait, for being sent now."""
        taken, self._waiting, self._waiting_bytes = self._waiting, [], 0
        return taken

    def keep_sent(self, sent: list[Kept], *, repeat: bool) -> None:
        """Keep what is sent, if it may have to be sent again and is not too much."""
        self._sent_bytes += sum(len(record.value or b"") for _, _, record, _ in sent)
        if repeat and self._sent_bytes < REPEATED_BYTES:
            self._sent += sent

    def committed(self) -> None:
        """Forget what was sent."""
        self._sent, self._sent_bytes = [], 0

    def sent_again(self) -> list[Kept]:
        """Return all that the next transaction is to send.

        Raises:
            RetryableError: it was too much to be kept.
        """
        if self._sent_bytes >= REPEATED_BYTES:
            raise RetryableError(
                "the group rebalanced during a large transaction: resuming from the last checkpoint"
            )
        again, waiting = self._sent, self._waiting
        self._waiting = []
        self.committed()
        return again + waiting

    def wait_again(self, records: list[Kept]) -> None:
        """Let records wait that `sent_again` gave."""
        self._waiting = records

    def clear(self) -> None:
        """Forget what waits: it belongs to no checkpoint."""
        self.take()
