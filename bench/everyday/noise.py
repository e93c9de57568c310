"""Normal life of many entities for a month: false incidents over the budget, and p-values' tails.

An event each ten minutes of each of 1,000 entities for 30 days: 4.3 million events of a kind, made
and scored in chunks of a few hours. The budget is of the whole pipeline. "Over budget" is incidents
over what is allowed from the second day on, for on the first nothing is known yet; the first day
is a column of its own. The share of events with a p-value of at most 1e-4, 1e-5 and 1e-6 is of all
events.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import process_time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.everyday.stream import DAY, MINUTE, START, Floats
from engine.application import registry
from engine.application.config.pipeline_file import PipelineFile
from engine.application.ports import RunContext
from engine.domain.batch import EventBatch
from engine.domain.pipeline import Pipeline

STEP = 10 * MINUTE
ROWS = 36
"""Times of one chunk: six hours."""
LEVELS = (1e-4, 1e-5, 1e-6)
BUDGETS = {"1/week": 1 / 7, "1/day": 1.0, "10/day": 10.0, "100/day": 100.0}
Chunks = Callable[[np.random.Generator, int], Callable[[int], NDArray[np.floating[Any]]]]
"""Given entities: what makes the next rows of all of them, float64 [rows, entities]."""


Draw = Callable[[np.random.Generator, tuple[int, int]], NDArray[np.floating[Any]]]


def _independent(draw_rows: Draw) -> Chunks:
    return lambda draw, entities: lambda rows: draw_rows(draw, (rows, entities))


def _autoregressive(coefficient: float) -> Chunks:
    def begin(draw: np.random.Generator, entities: int) -> Callable[[int], Floats]:
        state = draw.normal(size=entities)

        def chunk(rows: int) -> Floats:
            values = draw.normal(size=(rows, entities)) * np.sqrt(1 - coefficient**2)
            for row in values:
                row += coefficient * state
                state[:] = row
            return np.asarray(values)

        return chunk

    return begin


def _walk(draw: np.random.Generator, entities: int) -> Callable[[int], Floats]:
    state = np.zeros(entities)

    def chunk(rows: int) -> Floats:
        values = state + np.cumsum(draw.normal(size=(rows, entities)), 0)
        state[:] = values[-1]
        return np.asarray(values)

    return chunk


def _seasonal(draw: np.random.Generator, entities: int) -> Callable[[int], Floats]:
    phase, height = draw.uniform(0, 2 * np.pi, entities), draw.uniform(3, 12, entities)
    at = 0

    def chunk(rows: int) -> Floats:
        nonlocal at
        angle = 2 * np.pi * (at + np.arange(rows))[:, None] * (STEP / DAY)
        at += rows
        noise = draw.normal(size=(rows, entities))
        return np.asarray(height * np.sin(angle + phase) + noise)

    return chunk


NOISES: dict[str, Chunks] = {
    "gaussian": _independent(lambda draw, shape: draw.normal(size=shape)),
    "t3": _independent(lambda draw, shape: draw.standard_t(3, shape)),
    "pareto": _independent(lambda draw, shape: draw.pareto(2.5, shape)),
    "ar_.5": _autoregressive(0.5),
    "ar_.8": _autoregressive(0.8),
    "ar_.95": _autoregressive(0.95),
    "seasonal": _seasonal,
    "walk": _walk,
    "poisson_1": _independent(lambda draw, shape: draw.poisson(1, shape) * 1.0),
    "poisson_20": _independent(lambda draw, shape: draw.poisson(20, shape) * 1.0),
    "flags": _independent(lambda draw, shape: (draw.random(shape) < 0.05) * 1.0),
    "quantised": _independent(lambda draw, shape: np.round(draw.normal(20, 0.3, shape), 1)),
}


@dataclass
class Tally:
    """What one kind came to.

    Attributes:
        first, later: incidents of the first day and of the others, by budget.
        events: with a p-value.
        beyond: how many of them were at each of the `LEVELS`.
        seconds: CPU time of both steps.
    """

    first: dict[str, int] = field(default_factory=lambda: dict.fromkeys(BUDGETS, 0))
    later: dict[str, int] = field(default_factory=lambda: dict.fromkeys(BUDGETS, 0))
    events: int = 0
    beyond: list[int] = field(default_factory=lambda: [0] * len(LEVELS))
    seconds: float = 0.0


def measure(
    kinds: Sequence[str], entities: int, days: int, detectors: Sequence[str] = ("auto",)
) -> int:
    """Print a line for each kind of noise; return 1 if one is over its budget by a fifth.

    Args:
        kinds: of noise, names in `NOISES`.
        entities: how many send it.
        days: for how long.
        detectors: of the pipeline.
    """
    heads = "".join(f"{budget:>16}" for budget in BUDGETS)
    levels = "".join(f"{f'p<={level:.0e} x':>12}" for level in LEVELS)
    about = f"{entities} entities, {days} days, an event each {STEP // MINUTE} minutes"
    print(f"{about}; detectors: {', '.join(detectors)}.")
    print("Incidents over those allowed from day 2 on (first day in brackets); share over level.")
    print(f"{'kind':12}{heads}{levels}{'us/event':>10}")
    over = False
    for kind in kinds:
        tally = tell(kind, entities, days, detectors)
        ratios = {b: tally.later[b] / (BUDGETS[b] * (days - 1)) for b in BUDGETS}
        # Of few allowed ones, chance alone brings more than a fifth too many.
        over |= any(
            tally.later[b] > 1.2 * (allowed := BUDGETS[b] * (days - 1)) + 2 * np.sqrt(allowed)
            for b in BUDGETS
        )
        counts = "".join(f"{f'{ratios[b]:.2f} ({tally.first[b]})':>16}" for b in BUDGETS)
        tails = "".join(
            f"{count / max(tally.events, 1) / level:12.2f}"
            for count, level in zip(tally.beyond, LEVELS, strict=True)
        )
        cost = tally.seconds / max(tally.events, 1) * 1e6
        print(f"{kind:12}{counts}{tails}{cost:10.2f}", flush=True)
    return int(over)


def tell(kind: str, entities: int, days: int, detectors: Sequence[str] = ("auto",)) -> Tally:
    """Run one kind of noise through the real steps, under all budgets at once."""
    draw = np.random.default_rng([1_000, sorted(NOISES).index(kind)])
    chunk = NOISES[kind](draw, entities)
    rules = {budget: _pipeline(budget, entities, detectors) for budget in BUDGETS}
    context = RunContext("noise")
    detect = registry.step("detect")(next(iter(rules.values())), context)(1)
    alerts = {b: registry.step("alert")(rules[b], context)(1) for b in BUDGETS}
    keys = np.array([str(entity) for entity in range(entities)], object)
    tally = Tally()
    for first in range(0, int(days * DAY // STEP), ROWS):
        events = _events(np.asarray(chunk(ROWS), np.float64), keys, first)
        began = process_time()
        batches = detect.process([events])
        for batch in batches:
            known = batch.p_value[~np.isnan(batch.p_value)]
            tally.events += len(known)
            for k, level in enumerate(LEVELS):
                tally.beyond[k] += int((known <= level).sum())
        for budget, alert in alerts.items():
            for found in alert.process(batches):
                onsets = [one for one in found if one.incident == one.id]
                early = sum(one.time < START + DAY for one in onsets)
                tally.first[budget] += early
                tally.later[budget] += len(onsets) - early
        tally.seconds += process_time() - began
    return tally


def _events(values: Floats, keys: NDArray[np.object_], first: int) -> EventBatch:
    rows, entities = values.shape
    offsets = np.arange(first * entities, (first + rows) * entities)
    # Spread over the step, as those of a fleet are.
    times = START + offsets * (STEP // entities)
    partitions = np.zeros(len(offsets), np.int32)
    column: Floats = np.ascontiguousarray(values.reshape(-1, 1), np.float64)
    return EventBatch("noise", np.tile(keys, rows), times, column, partitions, offsets, times)


def _pipeline(budget: str, entities: int, detectors: Sequence[str]) -> Pipeline:
    file = PipelineFile.model_validate(
        {
            "name": "noise",
            "source": {"stdin": {}},
            "event": {"key": "entity", "values": ["v"]},
            "detectors": [{name: {}} for name in detectors],
            "alert": {"budget": budget, "per": "pipeline"},
            "sinks": {"anomalies": {"stdout": {}}},
            "state": {
                "directory": "unused",
                "memory_limit": f"{max(entities // 20, 64)}MiB",
            },
        }
    )
    return file.pipeline()
