"""What holds for every bank of a library's models: shared by the tests of river's and PyOD's."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.unit.operators.detectors.streams import Stream


def normal_stream(events: int, width: int = 2, entities: int = 1) -> Stream:
    """Independent Gaussian values, all of them to be learned."""
    random = np.random.default_rng(5)
    values = random.normal(10.0, 1.0, (events, width))
    slots = random.integers(0, entities, events).astype(np.int32)
    return slots, values, np.ones(events, bool)


def assert_cuts_and_dumps_change_nothing(detector: Any, events: int, cut: int) -> None:
    """A bank that is dumped and loaded between two batches scores as one that is not."""
    slots, values, learn = normal_stream(events, entities=3)
    learn[::7] = False
    whole = detector.bank(3).score(slots, values, learn)
    assert not np.isnan(whole).all()

    bank = detector.bank(3)
    first = bank.score(slots[:cut], values[:cut], learn[:cut])
    moved = detector.bank(3)
    moved.load(bank.dump(np.arange(3, dtype=np.int32)))
    second = moved.score(slots[cut:], values[cut:], learn[cut:])

    np.testing.assert_array_equal(np.concatenate([first, second]), whole)


def assert_a_reset_slot_starts_anew(bank: Any, events: int) -> None:
    """After a reset a bank scores as if it had seen nothing."""
    slots, values, learn = normal_stream(events)
    first = bank.score(slots, values, learn)
    assert not np.isnan(first).all()

    bank.reset(np.array([0], np.int32))

    np.testing.assert_array_equal(bank.score(slots, values, learn), first)
