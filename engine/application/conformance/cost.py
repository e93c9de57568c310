"""What a detector costs: processor time an event, measured here and now through the port.

The method: normal values of several entities in random order, nine tenths of them learned, in
batches; first until all are warm, which also compiles what has to be; then rounds, each of so many
events and so many seconds at least. A detector that is too slow for that gets the time there is.
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
"""At least, so that each round has its share of what is done now and then, such as a refit."""
WHOLE_SECONDS = 5.0
"""After so long no further round begins, and none goes on."""
LIGHT, HEAVY = (100, 1_000), (2, 20)
"""Entities, and events a batch: of a detector whose state is bytes, and of one that is pickled."""
STREAM = 10_000


@dataclass(frozen=True, slots=True)
class Cost:
    """What an event costs.

    Attributes:
        ns: processor time an event, scored and learned, the median of the rounds.
        rounds, events: how many rounds there were, and how many events they had together.
        warm: whether it was warm before the first of them.
    """

    ns: float
    rounds: int
    events: int
    warm: bool


def costs_of(name: str) -> dict[int, Cost]:
    """Return what an event costs by its number of values; without those it cannot take."""
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
    batches = _batches(of_many(STREAM, entities, subject.width), size)

    def run(seconds: float, least: int) -> tuple[float, int]:
        """Return how long how many events took."""
        first, done = process_time(), 0
        while True:
            play(bank, next(batches))
            done, now = done + size, process_time()
            enough = now - first >= seconds and done >= least
            if enough or now - began >= WHOLE_SECONDS:
                return now - first, done

    # The entities take turns by chance: some come half as often as others.
    wanted = 2 * entities * (subject.warm_up + 1)
    warm = run(0.0, wanted)[1] >= wanted
    rounds = [run(ROUND_SECONDS, ROUND_EVENTS)]
    while len(rounds) < ROUNDS and process_time() - began < WHOLE_SECONDS:
        rounds.append(run(ROUND_SECONDS, ROUND_EVENTS))
    ns = median(seconds / events for seconds, events in rounds) * 1e9
    return Cost(ns, len(rounds), sum(events for _, events in rounds), warm)


def _batches(stream: Events, size: int) -> Iterator[Events]:
    """Yield a stream in batches, again and again, time going on."""
    span = int(stream.times[-1] - stream.times[0])
    for turn in count():
        for first in range(0, len(stream), size):
            part = stream.take(slice(first, first + size))
            yield replace(part, times=part.times + turn * span)
