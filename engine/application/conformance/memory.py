"""Check that an entity takes the memory it is counted with."""

from __future__ import annotations

import gc
import tracemalloc

import numpy as np

from engine.application.conformance.events import noise, of_one
from engine.application.conformance.expect import expect
from engine.application.conformance.subject import Subject, play
from engine.domain.detector import Bank

NOISE = 1e-3


def check_memory(subject: Subject) -> None:
    """An entity takes what is declared: exactly where state is bytes, else at most.

    Measured is what Python and numpy allocate for more entities; what other libraries allocate
    by themselves is not seen.
    """
    declared = subject.detector.bytes_per_entity
    few, many = (100, 100 + _enough(declared)) if subject.light else (1, 3)
    _growth(subject, few)  # what is made once, such as machine code, is made now
    grown = (_growth(subject, many) - _growth(subject, few)) / (many - few)
    if not subject.light:
        expect(grown <= declared, f"at most {declared:,} bytes an entity", f"{grown:,.0f}")
        return
    expect(
        abs(grown - declared) <= max(2, NOISE * declared),
        f"{declared:,} bytes an entity",
        f"{grown:,.1f}",
    )
    state = subject.bank(few).dump(np.arange(few, dtype=np.int32))
    dumped = sum(np.asarray(part).nbytes for part in state.values())
    expect(
        dumped == few * declared, f"{declared:,} bytes an entity in a dump", f"{dumped / few:,.1f}"
    )


def _enough(size: int) -> int:
    """Return how many entities outweigh what the interpreter itself allocates and frees."""
    return min(20_000, max(1_000, 20_000_000 // size))


def _growth(subject: Subject, entities: int) -> int:
    """Return by how many bytes a bank grows while entities are added."""
    started = not tracemalloc.is_tracing()
    if started:
        tracemalloc.start()
    try:
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        bank = subject.bank(entities)
        _fill(bank, subject, entities)
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        if started:
            tracemalloc.stop()


def _fill(bank: Bank, subject: Subject, entities: int) -> None:
    """Let every entity see a long stream, or, where state is bytes, one of them and all a bit."""
    own = of_one(noise(subject.warm_up + 3 * subject.tail, subject.width))
    slots = np.arange(entities, dtype=np.int32)
    if not subject.light:
        for slot in slots:
            play(bank, own.with_slots(np.full(len(own), slot)))
        return
    play(bank, own)
    bit = of_one(noise(entities, subject.width))
    for _ in range(3):
        play(bank, bit.with_slots(slots))
