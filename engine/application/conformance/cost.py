"""The cost of a detector: processor time per event, measured through the port.

The input is normal values of several entities in random order, in batches; nine tenths of them are
learned. The detector runs until all entities are warm, which also compiles its kernels. Then rounds
of a least number of events and seconds are timed. A slow detector is timed for as long as allowed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from statistics import median
from time import process_time

from engine.application.conformance.events import Events, of_many
from engine.application.conformance.subject import Subject, play
from engine.domain.errors import PynomalyError

WIDTHS = (1, 3)
ROUNDS = 5
ROUND_SECONDS = 0.1
ROUND_EVENTS = 200
"""Least events of a round, so that each contains occasional work such as a refit."""
TOTAL_SECONDS = 5.0
"""Time limit of the whole measurement."""
LIGHT, HEAVY = (100, 1_000), (2, 20)
"""Entities and events per batch, of detectors with state in bytes and with pickled state."""
STREAM_EVENTS = 10_000


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of an event.

    Attributes:
        ns: processor time to score and learn an event, median of the rounds.
        rounds: number of rounds.
        events: number of events in all rounds.
        warm: whether all entities were warm before the first round.
    """

    ns: float
    rounds: int
    events: int
    warm: bool


def costs_of(name: str) -> dict[int, Cost]:
    """Return the cost by number of values, for those that the detector supports."""
    found = {}
    for width in WIDTHS:
        try:
            found[width] = measure(Subject(name, width))
        except PynomalyError:
            continue
    return found


def measure(subject: Subject) -> Cost:
    """Measure a detector."""
    entities, size = LIGHT if subject.light else HEAVY
    bank, began = subject.bank(entities), process_time()
    batches = _batches(of_many(STREAM_EVENTS, entities, subject.width), size)

    def run(seconds: float, least: int) -> tuple[float, int]:
        """Return the time taken, and the number of events."""
        first, done = process_time(), 0
        while True:
            play(bank, next(batches))
            done, now = done + size, process_time()
            enough = now - first >= seconds and done >= least
            if enough or now - began >= TOTAL_SECONDS:
                return now - first, done

    # Entities come in random order, some half as often as others.
    wanted = 2 * entities * (subject.warm_up + 1)
    warm = run(0.0, wanted)[1] >= wanted
    rounds = [run(ROUND_SECONDS, ROUND_EVENTS)]
    while len(rounds) < ROUNDS and process_time() - began < TOTAL_SECONDS:
        rounds.append(run(ROUND_SECONDS, ROUND_EVENTS))
    ns = median(seconds / events for seconds, events in rounds) * 1e9
    return Cost(ns, len(rounds), sum(events for _, events in rounds), warm)


def _batches(stream: Events, size: int) -> Iterator[Events]:
    """Yield a stream in batches, again and again, with times that go on."""
    span = int(stream.times[-1] - stream.times[0])
    for turn in count():
        for first in range(0, len(stream), size):
            part = stream.take(slice(first, first + size))
            yield replace(part, times=part.times + turn * span)
