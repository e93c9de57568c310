"""Rare outliers that are normal life, at random times for weeks, and faults beside them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from bench.everyday.backgrounds import daily
from bench.everyday.fleet import Fleet
from bench.everyday.stream import DAY, HOUR, MINUTE, Situation, Stream

SHARE = 0.002
"""Of the minutes that are slow."""
SLOW = 3.0
"""Factor of the latency in a slow minute."""
KNOWN_DAYS = 24.0
"""Days before the first fault beside them."""


def _latency(draw: np.random.Generator, days: float) -> Fleet:
    fleet = Fleet(draw, 6, days, MINUTE)
    usual = 100 * (1 + 0.03 * daily(fleet, 4, 10)) * np.exp(0.1 * draw.normal(size=fleet.shape))
    slow = draw.random(fleet.shape) < SHARE
    fleet.values += np.where(slow, SLOW * usual, usual)
    fleet.local *= 10.0
    return fleet


def _slow_minutes(draw: np.random.Generator) -> Stream:
    return _latency(draw, 28.0).stream()


def _slower_minutes(draw: np.random.Generator) -> Stream:
    fleet = _latency(draw, 35.0)
    edges = np.linspace(KNOWN_DAYS, 34.5, 11) * DAY / fleet.step
    for entity in range(fleet.entities):
        for low, high in pairwise(edges):
            row = int(draw.integers(int(low), int(low + 0.6 * (high - low))))
            fleet.values[row, entity, 0] = 1_200.0
            fleet.add_fault(entity, slice(row, row + 1), "spike", (0,), True, 110.0)
    return fleet.stream()


def _slow_hours(draw: np.random.Generator) -> Stream:
    fleet = _latency(draw, 32.0)
    for entity in range(fleet.entities):
        row = int(draw.integers(*(np.array([KNOWN_DAYS, 31.0]) * DAY / fleet.step).astype(int)))
        rows = slice(row, row + fleet.steps(2 * HOUR))
        fleet.values[rows, entity] *= SLOW
        fleet.add_fault(entity, rows, "shift", (0,), True, 20.0)
    return fleet.stream()


def _deployments(draw: np.random.Generator) -> Stream:
    """Memory that grows from each deployment on; most working days have one, at any hour."""
    fleet = Fleet(draw, 12, 84.0, 15 * MINUTE)
    for entity in range(fleet.entities):
        days = np.flatnonzero((np.arange(84) % 7 < 5) & (draw.random(84) < 0.8))
        begins = days + draw.uniform(8, 18, len(days)) / 24
        last = np.concatenate([[-2.0], begins])[np.searchsorted(begins, fleet.day)]
        fleet.values[:, entity, 0] = 400 + 300 * (1 - np.exp(-(fleet.day - last)))
    fleet.values += 4 * draw.normal(size=fleet.shape)
    return fleet.stream()


SITUATIONS = (
    Situation(
        "spike_among_outliers",
        "fault",
        "spike",
        _slower_minutes,
        "A minute of twelvefold latency, ten times, where 1 in 500 is threefold.",
    ),
    Situation(
        "shift_among_outliers",
        "fault",
        "shift",
        _slow_hours,
        "Two hours of threefold latency, where 1 minute in 500 is.",
    ),
    Situation(
        "quiet_rare_outliers",
        "normal",
        "change",
        _slow_minutes,
        "A latency with 1 minute in 500 that is threefold, for four weeks.",
    ),
    Situation(
        "quiet_deployments",
        "normal",
        "change",
        _deployments,
        "Memory that drops at deployments, on most working days at any hour, for twelve weeks.",
    ),
)
