"""Check that an entity has no score before its warm-up ends: no score, no alert."""

from __future__ import annotations

import numpy as np

from engine.application.conformance.events import noise, of_one
from engine.application.conformance.expect import expect
from engine.application.conformance.subject import Subject, play


def check_warm_up(subject: Subject) -> None:
    """NaN until `warm_up` events are learned, whatever comes, and scores from then on."""
    count = subject.warm_up
    expect(count >= 1, "a warm-up of at least one event", str(count))
    own = of_one(noise(count + subject.tail, subject.width))
    scores = subject.scores(own)
    early = np.count_nonzero(~np.isnan(scores[:count]))
    expect(early == 0, f"no score for the first {count} events", f"{early} scores")
    late = np.count_nonzero(np.isnan(scores[count:]))
    expect(late == 0, f"a score for every event after {count}", f"none for {late}")
    bank = subject.bank()
    play(bank, own.take(slice(0, count - 1)))
    strange = own.with_values(own.values * 1_000).with_learn(np.zeros(len(own), np.bool_))
    early = np.count_nonzero(~np.isnan(play(bank, strange)))
    expect(early == 0, "that events with learn=False do not end the warm-up", f"{early} scores")
