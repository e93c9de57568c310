"""The threshold of a score at which it has so many false incidents on normal life."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.everyday.judge import excused
from bench.everyday.message import INCIDENT_GAP, Message, incidents
from bench.everyday.rivals.compiled import compiled
from bench.everyday.stream import Floats, Int32s, Int64s, Stream

MORE, HALVINGS = 1.05, 12
TIE = 1e-9
Kept = tuple[Int32s, Int64s, Floats]


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
    """Return the lowest threshold down to which there are at most so many false incidents.

    Far below, where most events are flagged, they would run together to few incidents again.
    """
    kept = [_kept(one) for one in normal]
    scores = np.sort(np.concatenate([own[2] for own in kept]))[::-1]
    if len(scores) <= allowed:
        return 0.0
    # So few events are no more incidents than that. Steps are in events, not in scores, which may
    # fall to the smallest number there is.
    last = max(allowed - 1, 0)
    high = float(scores[last]) * (1.0 if allowed else 1 + TIE)
    low = high
    while last < len(scores) - 1:
        last = min(int(last * MORE) + 1, len(scores) - 1)
        low = float(scores[last])
        if _false(kept, low) > allowed:
            break
        high = low
    for _ in range(HALVINGS if low < high else 0):
        middle = (low + high) / 2
        low, high = (low, middle) if _false(kept, middle) <= allowed else (middle, high)
    return high


def _false(kept: Sequence[Kept], threshold: float) -> int:
    return sum(_count(*own, threshold, INCIDENT_GAP) for own in kept)


def _kept(one: ScoredStream) -> Kept:
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
