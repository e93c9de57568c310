"""What holds for every bank: shared by the detectors' tests."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from engine.domain.batch import Bools, Floats, Int32s

Stream = tuple[Int32s, Floats, Bools]


def stream(seed: int, n: int, entities: int, d: int, gaps: bool = False) -> Stream:
    """Events of several entities, with some gaps and some that must not be learned."""
    rng = np.random.default_rng(seed)
    values = rng.normal(rng.normal(0, 50, d), rng.lognormal(0, 2, d), (n, d))
    if gaps:
        values[rng.random((n, d)) < 0.1] = np.nan
    slots = rng.integers(entities, size=n).astype(np.int32)
    return slots, values, rng.random(n) < 0.9


def run(bank: Any, events: Stream, cuts: list[int] | None = None) -> Floats:
    """Score a stream cut at the given rows."""
    slots, values, learn = events
    edges = [0, *sorted(cuts or []), len(slots)]
    return np.concatenate(
        [bank.score(slots[a:b], values[a:b], learn[a:b]) for a, b in pairwise(edges)]
    )


def assert_bank_laws(make: Callable[[], Any], events: Stream, cuts: list[int], at: int) -> None:
    """Cuts change nothing; nor does a dump and load; nor do other entities."""
    slots, values, learn = events
    expected = run(make(), events)
    assert np.isfinite(expected).sum() > 50, "nothing was scored: the test is empty"
    np.testing.assert_array_equal(run(make(), events, cuts), expected)

    first, second = make(), make()
    head, tail = [tuple(c[:at] for c in events), tuple(c[at:] for c in events)]
    run(first, head)  # type: ignore[arg-type]
    order = np.arange(slots.max() + 1, dtype=np.int32)[::-1].copy()
    second.load(first.dump(order))
    moved = (order[tail[0]], tail[1], tail[2])
    np.testing.assert_array_equal(run(second, moved), expected[at:])  # type: ignore[arg-type]

    own = slots == slots[0]
    alone = (np.zeros(own.sum(), np.int32), values[own], learn[own])
    np.testing.assert_array_equal(run(make(), alone), expected[own])

    bank = make()
    run(bank, events)
    bank.reset(np.unique(slots))
    np.testing.assert_array_equal(run(bank, events), expected)
