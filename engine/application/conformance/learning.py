"""Checks of when a detector learns: after scoring, and only from events marked to be learned."""

from __future__ import annotations

import numpy as np

from engine.application.conformance.events import DEVIATION, Events, of_many
from engine.application.conformance.expect import expect, expect_equal
from engine.application.conformance.subject import Subject, play
from engine.domain.batch import Bools
from engine.domain.detector import Bank

AFTER_EVENTS = 20


def check_prequential(subject: Subject) -> None:
    """A score follows from the events before: not from what its own or later events teach."""
    n = 2 * (subject.warm_up + subject.tail)
    events = of_many(n, 2, subject.width)
    reference = subject.scores(events)
    for at in (n // 2, n - AFTER_EVENTS - 1):
        some = events.take(slice(0, at + AFTER_EVENTS))
        later = some.values.copy()
        later[at + 1 :] = later[at + 1 :][::-1] * 3
        expect_equal(
            subject.scores(some.with_values(later))[: at + 1],
            reference[: at + 1],
            f"that other values after event {at} change no score up to it",
        )
        learn = some.learn.copy()
        learn[at:] = ~learn[at:]
        expect_equal(
            subject.scores(some.with_learn(learn))[: at + 1],
            reference[: at + 1],
            f"the same score of event {at} whether it is learned afterwards or not",
        )


def check_learns_only_what_it_shall(subject: Subject) -> None:
    """An event with learn=False leaves no trace."""
    n = subject.warm_up + subject.tail
    events = of_many(n, 2, subject.width)
    own = np.repeat(events.learn, 2)
    own[1::2] = False
    both = _doubled(events, own)
    one, other = subject.bank(2), subject.bank(2)
    scores = play(one, events)
    expect_equal(
        play(other, both)[::2], scores, "that events with learn=False change no other score"
    )
    if subject.light:
        expect(_bits(one) == _bits(other), "that learn=False leaves the state", "it changed")


def _doubled(events: Events, learn: Bools) -> Events:
    """Return the events, each followed by one that is far off."""
    rows = np.repeat(np.arange(len(events)), 2)
    twice = events.take(rows)
    values = twice.values.copy()
    values[1::2] += 30 * DEVIATION
    return twice.with_values(values).with_learn(learn)


def _bits(bank: Bank) -> list[bytes]:
    state = bank.dump(np.arange(2, dtype=np.int32))
    return [np.asarray(part).tobytes() for part in state.values()]
