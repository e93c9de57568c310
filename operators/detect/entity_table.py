"""The entity table: which slot holds which entity, and which entity is evicted."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import orjson

from engine.domain.batch import Bools, Floats, Int32s, Int64s, Objects
from engine.domain.detector import State
from operators.detect.entity_times import RECORD, Pace, observe, pace_of
from operators.kernels.record_bank import RecordBank, Records

ESTABLISHED_EVENTS = 32
"""An entity with fewer events is a newcomer: it goes before others do."""
NEWCOMER_SHARE = 1 / 8
"""Of the slots: newcomers beyond it make room for each other, and the others stay."""
KEY_BYTES = 200
"""Allowance for a key and its place in the table, beside its records."""

NOBODY = np.empty(0, np.int32)


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of events whose entities all hold a slot at the same time.

    Attributes:
        rows: the run.
        slots: int32, the slot of each of its events.
        started: int32, slots that begin with a new entity: their old state must be forgotten.
        evicted: int32, slots of the entities that had to go before this run.
    """

    rows: slice
    slots: Int32s
    started: Int32s
    evicted: Int32s


class EntityTable:
    """Slots for at most `capacity` entities; those idle longest are evicted first.

    Newcomers take an eighth of the slots from the others at most: a flood of new keys evicts the
    keys of the flood, and no established entity that is idle for the moment.

    Args:
        capacity: number of slots.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._bank = RecordBank(capacity, RECORD)
        self._slots: dict[str, int] = {}
        self._free: list[int] = []
        self._new: list[str] = []
        self._clock = 0
        self._total = np.zeros(1)

    def __len__(self) -> int:
        return len(self._slots)

    def __contains__(self, key: str) -> bool:
        return key in self._slots

    @property
    def slots(self) -> Mapping[str, int]:
        """The slot of each key."""
        return self._slots

    def keys(self) -> list[str]:
        """Return the keys of all entities."""
        return list(self._slots)

    @property
    def records(self) -> Records:
        """The record of each slot."""
        return self._bank.records

    def move_clock(self, count: int) -> int:
        """Record events of several entities; return how many came before."""
        before, self._clock = self._clock, self._clock + count
        return before

    def pace(self, key: str) -> Pace | None:
        """Return how often an entity sends; None if it has no slot."""
        slot = self._slots.get(key)
        if slot is None:
            return None
        return pace_of(self._bank.records[slot], slot, self.task_rate)

    @property
    def task_rate(self) -> float:
        """Events per day of all entities."""
        return float(self._total[0])

    def pop_new_keys(self) -> list[str]:
        """Return the keys that were given a slot since the last call."""
        new, self._new = self._new, []
        return new

    def segments(self, keys: Objects) -> Iterator[Segment]:
        """Give each event its entity's slot, evicting exactly where the table is full.

        Each segment must be processed, and its times observed, before the next is asked for.
        The cuts depend on the stream alone, never on how it was cut into batches.
        """
        waiting: list[str] = keys.tolist()
        start, evicted = 0, NOBODY
        while start < len(keys):
            slots, started = self._assign(waiting[start:] if start else waiting)
            stop = start + len(slots)
            if stop > start:
                yield Segment(slice(start, stop), slots, started, evicted)
            # Entities that were forgotten in the meantime have made room.
            full = len(self._slots) >= self.capacity
            evicted = self._evict() if stop < len(keys) and full else NOBODY
            start = stop

    def _assign(self, keys: list[str]) -> tuple[Int32s, Int32s]:
        known = self._slots
        try:
            return np.fromiter(map(known.__getitem__, keys), np.int32, len(keys)), NOBODY
        except KeyError:
            return self._assign_new(keys)

    def _assign_new(self, keys: list[str]) -> tuple[Int32s, Int32s]:
        known, slots, started = self._slots, [], []
        for key in keys:
            slot = known.get(key)
            if slot is None:
                if len(known) >= self.capacity:
                    break
                slot = self._free.pop() if self._free else len(known)
                known[key] = slot
                started.append(slot)
                self._new.append(key)
            slots.append(slot)
        return np.array(slots, np.int32), np.array(started, np.int32)

    def _evict(self) -> Int32s:
        """Free the slots of entities idle longest: a chunk, so that its cost is shared."""
        count = max(1, self.capacity // 64)
        touched = self._bank.records["touched"]
        newcomers = np.flatnonzero(self._bank.records["count"] < ESTABLISHED_EVENTS)
        if len(newcomers) > int(self.capacity * NEWCOMER_SHARE) > 0:
            idle = newcomers[np.argpartition(touched[newcomers], count - 1)[:count]]
        else:
            idle = np.argpartition(touched, count - 1)[:count]
        gone = set(idle.tolist())
        self._slots = {key: slot for key, slot in self._slots.items() if slot not in gone}
        self._free = sorted(gone, reverse=True)
        self._total[0] -= self._bank.records["rate"][idle].sum()
        self._bank.records["rate"][idle] = 0.0
        return idle.astype(np.int32)

    def release(self, slots: Int32s, returning: Int32s) -> list[str]:
        """Forget entities; return their keys, in the order of the slots.

        Args:
            slots: of the entities.
            returning: those of the slots that return immediately, with the same key.
        """
        rates = self._bank.records["rate"]
        # Exact, so that the order does not matter: slots are assigned afresh after a restart.
        self._total[0] -= math.fsum(rates[slots].tolist())
        self.forget(slots)
        wanted, staying = set(slots.tolist()), set(returning.tolist())
        keys = {slot: key for key, slot in self._slots.items() if slot in wanted}
        for slot, key in keys.items():
            if slot not in staying:
                del self._slots[key]
                self._free.append(slot)
        return [keys[slot] for slot in slots.tolist()]

    def shrink_to(self, count: int) -> int:
        """Forget all but the `count` entities that sent last; return the number forgotten."""
        used = self.used()
        order = np.argsort(self._bank.records["touched"][used], kind="stable")
        gone = set(used[order[: max(0, len(used) - count)]].tolist())
        self._slots = {key: slot for key, slot in self._slots.items() if slot not in gone}
        self._free += sorted(gone, reverse=True)
        idle = np.array(sorted(gone), np.int32)
        self._total[0] -= self._bank.records["rate"][idle].sum()
        self._bank.records["rate"][idle] = 0.0
        return len(gone)

    def observe(
        self, slots: Int32s, times: Int64s, lateness: int | None
    ) -> tuple[Floats, Floats, Bools]:
        """Return what is known before each event, then note its time.

        Args:
            slots: int32 [n].
            times: int64 [n], event times in ns.
            lateness: ns that an event may lie before its entity's newest; None: any.

        Returns:
            float64 [n], events per day of the entity, NaN until it has two; float64 [n], events
                per day of all entities together; bool [n], late.
        """
        rates, totals = np.empty(len(slots)), np.empty(len(slots))
        late = np.empty(len(slots), np.bool_)
        limit = -1 if lateness is None else lateness
        columns = (rates, totals, late)
        observe(self._bank.records, slots, times, limit, self._clock, self._total, *columns)
        self._clock += len(slots)
        return rates, totals, late

    def forget(self, slots: Int32s) -> None:
        """Start the records of new entities."""
        self._bank.reset(slots)
        # Of slots behind one that was never touched none has an entity.
        self._bank.records["touched"][slots] = 1

    def used(self) -> Int32s:
        """Return the slots in use, in the order in which `dump` writes them."""
        return np.fromiter(self._slots.values(), np.int32, len(self._slots))

    def dump(self) -> State:
        """Return the keys and records of the slots in use."""
        clock = np.array([self._clock], np.int64)
        keys = orjson.dumps(list(self._slots))
        total = self._total.copy()
        return {"keys": keys, "clock": clock, "total": total, **self._bank.dump(self.used())}

    def load(self, state: State) -> None:
        """Fill slots 0, 1, ... with what was dumped.

        Raises:
            SnapshotError: more entities than slots, or of another form.
        """
        self._bank.load(state)
        self._clock = int(np.asarray(state["clock"])[0])
        if "total" in state:
            self._total = np.array(state["total"], np.float64)
        keys = orjson.loads(bytes(state["keys"]))
        self._slots = {key: slot for slot, key in enumerate(keys)}
