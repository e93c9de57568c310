"""The port of sources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol

from bytewax.inputs import FixedPartitionedSource

from engine.application.ports.context import RunContext
from engine.application.ports.settings import Settings
from engine.domain.batch import RawBatch

Rereadable = Literal["exactly", "at_other_times", "never"]


class SourcePlugin(Protocol):
    """A class that an entry point in `pynomaly.sources` names.

    Its `Settings` describes what the pipeline file may say below `source: {<name>: ...}`.

    Attributes:
        rereadable: whether a partition that is opened at an earlier position returns the same
            messages again: "exactly"; "at_other_times" if their timestamps are those of reading;
            or "never". Unless it is "exactly", received messages are kept in the state until a
            complete snapshot is stored. Positions are offsets, the one after the last message's,
            unless it is "never".
    """

    Settings: type[Settings]
    rereadable: Rereadable

    def __init__(self, settings: Any, context: RunContext) -> None: ...

    @property
    def topic(self) -> str:
        """The name that anomalies give as their origin."""
        ...

    def source(self) -> FixedPartitionedSource[RawBatch, Any]:
        """Return the Bytewax source; its partitions emit RawBatch items.

        The dataflow drives it, not Bytewax: it opens the partitions, reads them, asks for their
        position with `snapshot` and closes them, some of them more than once.
        """
        ...

    def stored(self, positions: Mapping[str, Any]) -> None:
        """Acknowledge that all before these positions, by partition, is stored and delivered."""
        ...

    def check(self, samples: int) -> list[RawBatch]:
        """Connect, as `validate --connect` does, and return some real messages.

        Raises:
            ConnectorError: it cannot be reached, or does not hold what the settings name.
        """
        ...

    def finish(self) -> None:
        """Called once after a clean end: everything read is stored and delivered."""
        ...
