"""Checks that the same events give the same scores, however they arrive."""

from __future__ import annotations

import numpy as np

from engine.application.conformance.events import Events, noise, of_many, of_one
from engine.application.conformance.expect import expect_equal
from engine.application.conformance.subject import Subject, play
from engine.domain.batch import Int64s

EVENTS_OF_OTHERS = 12


def check_deterministic(subject: Subject) -> None:
    """Built and run twice, it gives the same scores."""
    events = of_many(subject.warm_up + subject.tail, 2, subject.width)
    again = play(subject.create().bank(2), events)
    expect_equal(again, subject.scores(events), "the same scores from a detector built again")


def check_batch_cuts(subject: Subject) -> None:
    """Scores do not depend on how a stream is cut into calls."""
    n = subject.warm_up + subject.tail
    events = of_many(n, 2, subject.width)
    whole = subject.scores(events)
    some = np.random.default_rng(3).integers(0, n, 9).tolist()
    for cuts in (some, range(1, n)):
        how = "one event a call" if len(cuts) > len(some) else f"calls cut at {sorted(cuts)}"
        expect_equal(subject.scores(events, cuts), whole, f"the scores of one call, with {how}")


def check_isolation(subject: Subject) -> None:
    """An entity scores alone as among others: 1,000 where state is bytes, else 10."""
    own = of_one(noise(subject.warm_up + subject.tail, subject.width))
    others = 1_000 if subject.light else 10
    crowd, rows = _among(own, others, subject.width)
    scores = subject.scores(crowd)[rows]
    expect_equal(scores, subject.scores(own), f"the same scores alone and among {others} others")


def check_reset(subject: Subject) -> None:
    """A slot that was reset starts afresh, and the slots beside it go on."""
    n = subject.warm_up + subject.tail
    events, again = of_many(2 * n, 2, subject.width), of_many(n, 2, subject.width, seed=7)
    first, second = again.slots == 0, again.slots == 1
    bank = subject.bank(2)
    play(bank, events)
    bank.reset(np.zeros(1, np.int32))
    scores = play(bank, again)
    fresh = subject.scores(again.take(first))
    expect_equal(scores[first], fresh, "the scores of a new entity in a slot that was reset")
    going_on = subject.bank(2)
    play(going_on, events)
    kept = play(going_on, again)[second]
    expect_equal(scores[second], kept, "no other score in the slot beside one that was reset")


def _among(own: Events, others: int, width: int) -> tuple[Events, Int64s]:
    """Return the events among those of others, and their rows."""
    draw = np.random.default_rng(4)
    n = len(own) + EVENTS_OF_OTHERS * others
    rows = np.sort(draw.permutation(n)[: len(own)])
    place = others // 2
    slots = draw.integers(0, others, n)
    slots[slots >= place] += 1
    slots[rows] = place
    values = noise(n, width, seed=5) * np.exp2(draw.integers(-20, 20, (n, 1)))
    values[rows] = own.values
    times = np.sort(draw.choice(own.times, n))
    times[rows] = own.times
    return Events(slots.astype(np.int32), values, np.ones(n, np.bool_), times), rows
