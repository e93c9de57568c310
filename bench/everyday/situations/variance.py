"""Bursts and calm: the noise becomes larger or smaller, its level stays."""

from __future__ import annotations

from functools import partial

import numpy as np

from bench.everyday.backgrounds import autoregressive, daily
from bench.everyday.fleet import Fleet
from bench.everyday.stream import HOUR, Floats, Situation, Stream

PLAIN_BURST, PLAIN_CALM = 4.0, 5.0


def _noise(fleet: Fleet, background: str) -> Floats:
    if background == "ar":
        return autoregressive(fleet.draw, fleet.shape, 0.7)
    return fleet.draw.normal(size=fleet.shape)


def _changes(draw: np.random.Generator, kind: str, background: str, d: int = 1) -> Stream:
    fleet = Fleet(draw, 12, d=d)
    noise = _noise(fleet, background)
    calm = kind == "calm"
    low, high = (5, 14) if calm else (2.5, 6)
    for entity, row in fleet.weekly(fleet.steps(15 * HOUR)):
        rows = slice(row, row + fleet.steps(draw.uniform(low, high) * HOUR))
        j, factor = int(draw.integers(d)), float(draw.uniform(3.5, 10))
        noise[rows, entity, j] *= 1 / factor if calm else factor
        plain = factor >= (PLAIN_CALM if calm else PLAIN_BURST)
        fleet.add_fault(entity, rows, kind, (j,), plain, factor)
    fleet.values += noise
    if background == "season":
        fleet.values += daily(fleet, 4, 15)
    fleet.units()
    return fleet.stream()


_WORDS = {"white": "Gaussian noise", "season": "noise on a daily season", "ar": "AR(.7) noise"}
_THREE = "the noise of one of three values"
SITUATIONS = tuple(
    Situation(
        f"{kind}_{background}" if d == 1 else f"{kind}_one_of_three",
        "fault",
        kind,
        partial(_changes, kind=kind, background=background, d=d),
        f"{(_WORDS[background] if d == 1 else _THREE).capitalize()} {change}.",
    )
    for kind, change in (
        ("burst", "3.5 to 10 times as large for hours"),
        ("calm", "a 3.5th to a tenth as large for hours"),
    )
    for background, d in (("white", 1), ("season", 1), ("ar", 1), ("season", 3))
)
