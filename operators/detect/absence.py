"""Absence: which entities have stopped sending, by the progress of event time in their task.

The clock of the entity itself does not count: its silence is the progress of event time while it
sent nothing. With a fixed limit that is event time as it is; else long steps of it are cut short,
so that a pause of all entities does not count. Where entities send in turn what they have gathered,
those before an entity carry event time ahead of it: the usual distance of its events does not count
either.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import orjson

from engine.domain.absence import Absence, AbsenceRule
from engine.domain.alert_policy import (
    AlertPolicy,
    Budget,
    FalseDiscoveryRate,
    PValueThreshold,
)
from engine.domain.batch import EventBatch, Floats, Int32s
from engine.domain.detector import State
from engine.domain.entity_report import Presence
from operators.detect.absence_loop import (
    ALL_RAISED,
    ALL_RETURNED,
    GROUP_RAISED,
    GROUP_RETURNED,
    MEMBER,
    PAUSED,
    RAISED,
    RETURNED,
    observe,
)
from operators.detect.event_clock import Progress
from operators.detect.gaps import (
    ABSENT,
    ENDED,
    GROUPED,
    NEVER,
    RECORD,
    TOGETHER_ABSENT,
    WARM_UP,
    Limits,
)
from operators.detect.idle import Gone
from operators.detect.stopped_at_once import GROUP, GROUPS
from operators.detect.stopped_together import WATCH
from operators.kernels.record_bank import RecordBank

logger = logging.getLogger("pynomaly.detect")

SHARE = 0.1
"""Part of the threshold of an event's p-value that a silence is held against."""
RANKS = {
    RETURNED: 0,
    ALL_RETURNED: 0,
    GROUP_RETURNED: 0,
    RAISED: 1,
    ALL_RAISED: 1,
    GROUP_RAISED: 1,
    PAUSED: 2,
    MEMBER: 3,
}
"""Order of what an event shows: what is over comes first."""

PRESENCES = {
    ABSENT: Presence.ABSENT,
    TOGETHER_ABSENT: Presence.TOGETHER,
    ENDED: Presence.ENDED,
    GROUPED: Presence.TOGETHER,
}


def limits_of(rule: AbsenceRule, policy: AlertPolicy, partitions: int) -> Limits:
    """Return what a silence is held against under an alert policy."""
    if isinstance(policy, PValueThreshold):
        bounds = (np.inf, np.inf, SHARE * policy.p_value, 1.0, False)
    else:
        if isinstance(policy, FalseDiscoveryRate):
            budget = Budget(policy.share)
        else:
            budget = policy if isinstance(policy, Budget) else Budget(10.0)
        each = budget.scope == "entity"
        share = np.inf if each else SHARE * budget.entity_share
        most = SHARE * budget.max_p_value
        bounds = (SHARE * budget.per_day, share, most, float(partitions), each)
    return Limits(rule.after or 0, *bounds)


