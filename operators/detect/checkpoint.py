"""The checkpoint of a key group: its whole state, or only the events since it was last whole.

Scores and state depend on nothing but the events and their order, so events stand for the state
they lead to. A checkpoint costs the smaller of both: state that few events have touched is not
written again, and a flood of events over little state is not kept.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Protocol

import numpy as np
import orjson

from engine.application.state.durable import Syncs
from engine.application.state.group_file import KIND, GroupFile, Reference
from engine.domain import snapshot
from engine.domain.batch import EventBatch
from engine.domain.errors import SnapshotError

INLINE_BYTES = 2**16
"""A state so small is stored without a file."""
REPLAY_SECONDS = 8.0
"""Most seconds that all key groups of a pipeline together take to replay their events."""
WORTH = 10.0
"""Events are kept until learning them took so many times as long as it takes to write the state: so
writing it takes a tenth of the time at most, and a run that resumes waits for no more than that."""
JOURNAL_SHARE = 0.5
"""Events are kept while they take up less than this share of the state they lead to."""


class Stored(Protocol):
    """What is checkpointed: a key group."""

    @property
    def size(self) -> int:
        """Bytes of the whole state, about."""
        ...

    def dump(self) -> bytes:
        """Return the whole state."""
        ...

    def restore(self, blob: bytes) -> bool:
        """Take up a whole state; return whether events may be replayed on it."""
        ...

    def replay(self, events: EventBatch) -> None:
        """Learn events again."""
        ...


class Checkpoint:
    """Stores one key group.

    Args of its constructor: directory, for files, None to store everything inline; groups, how
    many key groups the pipeline has; syncs, to be waited for before anything stored counts.
    """

    def __init__(self, directory: Path | None, groups: int, syncs: Syncs) -> None:
        self._directory = directory
        self._syncs = syncs
        self._longest_replay = self._replay_limit = REPLAY_SECONDS / groups
        self._file: GroupFile | None = None
        self._outdated: list[GroupFile] = []
        self._unreferred: list[GroupFile] = []
        self._events: list[EventBatch] | None = None
        self._event_bytes = 0
        self._seconds = 0.0
        self.written = 0

    def note(self, events: EventBatch, seconds: float, size: int) -> None:
        """Keep events that were learned, as long as that pays.

        Args:
            events: what was learned.
            seconds: how long that took.
            size: bytes of the whole state.
        """
        if self._events is None:
            return
        self._seconds += seconds
        self._event_bytes += _bytes(events)
        if self._event_bytes > JOURNAL_SHARE * size or self._seconds > self._replay_limit:
            self._events = None
        else:
            self._events.append(events)

    def store(self, group: Stored) -> bytes:
        """Write the group's state; return what stands for it in the recovery store."""
        # What was replaced two checkpoints ago is not referred to any more.
        for file in self._unreferred:
            self._syncs.remove(file.path)
        self._unreferred, self._outdated = self._outdated, []
        if self._file is not None and self._events is not None:
            return self._store_events(self._file)
        return self._store_whole(group)

    def restore(self, group: Stored, stored: bytes) -> None:
        """Bring back what `store` stood for.

        Raises:
            SnapshotError: it is corrupt, missing, or does not fit.
        """
        if self._directory is None or snapshot.kind(stored) != KIND:
            group.restore(stored)
            return
        file = GroupFile(self._directory, Reference.decode(stored))
        blobs = file.blobs()
        whole = next(blobs, None)
        if whole is None:
            raise SnapshotError(f"stored state in {file.path} is empty")
        began = time.perf_counter()
        if group.restore(whole):
            self._took(time.perf_counter() - began)
            began = time.perf_counter()
            for blob in blobs:
                group.replay(_events(blob))
                self._event_bytes += len(blob)
            self._seconds = time.perf_counter() - began
            self._file, self._events = file, []
        else:
            self._outdated.append(file)

    def _store_events(self, file: GroupFile) -> bytes:
        kept = self._events or []
        self._events = []
        self.written = 0
        if kept:
            blob = _encode(EventBatch.concatenate(kept))
            self.written = len(blob)
            file.append(blob, self._syncs)
        return Reference(file.name, file.length).encode()

    def _took(self, seconds: float) -> None:
        """Note what the whole state costs: about the same to write as to read."""
        self._replay_limit = min(self._longest_replay, WORTH * seconds)

    def _store_whole(self, group: Stored) -> bytes:
        began = time.perf_counter()
        blob = group.dump()
        self.written = len(blob)
        if self._file is not None:
            self._outdated.append(self._file)
        self._file, self._events, self._event_bytes, self._seconds = None, None, 0, 0.0
        if self._directory is None or len(blob) <= INLINE_BYTES:
            return blob
        self._file, self._events = GroupFile(self._directory), []
        reference = self._file.append(blob, self._syncs)
        self._took(time.perf_counter() - began)
        return reference.encode()


def _bytes(events: EventBatch) -> int:
    return int(len(events) * (24 + 8 * events.values.shape[1]))


def _encode(events: EventBatch) -> bytes:
    keys = orjson.dumps(events.keys.tolist())
    return snapshot.encode("events", {"keys": keys, "times": events.times, "values": events.values})


def _events(blob: bytes) -> EventBatch:
    parts = snapshot.decode("events", blob)
    names = orjson.loads(bytes(parts["keys"]))
    keys = np.empty(len(names), object)
    keys[:] = names
    times, values = np.asarray(parts["times"], np.int64), np.asarray(parts["values"], np.float64)
    places = np.zeros(len(names), np.int64)
    return EventBatch("", keys, times, values, places.astype(np.int32), places, places)
