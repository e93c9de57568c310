"""The threshold of a score at which it has so many false incidents on normal life."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.everyday.judge import excused
from bench.everyday.message import INCIDENT_GAP, Message, incidents
from bench.everyday.rivals.compiled import compiled
from bench.everyday.stream import Floats, Int32s, Int64s, Stream

HALVINGS = 50


@dataclass(frozen=True)
class ScoredStream:
    """A stream with the scores of a rival."""

    stream: Stream
    scores: Floats
    blamed: Int32s

    def above(self, threshold: float) -> list[Message]:
        """Return the messages of all events with a score of at least the threshold."""
        rows = np.flatnonzero(self.scores >= threshold)
        keys, times = self.stream.keys[rows], self.stream.times[rows]
        return incidents(keys, times, self.scores[rows], self.blamed[rows])


def threshold(normal: Sequence[ScoredStream], allowed: int) -> float:
    """Return the lowest threshold found with at most so many false incidents."""
    kept = [_kept(one) for one in normal]
    peaks = [own[2].max() for own in kept if len(own[2])]
    low, high = 0.0, max(peaks, default=0.0) * 1.001 + 1e-9
    for _ in range(HALVINGS):
        # Scores spread over powers of ten.
        middle = np.sqrt(max(low, high * 1e-6) * high) if high > 0 else 0.0
        if sum(_count(*own, middle, INCIDENT_GAP) for own in kept) <= allowed:
            high = middle
        else:
            low = middle
    return float(high)


def _kept(one: ScoredStream) -> tuple[Int32s, Int64s, Floats]:
    rows = ~(np.isnan(one.scores) | excused(one.stream))
    return one.stream.keys[rows], one.stream.times[rows], one.scores[rows]


@compiled
def _count(keys: Int32s, times: Int64s, scores: Floats, threshold: float, gap: int) -> int:
    last = np.full(keys.max() + 1 if len(keys) else 1, -(2**62))
    count = 0
    for i in range(len(keys)):
        if scores[i] >= threshold:
            if times[i] - last[keys[i]] > gap:
                count += 1
            last[keys[i]] = times[i]
    return count
