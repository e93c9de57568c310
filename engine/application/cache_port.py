"""The port to what servers of one database share beside it."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    # Commands name this port where the extra "server" is not installed.
    from limits.storage import Storage


class SharedCache(Protocol):
    """What several servers share: what an entry point in `pynomaly.control_caches` names.

    Args:
        url: where it is.
        password: of it.
    """

    def __init__(self, url: str, password: str | None) -> None: ...

    def counts(self) -> Storage:
        """Return the storage of rate limits, which raises StorageError while unavailable."""
        ...

    def announce(self) -> None:
        """Say to all servers that there is news.

        Raises:
            RetryableError: the cache is unavailable.
        """
        ...

    def listen(self, reached: Callable[[], None], heard: Callable[[], None], stop: Event) -> None:
        """Call `heard` when a server says that there is news, until it is stopped.

        Raises:
            RetryableError: the cache is unavailable.
        """
        ...

    def close(self) -> None:
        """Close all connections."""
        ...
