"""The control log, wherever it lies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from engine.application.live_control.records import ControlRecord


class Log(Protocol):
    """An ordered log of control records that is only ever appended to, read as far as it has come.

    Attributes:
        where: a file or a topic, for people.
        id: of this log; "" while there is none.
        count: number of the last record that was read, one that could not be understood too.
    """

    where: str
    id: str
    count: int

    @property
    def records(self) -> Sequence[ControlRecord]:
        """What was read."""
        ...

    def read(self) -> bool:
        """Read what has been appended since; return whether there was anything.

        Raises:
            OSError: it cannot be read.
            PynomalyError: it is not a control log, or cannot be reached.
        """
        ...

    def close(self) -> None:
        """Close it; never raises."""
        ...

    def append(self, make: Callable[[int], ControlRecord]) -> ControlRecord:
        """Append a record; it is durable on return.

        Args:
            make: the record, given its number.

        Raises:
            OSError: it cannot be written.
            PynomalyError: it is not a control log, or cannot be reached.
        """
        ...
