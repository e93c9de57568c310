"""The silences that apply to events."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from fnmatch import fnmatchcase

import numpy as np

from engine.domain.batch import Bools, EventBatch, Int64s
from engine.domain.silence import Silence, Span
from engine.domain.time_units import NS_PER_DAY

MOST_DAYS, MOST_KEYS = 4_096, 100_000
"""What is remembered of a silence at most: days with their spans, and keys."""
FEW_DAYS = 4


def fits(entity: str, patterns: Sequence[str]) -> bool:
    """Return whether one of some patterns fits the key of an entity."""
    return any(fnmatchcase(entity, pattern) for pattern in patterns)


class Mute:
    """A silence, with what was found out of days and keys.

    Args:
        silence: the silence.
    """

    def __init__(self, silence: Silence) -> None:
        self.silence = silence
        self._days: dict[int, list[Span]] = {}
        self._keys: dict[str, bool] = {}

    def holds(self, entity: str, time: int) -> bool:
        """Return whether it holds for an entity at an event time, in ns."""
        return self._is_on(time) and self._fits(entity)

    def rows(self, events: EventBatch) -> Bools:
        """Return for which events it holds: bool [n]."""
        found = self._on(events.times)
        rows = np.flatnonzero(found)
        if len(rows):
            found[rows] = self._fitting(events.keys[rows].tolist())
        return found

    def end(self, time: int) -> int:
        """Return when it ends that holds at a time: within the days that follow, in ns."""
        for _ in range(MOST_DAYS):
            spans = self._spans(time // NS_PER_DAY)
            last = next((last for first, last in spans if first <= time < last), None)
            if last is None:
                break
            time = last
        return time

    def _on(self, times: Int64s) -> Bools:
        found = np.zeros(len(times), np.bool_)
        for day in _days(times):
            for first, last in self._spans(day):
                found |= (times >= first) & (times < last)
        return found

    def _is_on(self, time: int) -> bool:
        spans = self._spans(time // NS_PER_DAY)
        place = bisect_right(spans, time, key=lambda span: span[0])
        return place > 0 and time < spans[place - 1][1]

    def _spans(self, day: int) -> list[Span]:
        found = self._days.get(day)
        if found is None:
            if len(self._days) >= MOST_DAYS:
                self._days = {}
            found = self._days[day] = self.silence.spans(day)
        return found

    def _fitting(self, entities: list[str]) -> Bools:
        """Return which entities it fits: bool [n]; quick for those that were seen before."""
        try:
            return np.fromiter(map(self._keys.__getitem__, entities), np.bool_, len(entities))
        except KeyError:
            return np.fromiter(map(self._fits, entities), np.bool_, len(entities))

    def _fits(self, entity: str) -> bool:
        found = self._keys.get(entity)
        if found is None:
            if len(self._keys) >= MOST_KEYS:
                self._keys = {}
            found = self._keys[entity] = fits(entity, self.silence.entities)
        return found


def _days(times: Int64s) -> list[int]:
    """Return the days of some times, since 1970."""
    if not len(times):
        return []
    first, last = int(times.min()) // NS_PER_DAY, int(times.max()) // NS_PER_DAY
    # As a rule they are of one day or two; sorting costs more.
    if last - first < FEW_DAYS:
        return list(range(first, last + 1))
    found: list[int] = np.unique(times // NS_PER_DAY).tolist()
    return found


class Silences:
    """All silences of a pipeline.

    Args:
        silences: those of the pipeline file and of the control log.
    """

    def __init__(self, silences: Sequence[Silence]) -> None:
        self._mutes = [Mute(silence) for silence in silences if silence.mutes]
        self._unlearned = [Mute(silence) for silence in silences if not silence.learn]

    def unlearned(self, events: EventBatch) -> Bools | None:
        """Return which events are not learned from: bool [n]; None if all are."""
        if not self._unlearned:
            return None
        found = np.zeros(len(events), np.bool_)
        for mute in self._unlearned:
            found |= mute.rows(events)
        return found

    def by(self, entity: str, time: int, value: str | None) -> Mute | None:
        """Return the first silence that holds for an anomaly; None if none does.

        Args:
            entity: its key.
            time: its event time, in ns.
            value: the value to blame; None if no value is.
        """
        for mute in self._mutes:
            values = mute.silence.values
            if (not values or value in values) and mute.holds(entity, time):
                return mute
        return None
