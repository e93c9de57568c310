"""Check that state can be stored and restored at any point."""

from __future__ import annotations

import numpy as np

from engine.application.conformance.events import of_many
from engine.application.conformance.expect import expect, expect_equal
from engine.application.conformance.subject import Subject, play
from engine.domain import snapshot
from engine.domain.detector import State

ENTITIES = 2


def check_snapshot(subject: Subject) -> None:
    """Stored and loaded at any point, in other slots, it goes on with the same scores."""
    n = ENTITIES * (subject.warm_up + subject.tail)
    events = of_many(n, ENTITIES, subject.width)
    reference = subject.scores(events)
    warm = ENTITIES * subject.warm_up
    turned = np.arange(ENTITIES, dtype=np.int32)[::-1].copy()
    half = warm + (n - warm) // 2
    for at in (0, 1, warm // 2, warm, half, n - 20) if subject.light else (0, warm // 2, half):
        before, after = events.take(slice(0, at)), events.take(slice(at, n))
        bank = subject.bank(ENTITIES)
        play(bank, before)
        state = bank.dump(turned)
        going_on = play(bank, after)
        expect_equal(going_on, reference[at:], f"that a dump after {at} events changes no score")
        loaded = subject.create().bank(ENTITIES)
        loaded.load(_stored(state))
        if subject.light:
            expect(
                _bits(loaded.dump(np.sort(turned))) == _bits(state),
                f"the same bytes when state of {at} events is loaded and dumped again",
                "other bytes",
            )
        moved = after.with_slots(turned[after.slots])
        expect_equal(
            play(loaded, moved), reference[at:], f"the same scores after storing at event {at}"
        )


def _stored(state: State) -> State:
    """Write and read it as a checkpoint does."""
    return snapshot.decode("detect", snapshot.encode("detect", state))


def _bits(state: State) -> dict[str, bytes]:
    return {
        name: part if isinstance(part, bytes) else part.tobytes() for name, part in state.items()
    }
