"""The port of sources that dead letters can be sent back to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, runtime_checkable

from engine.application.ports.settings import Settings
from engine.domain.record import Record


class Redrive(Protocol):
    """Sends messages that became dead letters back to a source.

    While one exists, no other is at work; so what `letters` yields is all that was sent.
    """

    def letters(self) -> Iterator[Record]:
        """Yield the dead letters, and a record for each one that was sent back."""
        ...

    def send(self, letters: Iterable[tuple[str, int | None, list[Record]]]) -> int:
        """Send the messages of dead letters; return the number of letters sent.

        Args:
            letters: id, partition to send to if it is known, and messages. A record with the
                header `REDRIVEN_HEADER` is written beside the dead letters with each: both or
                neither, despite crashes.
        """
        ...


@runtime_checkable
class RedrivableSource(Protocol):
    """A source that dead letters can be sent back to."""

    @property
    def topic(self) -> str:
        """The name that dead letters give as their origin."""
        ...

    def redrive(self, letters: Settings) -> Redrive:
        """Return what sends dead letters back.

        Args:
            letters: settings of the sink of the dead letters.

        Raises:
            ConnectorError: they cannot be sent back, or not exactly once.
        """
        ...
