"""The port of brokers that live in a process, as the demonstration's does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class BrokerPlugin(Protocol):
    """A broker that lives in this process; an entry point in `pynomaly.brokers` names it."""

    bootstrap: str

    def __enter__(self) -> BrokerPlugin: ...

    def __exit__(self, *_: object) -> None: ...

    def create_topic(self, name: str, partitions: int = 1) -> None:
        """Create a topic."""
        ...

    def send(self, topic: str, keys: Sequence[bytes], values: Sequence[bytes]) -> None:
        """Queue messages; waits while the queue is full."""
        ...

    def flush(self) -> None:
        """Wait until all that was sent has arrived."""
        ...

    def read(self, topic: str, at_most: int = 10_000) -> list[bytes]:
        """Return payloads that arrived in a topic since the last call."""
        ...
