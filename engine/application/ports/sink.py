"""The port of sinks, and what some sinks can do besides."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

from bytewax.outputs import FixedPartitionedSink

from engine.application.ports.context import RunContext
from engine.application.ports.settings import Settings
from engine.domain.record import Record


class SinkPlugin(Protocol):
    """A class that an entry point in `pynomaly.sinks` names.

    Args:
        settings: of the class `Settings`.
        context: of this process.
        role: anomalies, incidents, scores or dead_letters; if a role has several sinks, a dot and
            a name follow (`engine.domain.names.role_of`).

    Attributes:
        exactly_once: whether it can publish every record once, despite crashes: its snapshot
            makes visible, or can take back, what was written.
        roles: optional; the roles that it can have. All roles if it is not given.
        fills_store: optional; whether it writes to the store of `pynomaly serve` itself, which has
            nothing to follow then. False if it is not given.
    """

    Settings: type[Settings]
    exactly_once: bool

    def __init__(self, settings: Any, context: RunContext, role: str) -> None: ...

    def sink(self) -> FixedPartitionedSink[list[Record], Any]:
        """Return the Bytewax sink; its items are lists of Record.

        The dataflow drives it, not Bytewax. It builds one part, named by the number of the
        process. The state of the part is the list of what `snapshot` returned at the last
        checkpoints of the tasks that the process has now, each as orjson writes and reads it; the
        list is empty if nothing was stored. `snapshot` is called at each checkpoint, and returns
        once all that was written is delivered, or belongs to the checkpoint about to be stored.
        """
        ...

    def check(self) -> None:
        """Connect, as `validate --connect` does, and as a run does before it starts.

        Raises:
            ConnectorError: it does not hold what the settings name, or refuses the connection.
            RetryableError: it does not answer now.
        """
        ...


@runtime_checkable
class ReadableSink(Protocol):
    """A sink whose records can be read back, as `pynomaly rejects` does with dead letters."""

    def written(self) -> Iterator[Record]:
        """Yield the records that it holds now."""
        ...


@runtime_checkable
class RecentSink(Protocol):
    """A sink of which the newest records can be read back without all others."""

    def newest(self, count: int) -> Iterator[Record]:
        """Yield up to `count` of the newest records of each of its parts, the oldest first."""
        ...


@runtime_checkable
class FollowableSink(Protocol):
    """A sink whose records a source can follow, as `pynomaly serve` does."""

    def followed_by(self) -> tuple[str, dict[str, Any]]:
        """Return the name and the settings of the source that reads what it writes.

        Raises:
            ConnectorError: what it writes is not JSON, or is not read to its end.
        """
        ...
