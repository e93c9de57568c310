"""In-memory source and sink, for tests: named stores within this process."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import numpy as np
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from engine.domain.batch import RawBatch
from engine.domain.record import Record
from pynomaly.plugins import RunContext, Settings

messages: dict[str, list[list[bytes | None]]] = {}
"""What the sources of each store read: a list of payloads for each partition."""
records: dict[str, list[Record]] = defaultdict(list)
"""What the sinks of each store were given, in order of arrival."""


class MemorySourceSettings(Settings):
    """A store to read."""

    store: str
    """Its name in `connectors.memory.messages`."""
    batch: int = 1_000
    """Most messages a batch."""


class MemorySinkSettings(Settings):
    """A store to write."""

    store: str
    """Its name in `connectors.memory.records`."""


class MemorySource:
    """The plug-in behind `source: {memory: ...}`."""

    Settings = MemorySourceSettings
    rereadable = "exactly"

    def __init__(self, settings: MemorySourceSettings, context: RunContext) -> None:
        self.settings = settings
        self.context = context

    @property
    def topic(self) -> str:
        """The store's name."""
        return self.settings.store

    def source(self) -> MemoryPartitions:
        """Return the Bytewax source."""
        return MemoryPartitions(self)

    def check(self, samples: int) -> list[RawBatch]:
        """Return the first messages."""
        stored = messages[self.topic]
        return [raw_batch(self.topic, p, 0, part[:samples]) for p, part in enumerate(stored)]

    def stored(self, positions: Mapping[str, int]) -> None:
        """Do nothing: positions are in the state store only."""

    def finish(self) -> None:
        """Do nothing."""


class MemoryPartitions(FixedPartitionedSource[RawBatch, int]):
    """Bytewax's side of a store."""

    def __init__(self, memory: MemorySource) -> None:
        self._memory = memory

    def list_parts(self) -> list[str]:
        """Return the partitions' numbers."""
        return [str(part) for part in range(len(messages[self._memory.topic]))]

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> MemoryReader:
        """Start reading a partition."""
        return MemoryReader(self._memory, int(for_part), resume_state or 0)


class MemoryReader(StatefulSourcePartition[RawBatch, int]):
    """Reads one partition."""

    def __init__(self, memory: MemorySource, partition: int, position: int) -> None:
        self._memory = memory
        self._partition = partition
        self._position = position

    def next_batch(self) -> list[RawBatch]:
        """Return the next batch."""
        stored = messages[self._memory.topic][self._partition]
        found = stored[self._position : self._position + self._memory.settings.batch]
        if not found or self._memory.context.draining.is_set():
            raise StopIteration
        batch = raw_batch(self._memory.topic, self._partition, self._position, found)
        self._position += len(found)
        return [batch]

    def snapshot(self) -> int:
        """Return the position."""
        return self._position


def raw_batch(topic: str, partition: int, first: int, values: list[bytes | None]) -> RawBatch:
    """Put payloads into columns; their time is 1970."""
    offsets = np.arange(first, first + len(values))
    return RawBatch(topic, partition, offsets, np.zeros(len(values), np.int64), values)


class MemorySink:
    """The plug-in behind `sinks: {...: {memory: ...}}`."""

    Settings = MemorySinkSettings
    exactly_once = False

    def __init__(self, settings: MemorySinkSettings, context: RunContext, role: str) -> None:
        self._store = settings.store

    def sink(self) -> MemoryParts:
        """Return the Bytewax sink."""
        return MemoryParts(self._store)

    def check(self) -> None:
        """Do nothing: memory is always there."""


class MemoryParts(FixedPartitionedSink[list[Record], None]):
    """Bytewax's side of a store."""

    def __init__(self, store: str) -> None:
        self._store = store

    def list_parts(self) -> list[str]:
        """Return the one part there is."""
        return ["0"]

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> MemoryWriter:
        """Start writing."""
        return MemoryWriter(self._store)


class MemoryWriter(StatefulSinkPartition[list[Record], None]):
    """Appends to a store."""

    def __init__(self, store: str) -> None:
        self._store = store

    def write_batch(self, values: list[list[Record]]) -> None:
        """Append records."""
        for batch in values:
            records[self._store] += batch

    def snapshot(self) -> None:
        """Keep nothing: the store is the state."""
