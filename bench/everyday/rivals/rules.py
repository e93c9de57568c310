"""Three rules of thumb, with constants that were chosen once.

A jump: farther than ten scales from the median of the last five values; the scale is the usual
distance from it. Stuck: ten equal values, where fewer than half of the values equal the one before.
A gap: nothing for more than ten minutes and three usual gaps, reported when that time has passed.
"""

from __future__ import annotations

import numpy as np

from bench.everyday.message import Message, incidents
from bench.everyday.rivals.compiled import compiled
from bench.everyday.stream import MINUTE, Floats, Int32s, Int64s, Stream

JUMP, EQUAL, SILENCE, USUAL_GAPS = 10.0, 10, 10 * MINUTE, 3.0
FORGET, WARM = 0.01, 30
USUAL, OFTEN = 1.25, 0.5
KINDS = (None, "spike", "stuck")


def rules(stream: Stream) -> list[Message]:
    """Return the messages of the three rules."""
    entities = int(stream.keys.max()) + 1
    rule, blamed, strength, silent = _broken(stream.keys, stream.times, stream.values, entities)
    rows = np.flatnonzero(rule)
    opened = incidents(stream.keys[rows], stream.times[rows], strength[rows], blamed[rows])
    kinds = [KINDS[one] for one in rule[rows].tolist()]
    found = [
        Message(one.entity, one.time, f"{kind}{one.incident}", one.strength, one.blamed, kind)
        for one, kind in zip(opened, kinds, strict=True)
    ]
    for row in np.flatnonzero(silent).tolist():
        entity = int(stream.keys[row])
        found.append(Message(entity, int(silent[row]), f"gap{row}", 1.0, 0, "absence"))
    return sorted(found, key=lambda message: message.time)


@compiled
def _broken(
    keys: Int32s, times: Int64s, values: Floats, entities: int
) -> tuple[Int32s, Int32s, Floats, Int64s]:
    """Return of each event the broken rule, the value, by how much, and when a gap was reported."""
    n, d = values.shape
    rule, blamed = np.zeros(n, np.int32), np.zeros(n, np.int32)
    strength, silent = np.zeros(n), np.zeros(n, np.int64)
    last, states = np.zeros((entities, d, 5)), np.zeros((entities, d, 3))
    seen, time = np.zeros(entities, np.int64), np.zeros(entities, np.int64)
    gap = np.zeros(entities)
    for i in range(n):
        e = keys[i]
        if seen[e] > 0:
            silent[i] = _gap(gap, e, time[e], times[i], seen[e])
        time[e] = times[i]
        for j in range(d):
            broken, by = _value(values[i, j], last[e, j], states[e, j], seen[e])
            if broken and by > strength[i]:
                rule[i], blamed[i], strength[i] = broken, j, by
            last[e, j, seen[e] % 5] = values[i, j]
        seen[e] += 1
    return rule, blamed, strength, silent


@compiled
def _gap(gap: Floats, e: int, before: int, now: int, seen: int) -> int:
    """Learn the usual gap, and return when a long one was reported, or 0."""
    since, reported = float(now - before), 0
    if seen > WARM:
        limit = max(SILENCE, USUAL_GAPS * gap[e])
        if since > limit:
            reported = before + int(limit)
        since = min(since, 10 * gap[e])
    gap[e] += max(FORGET, 1.0 / seen) * (since - gap[e])
    return reported


@compiled
def _value(x: float, last: Floats, state: Floats, seen: int) -> tuple[int, float]:
    """Return the rule that a value breaks, 0 for none, and by how much.

    The state: usual distance from the last five, share of values equal to the one before, and
    equal values in a row.
    """
    if seen < len(last):
        return 0, 0.0
    weight = max(FORGET, 1.0 / (seen - len(last) + 1))
    away, warm = abs(x - np.median(last)), seen > WARM
    equal = x == last[(seen - 1) % len(last)]
    state[2] = state[2] + 1.0 if equal else 1.0
    stuck = warm and state[2] >= EQUAL
    scales = away / state[0] if warm and state[0] > 0 else 0.0
    state[0] += weight * (USUAL * min(away, JUMP * state[0] if warm else away) - state[0])
    broken = 1 if scales > JUMP else 2 if stuck and state[1] < OFTEN else 0
    if not stuck:
        state[1] += weight * ((1.0 if equal else 0.0) - state[1])
    return broken, scales if broken == 1 else state[2]
