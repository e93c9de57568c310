"""Run: situations and seeds through the product and its rivals, each judged alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np

from bench.everyday import product
from bench.everyday.judge import Verdict, judge
from bench.everyday.situations import SITUATIONS
from bench.everyday.stream import Situation, Stream

DEVELOPMENT, RECORD = 1_000, 9_000
"""The first of the seeds that are looked at, and of those that are only for the record."""


@dataclass
class Run:
    """What came out.

    Attributes:
        verdicts: by (who, budget or "", situation), one of each seed.
        events, seconds: of the product, in all.
    """

    verdicts: dict[tuple[str, str, str], list[Verdict]] = field(default_factory=dict)
    events: int = 0
    seconds: float = 0.0

    def add(self, who: str, budget: str, situation: str, verdict: Verdict) -> None:
        """Keep a verdict."""
        self.verdicts.setdefault((who, budget, situation), []).append(verdict)


def streams(
    situations: Sequence[Situation], seeds: int, first: int
) -> Iterator[tuple[Situation, int, Stream]]:
    """Yield each situation with each seed."""
    places = {name: place for place, name in enumerate(sorted(SITUATIONS))}
    for situation in situations:
        for seed in range(first, first + seeds):
            draw = np.random.default_rng([seed, places.get(situation.name, len(places))])
            yield situation, seed, situation.build(draw)


def run(
    situations: Sequence[Situation],
    seeds: int,
    first: int = DEVELOPMENT,
    budgets: Sequence[str] = tuple(product.BUDGETS),
    say: Callable[[str], None] = print,
) -> Run:
    """Judge the product on situations, under each of the budgets."""
    found = Run()
    for situation, seed, stream in streams(situations, seeds, first):
        began = perf_counter()
        scored = product.score(stream)
        for budget in budgets:
            messages = product.send(stream, scored, budget)
            found.add("product", budget, situation.name, judge(stream, messages))
        found.events += len(stream.keys)
        found.seconds += scored.seconds
        say(f"{situation.name} {seed}: {perf_counter() - began:.1f} s")
    return found