class AbsenceWatch(RecordBank):
    """Watches the entities of one task.

    Args:
        capacity: the number of slots.
        limits: what a silence is held against.
    """

    def __init__(self, capacity: int, limits: Limits) -> None:
        super().__init__(capacity, RECORD)
        self._limits = limits
        self._watch = RecordBank(1, WATCH)
        self._watch.records["next"] = NEVER
        self._groups = RecordBank(GROUPS, GROUP)
        self._named: dict[int, str] = {}

    @property
    def is_learned(self) -> bool:
        """Whether silences are judged by the gaps of each entity."""
        return not self._limits.after

    def load(self, state: State) -> None:
        """Fill slots 0, 1, ... with dumped records; gaps of another form are learned afresh.

        Raises:
            SnapshotError: not records, or more than there are slots.
        """
        stored: Any = state.get("state")
        fields = stored.dtype.fields if isinstance(stored, np.ndarray) else None
        if fields and "tail" in fields and fields["tail"][0] != RECORD["tail"]:
            state = {**state, "state": stored[[name for name in fields if name != "tail"]]}
            logger.warning(
                "absence: an earlier version stored the gaps of entities in another form: they "
                "are learned afresh, and the silence of an entity is judged after %d of them",
                WARM_UP,
            )
        super().load(state)

    def hold_against(self, limits: Limits) -> None:
        """Hold silences against other limits from now on."""
        self._limits = limits

    def observe(
        self,
        slots: Int32s,
        events: EventBatch,
        progress: Progress,
        totals: Floats,
        keys: Mapping[str, int],
    ) -> list[Absence]:
        """Record events; return which entities have stopped, and which are back.

        Args:
            slots: int32 [n], the slot of each event's entity.
            events: the n events.
            progress: how far event time had come with each.
            totals: float64 [n], events per day of all entities.
            keys: slots by key.
        """
        indices = np.full(len(slots), -1, np.int32) if events.indices is None else events.indices
        # With a limit, the silence is that of event time as it is: see the module.
        elapsed = progress.busy if self.is_learned else progress.whole
        times = (elapsed, progress.whole, progress.jumps)
        columns = (events.times, events.offsets, indices, *times, totals)
        watches = self._watch.records, self._groups.records
        found = observe(self.records, *watches, slots, *columns, self._limits)
        if not found:
            return []
        wanted = {slot for _, slot, *_ in found}
        names = {slot: key for key, slot in keys.items() if slot in wanted}
        partition = int(events.partitions[0])
        # By their places in the source: slots are assigned afresh after a restart.
        found.sort(key=lambda one: (one[0], RANKS[one[2]], one[-2:]))
        members = _members(found, names)
        absences: list[Absence] = []
        for one in found:
            row, slot, what, _, silence, count, *_ = one
            if what == PAUSED:
                absences += _pause(events, row=row, silence=silence)
            elif what == GROUP_RETURNED:
                absences.append(_absence(one, self._named.pop(count), partition))
            elif what in (ALL_RAISED, GROUP_RAISED):
                together = members[row, count]
                # The newest of the group gives it its name: it was there until it stopped.
                name = "" if what == ALL_RAISED else together[0]
                self._named |= {count: name} if name else {}
                absences.append(_absence(one, name, partition, together))
            elif what != MEMBER:
                name = "" if what == ALL_RETURNED else names[slot]
                absences.append(_absence(one, name, partition))
        return absences

    def presence(self, slot: int) -> Presence:
        """Return what is known of an entity's absence."""
        record = self.records[slot]
        young = self.is_learned and record["tail"]["events"] < WARM_UP
        state = min(int(record["state"]), GROUPED)
        found = PRESENCES.get(state, Presence.WATCHED)
        return Presence.YOUNG if young and found is Presence.WATCHED else found

    def forget(self, slots: Int32s) -> None:
        """Forget entities that were evicted."""
        self._watch.records["count"] -= np.count_nonzero(self.records["known"][slots])
        # As if they were back: else an absence of several would wait for them forever.
        states = self.records["state"][slots]
        self._watch.records["back"] += np.count_nonzero(states == TOGETHER_ABSENT)
        grouped = states[states >= GROUPED] - GROUPED
        np.add.at(self._groups.records["back"], grouped, 1)
        self._watch.records["returned"] |= len(grouped) > 0
        self.reset(slots)

    def end(self, gone: Gone, keys: Sequence[str], partition: int) -> list[Absence]:
        """Forget idle entities before an event; return the absences that end with that.

        Args:
            gone: the entities.
            keys: of each of them.
            partition: of the task.
        """
        records = self.records[gone.slots]
        found: list[Absence] = []
        for key, state, silence in zip(keys, records, gone.silences.tolist(), strict=True):
            if state["state"] == ABSENT:
                index = None if state["index"] < 0 else int(state["index"])
                place = partition, int(state["offset"]), index
                since = int(state["when"])
                found.append(Absence(0, key, True, np.nan, silence, since, *place))
        self.forget(gone.slots)
        return sorted(found, key=lambda one: (one.offset, one.index or 0))

    def dump_watch(self) -> State:
        """Return what belongs to no entity."""
        groups = self._groups.records.copy()
        names = orjson.dumps(sorted(self._named.items()))
        return {**self._watch.dump(np.zeros(1, np.int32)), "groups": groups, "names": names}

    def load_watch(self, state: State) -> None:
        """Restore what `dump_watch` returned, after the entities."""
        self._watch.load(state)
        known = np.flatnonzero(self.records["known"])
        self._watch.records["count"] = len(known)
        self._watch.records["slots"] = known[-1] + 1 if len(known) else 0
        # Absent in the state of earlier releases.
        if "groups" in state:
            self._groups.load({"state": state["groups"]})
            self._named = dict(orjson.loads(bytes(state["names"])))


def _members(found: Sequence[Any], names: Mapping[int, str]) -> dict[tuple[int, int], list[str]]:
    """Return who stopped together, the newest first, by row and number of the group."""
    members: dict[tuple[int, int], list[str]] = {}
    for row, slot, what, _, _, number, *_ in reversed(found):
        if what == MEMBER:
            members.setdefault((row, number), []).append(names[slot])
    return members


def _absence(found: Any, entity: str, partition: int, members: Sequence[str] = ()) -> Absence:
    row, _, what, p_value, silence, count, when, offset, index = found
    return Absence(
        row=row,
        entity=entity,
        is_over=what in (RETURNED, ALL_RETURNED, GROUP_RETURNED),
        p_value=p_value,
        silence=silence,
        since=when,
        partition=partition,
        offset=offset,
        index=None if index < 0 else index,
        entities=len(members) or count,
        members=tuple(members),
    )


def _pause(events: EventBatch, row: int, silence: int) -> list[Absence]:
    """Return a pause of the whole task, which is over with an event: an absence and its end."""
    since = int(events.times[row]) - silence
    index = None if events.indices is None else int(events.indices[row])
    place = int(events.partitions[row]), int(events.offsets[row]), index
    pause = Absence(row, "", False, np.nan, silence, since, *place, entities=0)
    return [pause, replace(pause, is_over=True)]
