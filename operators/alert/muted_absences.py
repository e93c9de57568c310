"""Absences that a silence muted: they are published when it has ended, if they still last."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import orjson

from engine.domain.absence import Absence
from engine.domain.batch import ScoredBatch


class MutedAbsences:
    """The muted absences of one task."""

    def __init__(self) -> None:
        self._muted: dict[str, tuple[int, Absence]] = {}

    def add(self, entity: str, absence: Absence, progress: int, end: int) -> None:
        """Keep an absence until its silence has ended.

        Args:
            entity: its key.
            absence: as it was found.
            progress: ns that event time had come on then.
            end: event time at which the silence ends, in ns.
        """
        rest = max(end - absence.since - absence.silence, 0)
        lasting = replace(absence, silence=absence.silence + rest)
        self._muted[entity] = progress + rest, lasting

    def review(self, progress: int, is_muted: Callable[[str, Absence, int], bool]) -> None:
        """Publish absences at the next event that silences no longer mute: they have changed.

        Args:
            progress: ns that event time has come on.
            is_muted: whether silences hold for the absence of an entity at an event time.
        """
        for entity, (due, absence) in self._muted.items():
            early = max(due - progress, 0)
            known = replace(absence, silence=absence.silence - early)
            if not is_muted(entity, known, known.since + known.silence):
                self._muted[entity] = due - early, known

    def forget(self, entity: str) -> None:
        """Forget an absence that is over, or was published."""
        self._muted.pop(entity, None)

    def holds(self, entity: str, absence: Absence) -> bool:
        """Return whether this absence of an entity is kept, and not another one since."""
        kept = self._muted.get(entity)
        return kept is not None and kept[1].since == absence.since

    def joined(self, batch: ScoredBatch) -> deque[Absence]:
        """Return the absences of a batch, with those that silences no longer mute, in order."""
        found = deque(batch.absences)
        for entity in self._muted:
            self.join(found, batch, entity)
        return found

    def join(self, waiting: deque[Absence], batch: ScoredBatch, entity: str) -> None:
        """Put a muted absence among others where it is due, if it is in this batch."""
        due, absence = self._muted[entity]
        progress = batch.events.times if batch.progress is None else batch.progress
        row = int(np.searchsorted(progress, due))
        if row == len(batch):
            return
        # Those that are over come first: they were muted to their end.
        others = [*waiting, replace(absence, row=row, again=True)]
        waiting.clear()
        waiting.extend(sorted(others, key=lambda one: (one.row, not one.is_over)))

    def dump(self) -> bytes:
        """Return the state as JSON."""
        kept = {key: (due, asdict(one)) for key, (due, one) in self._muted.items()}
        # NaN, a fixed limit, becomes null.
        return orjson.dumps(kept)

    def load(self, stored: bytes) -> None:
        """Restore what `dump` returned."""
        self._muted = {
            key: (due, _absence(one)) for key, (due, one) in orjson.loads(stored).items()
        }


def _absence(stored: dict[str, Any]) -> Absence:
    p_value = np.nan if stored["p_value"] is None else stored["p_value"]
    members = tuple(stored.get("members", ()))
    return Absence(**stored | {"p_value": p_value, "members": members})
