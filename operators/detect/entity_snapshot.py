"""The snapshot of a task's entities: written at checkpoints, and restored."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import orjson

from engine.domain import snapshot
from engine.domain.detector import State
from engine.domain.pipeline import Pipeline
from operators.detect.entity_parts import EntityParts


class StoredEntities(NamedTuple):
    """A state that was stored.

    Attributes:
        parts: arrays and bytes by name.
        entities: how many it has.
        partitions: that the source had.
    """

    parts: State
    entities: int
    partitions: int


class EntitySnapshot:
    """Writes and reads the parts of a task's entities.

    Args:
        pipeline: all settings of the steps.
        parts: that are written, and filled.
    """

    def __init__(self, pipeline: Pipeline, parts: EntityParts) -> None:
        self._pipeline = pipeline
        self._parts = parts

    def encode(self, beside: State | None = None) -> bytes:
        """Return the whole state as versioned bytes.

        Args:
            beside: what is stored in it by others.
        """
        parts = self._parts
        used = parts.table.used()
        state = self._origin() | _under("entities", parts.table.dump())
        state["entities/warm"] = parts.warm[used]
        state |= _under("clock", parts.clock.dump(used))
        if parts.absence is not None:
            state |= _under("watch", parts.absence.dump_watch())
        for name, part in parts.by_name().items():
            state |= _under(name, part.dump(used))
        return snapshot.encode("detect", state | (beside or {}))

    def _origin(self) -> State:
        """Return of which pipeline a state is."""
        return {
            "mapping": self._pipeline.mapping_fingerprint.encode(),
            "detectors": orjson.dumps(self._prints()),
            "partitions": np.array([self._pipeline.partitions], np.int64),
        }

    def _prints(self) -> list[tuple[str, str]]:
        names = self._pipeline.detector_names
        return list(zip(names, self._pipeline.detector_fingerprints, strict=True))

    def decode(self, blob: bytes) -> StoredEntities | None:
        """Return a state as it was stored; None if it is of another key or of other values.

        Raises:
            SnapshotError: it is corrupt.
        """
        parts = snapshot.decode("detect", blob)
        # Older snapshots have neither the mapping nor the partitions.
        own = self._pipeline.mapping_fingerprint
        if bytes(parts.get("mapping", own.encode())).decode() != own:
            return None
        partitions = np.asarray(parts.get("partitions", [self._pipeline.partitions]))
        entities = np.asarray(parts["entities/state"])
        return StoredEntities(parts, len(entities), int(partitions[0]))

    def load(self, stored: StoredEntities) -> None:
        """Fill the parts, as far as the pipeline is still the same.

        A detector that is new, or has other parameters, starts afresh; the others go on.

        Raises:
            SnapshotError: its records are of another shape.
        """
        parts, state, count = self._parts, stored.parts, stored.entities
        entities = snapshot.under("entities", state)
        parts.table.load(entities)
        names = self._stored_names(state)
        for k, name in enumerate(names):
            for part_name, bank in parts.of_detector(k, name).items() if name else ():
                bank.load(snapshot.under(part_name, state))
        for part_name, part in (parts.of_values() | parts.of_weights(names)).items():
            # Absent where the pipeline combined otherwise before: they start equal.
            if found := snapshot.under(part_name, state):
                part.load(found)
        self._load_times(state, count)
        if any(names):
            parts.warm[:count] = np.asarray(entities["warm"])

    def _load_times(self, state: State, count: int) -> None:
        """Take up how far event time has come; earlier releases did not note all of it."""
        parts = self._parts
        if clock := snapshot.under("clock", state):
            parts.clock.load(clock)
        watch = snapshot.under("watch", state)
        if parts.absence is not None and watch:
            parts.absence.load_watch(watch)
        if parts.idle is not None and not snapshot.under("idle", state):
            # When they sent is not known: they age from now on.
            parts.idle.set_seen(count, parts.clock.busy)

    def _stored_names(self, state: State) -> list[str]:
        """Return the name that each detector has in stored state; "" if it is not there."""
        ours = self._prints()
        noted = orjson.loads(bytes(state["detectors"])) if "detectors" in state else ours
        stored = {(name, own): f"{k}.{name}" for k, (name, own) in enumerate(noted)}
        return [stored.get(pair, "") for pair in ours]


def _under(name: str, state: State) -> State:
    return {f"{name}/{key}": part for key, part in state.items()}
