"""The port of control logs that instances share."""

from __future__ import annotations

from typing import Any, Protocol

from engine.application.ports.context import RunContext
from engine.application.ports.settings import Settings


class ControlLogPlugin(Protocol):
    """A class that the attribute `ControlLog` of a store plug-in names, if it has one.

    It is an ordered, durable log of lines with rising numbers, which all instances share.

    Attributes:
        where: its location, for people.
        id: distinguishes it from another log at the same location; "" while there is none.
    """

    Settings: type[Settings]
    where: str
    id: str

    def __init__(self, settings: Any, context: RunContext) -> None: ...

    def read(self, wait: float) -> list[tuple[int, bytes]]:
        """Return the lines that have come since the last call, with their numbers.

        If `id` has changed, they are all the lines of the new log.

        Args:
            wait: seconds to wait for the end of the log; 0 returns what is there at once.

        Raises:
            ConnectorError: it cannot be reached, or could not be read to its end.
        """
        ...

    def append(self, line: bytes) -> int:
        """Append a line, and create the log if there is none; return the line's number.

        Raises:
            ConnectorError: it was not written.
        """
        ...

    def check(self) -> None:
        """Make sure that it can be used, and change nothing.

        Raises:
            ConnectorError: it cannot be reached, or would not keep what is written.
        """
        ...

    def close(self) -> None:
        """Release its resources."""
        ...
