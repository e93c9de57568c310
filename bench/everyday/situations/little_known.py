"""Faults of entities of which little is known: young ones, and those that come back from a gap."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from bench.everyday.backgrounds import BACKGROUNDS, WORDS, white
from bench.everyday.fleet import Fleet
from bench.everyday.stream import DAY, HOUR, Situation, Stream


def _young_spikes(draw: np.random.Generator, background: str) -> Stream:
    fleet = Fleet(draw, 30, 3.0)
    BACKGROUNDS[background](fleet)
    for entity in range(fleet.entities):
        row, size = int(draw.integers(150, 500)), float(draw.uniform(12, 60))
        fleet.values[row, entity, 0] += draw.choice([-1, 1]) * size * fleet.local[entity, 0]
        fleet.add_fault(entity, slice(row, row + 1), "spike", (0,), True, size)
    return fleet.stream()


def _young_stuck(draw: np.random.Generator) -> Stream:
    fleet = Fleet(draw, 30, 3.0)
    white(fleet)
    for entity in range(fleet.entities):
        row, samples = int(draw.integers(200, 500)), int(draw.integers(40, 120))
        rows = slice(row, row + samples)
        fleet.values[rows, entity, 0] = fleet.values[row, entity, 0]
        fleet.add_fault(entity, rows, "stuck", (0,), True, samples)
    return fleet.stream()


def _after_a_gap(draw: np.random.Generator) -> Stream:
    """Four days, nothing from anybody for 30 days, three days with a spike each."""
    fleet = Fleet(draw, 12, 7.0)
    white(fleet)
    for entity in range(fleet.entities):
        row = fleet.steps(draw.uniform(4.1, 6.7) * DAY)
        size = float(np.exp(draw.uniform(np.log(8), np.log(60))))
        fleet.values[row, entity, 0] += size * fleet.local[entity, 0]
        fleet.add_fault(entity, slice(row, row + 1), "spike", (0,), True, size)
    stream, gap = fleet.stream(), 30 * DAY
    back = stream.times >= fleet.times[0] + 4 * DAY
    faults = (replace(one, start=one.start + gap, end=one.end + gap) for one in stream.faults)
    return replace(stream, times=stream.times + np.where(back, gap, 0), faults=tuple(faults))


def _stuck_across_a_gap(draw: np.random.Generator) -> Stream:
    """A value that stays for four hours, nothing for four hours, the same value for four more."""
    fleet = Fleet(draw, 12)
    white(fleet)
    part = fleet.steps(4 * HOUR)
    for entity, row in fleet.weekly(3 * part):
        rows = slice(row, row + 3 * part)
        fleet.values[rows, entity, 0] = fleet.values[row, entity, 0]
        fleet.present[row + part : row + 2 * part, entity] = False
        fleet.add_fault(entity, rows, "stuck", (0,), True, 2 * part)
    return fleet.stream()


SITUATIONS = (
    *(
        Situation(
            f"spike_young_{name}",
            "fault",
            "spike",
            partial(_young_spikes, background=name),
            f"One event 12 to 60 deviations off {WORDS[name]}, after 150 to 500 events.",
        )
        for name in ("white", "ar", "tenths")
    ),
    Situation(
        "stuck_young",
        "fault",
        "stuck",
        _young_stuck,
        "One reading 40 to 120 times, after 200 to 500 events.",
    ),
    Situation(
        "spike_after_gap",
        "fault",
        "spike",
        _after_a_gap,
        "One event 8 to 60 deviations off, in the three days after a gap of 30 days.",
    ),
    Situation(
        "stuck_across_gap",
        "fault",
        "stuck",
        _stuck_across_a_gap,
        "One reading for four hours before and after four hours of nothing.",
    ),
)
