"""route: events leave by key group, so that what is exchanged costs per batch and not per event."""

from __future__ import annotations

import numpy as np

from engine.application.ports import Route, RunContext
from engine.domain.batch import EventBatch
from engine.domain.key_group import group_key, key_group
from engine.domain.pipeline import Pipeline

MOST_REMEMBERED = 1_000_000
"""Keys whose group is remembered; past that the memory starts anew."""


class GroupOfKey(dict[str, int]):
    """The key group of each key, computed once."""

    def __init__(self, groups: int) -> None:
        super().__init__()
        self._groups = groups

    def __missing__(self, key: str) -> int:
        if len(self) >= MOST_REMEMBERED:
            self.clear()
        group = self[key] = key_group(key, self._groups)
        return group


def route_step(pipeline: Pipeline, _context: RunContext) -> Route:
    """Return the step from batches of events to one batch a key group, order kept."""
    group_of = GroupOfKey(pipeline.key_groups)

    def route(batches: list[EventBatch]) -> list[tuple[str, EventBatch]]:
        events = EventBatch.concatenate(batches)
        found = map(group_of.__getitem__, events.keys.tolist())
        groups = np.fromiter(found, np.uint16, len(events))
        order = np.argsort(groups, kind="stable")
        ends = np.cumsum(np.bincount(groups, minlength=pipeline.key_groups)).tolist()
        sorted_events = events.take(order)
        starts = [0, *ends[:-1]]
        return [
            (group_key(group), sorted_events.take(slice(start, end)))
            for group, (start, end) in enumerate(zip(starts, ends, strict=True))
            if end > start
        ]

    return route
