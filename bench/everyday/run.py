"""Run: situations and seeds through the product and its rivals, each judged alike."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from time import perf_counter
from zlib import crc32

import numpy as np

from bench.everyday import product
from bench.everyday.judge import Verdict, judge
from bench.everyday.message import Message
from bench.everyday.rivals import FIRST, SCORED, carried, rules
from bench.everyday.rivals.threshold import ScoredStream, threshold
from bench.everyday.situations import SITUATIONS
from bench.everyday.stream import Situation, Stream

DEVELOPMENT, RECORD = 1_000, 9_000
"""The first of the seeds that are looked at, and of those that are only for the record."""
SAME = "product, same entities"
"""The product on those entities of each fleet that the forest is given."""
FOREST = "forest"
TUNED = ", tuned"
"""Behind the name of a rival whose threshold is the best for each stream by itself."""
Key = tuple[str, str, str]


@dataclass
class Run:
    """What came out.

    Attributes:
        verdicts: by (who, budget, situation), one of each seed.
        thresholds: of the scored rivals by (who, budget).
        events, seconds: of the product, in all.
    """

    verdicts: dict[Key, list[Verdict]] = field(default_factory=dict)
    thresholds: dict[tuple[str, str], float] = field(default_factory=dict)
    events: int = 0
    seconds: float = 0.0

    def add(self, who: str, budget: str, situation: str, verdict: Verdict) -> None:
        """Keep a verdict."""
        self.verdicts.setdefault((who, budget, situation), []).append(verdict)


def streams(
    situations: Sequence[Situation], seeds: int, first: int
) -> Iterator[tuple[Situation, int, Stream]]:
    """Yield each situation with each seed; it does not matter which others there are."""
    for situation in situations:
        for seed in range(first, first + seeds):
            draw = np.random.default_rng([seed, crc32(situation.name.encode())])
            yield situation, seed, situation.build(draw)


def run(
    situations: Sequence[Situation],
    seeds: int,
    first: int = DEVELOPMENT,
    budgets: Sequence[str] = tuple(product.BUDGETS),
    rivals: bool = False,
    say: Callable[[str], None] = print,
) -> Run:
    """Judge the product, and its rivals if asked, on situations.

    The thresholds of scored rivals are found on all normal situations of the first seed of
    development, whatever situations and seeds are asked for.
    """
    found = Run()
    known = _calibrate(found, budgets, say) if rivals else {}
    for situation, seed, stream in streams(situations, seeds, first):
        began = perf_counter()
        scored = product.score(stream)
        found.events += len(stream.keys)
        found.seconds += scored.seconds
        false: dict[tuple[bool, str], int] = {}
        for budget in budgets:
            messages = product.send(stream, scored, budget)
            verdict = judge(stream, messages)
            found.add("product", budget, situation.name, verdict)
            false[False, budget] = verdict.false_incidents
            if rivals:
                few = _judge_few(stream, messages)
                # Like the forest, of one seed.
                if seed == first:
                    found.add(SAME, budget, situation.name, few)
                false[True, budget] = few.false_incidents
        if rivals:
            one = _Streamed(situation.name, seed, stream, seed == first, false)
            _judge_rivals(found, one, known, budgets)
        say(f"{situation.name} {seed}: {perf_counter() - began:.1f} s")
    return found


@dataclass(frozen=True)
class _Streamed:
    name: str
    seed: int
    stream: Stream
    first: bool
    false: Mapping[tuple[bool, str], int]
    """False incidents of the product, by whether on few entities, and budget."""


def _judge_rivals(
    found: Run, one: _Streamed, known: Mapping[Key, ScoredStream], budgets: Sequence[str]
) -> None:
    # The rules have no budget: they are shown beside each.
    verdict = judge(one.stream, rules(carried(one.stream)))
    for budget in budgets:
        found.add("rules", budget, one.name, verdict)
    for who in dict.fromkeys(who for who, _ in found.thresholds):
        if who == FOREST and not one.first:
            continue
        scored = known.get((who, str(one.seed), one.name)) or score_rival(who, one.stream)
        for budget in budgets:
            messages = scored.above(found.thresholds[who, budget])
            found.add(who, budget, one.name, judge(scored.stream, messages))
            if budget == product.DEFAULT:
                # The best that hindsight could choose for this stream at the same price.
                least = threshold([scored], one.false[who == FOREST, budget])
                verdict = judge(scored.stream, scored.above(least))
                found.add(f"{who}{TUNED}", budget, one.name, verdict)


def _calibrate(
    found: Run, budgets: Sequence[str], say: Callable[[str], None]
) -> dict[Key, ScoredStream]:
    """Find the thresholds at which rivals have as many false incidents as a budget accepts.

    Returns:
        What was scored for it, by who, seed and situation.
    """
    began = perf_counter()
    normal = [situation for situation in SITUATIONS.values() if situation.group == "normal"]
    names = [who for who in SCORED if who != FOREST or find_spec("krcf")]
    kept: dict[Key, ScoredStream] = {}
    allowed = dict.fromkeys(itertools.product(names, budgets), 0.0)
    for situation, seed, stream in streams(normal, 1, DEVELOPMENT):
        for who in names:
            few = FIRST if who == FOREST else len(stream.keys)
            for budget in budgets:
                allowed[who, budget] += product.accepted(stream, budget, few)
            kept[who, str(seed), situation.name] = score_rival(who, stream)
    for who in names:
        own = [one for (name, _, _), one in kept.items() if name == who]
        for budget in budgets:
            found.thresholds[who, budget] = threshold(own, int(allowed[who, budget]))
    say(f"thresholds {found.thresholds}: {perf_counter() - began:.0f} s")
    return kept


def score_rival(who: str, stream: Stream) -> ScoredStream:
    """Return a stream with a rival's scores; the forest's has only the first entities."""
    if who == FOREST:
        stream = few_of(stream)
    scores, blamed = SCORED[who](carried(stream))
    return ScoredStream(replace(stream, values=stream.values[:0]), scores, blamed)


def few_of(stream: Stream) -> Stream:
    """Return the stream of the first entities of a fleet."""
    rows = stream.keys < FIRST
    return replace(
        stream,
        keys=stream.keys[rows],
        times=stream.times[rows],
        values=np.ascontiguousarray(stream.values[rows]),
        faults=tuple(fault for fault in stream.faults if fault.entity < FIRST),
    )


def _judge_few(stream: Stream, messages: Sequence[Message]) -> Verdict:
    own = [message for message in messages if message.entity < FIRST]
    return judge(few_of(stream), own)
