"""Inputs that break detectors: each a function of a size, giving float64 [n, width]."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from engine.application.conformance.events import noise
from engine.domain.batch import Floats

Input = Callable[[int, int], Floats]


def constant(n: int, width: int) -> Floats:
    """One value, always."""
    return np.full((n, width), 7.0)


def lone(n: int, width: int) -> Floats:
    """One value, but for a single event in the last quarter."""
    values = constant(n, width)
    values[n - n // 4] = 8.0
    return values


def sparse(n: int, width: int) -> Floats:
    """Zeros, and rarely something else."""
    there = np.random.default_rng(11).random((n, width)) < 0.05
    return np.where(there, noise(n, width), 0.0)


def huge(n: int, width: int) -> Floats:
    """Up to the greatest number there is, of both signs."""
    draw = np.random.default_rng(12)
    return np.asarray(draw.uniform(-1, 1, (n, width)) * np.finfo(float).max)


def tiny(n: int, width: int) -> Floats:
    """Multiples of the least number there is."""
    return np.asarray(np.random.default_rng(13).integers(-3, 4, (n, width)) * 5e-324)


def gaps(n: int, width: int) -> Floats:
    """Three in ten values missing, and some events without any."""
    draw = np.random.default_rng(14)
    values = noise(n, width)
    values[draw.random((n, width)) < 0.3] = np.nan
    values[draw.random(n) < 0.05] = np.nan
    return values


def infinite(n: int, width: int) -> Floats:
    """Noise, and one in twenty values infinite."""
    draw = np.random.default_rng(15)
    there = draw.random((n, width)) < 0.05
    values = noise(n, width)
    values[there] = draw.choice([-np.inf, np.inf], np.count_nonzero(there))
    return values


def repeated(n: int, width: int) -> Floats:
    """Each value ten times in a row."""
    return np.repeat(noise(n // 10 + 1, width), 10, axis=0)[:n]


def counter(n: int, width: int) -> Floats:
    """A count that grows, and sometimes falls to 0."""
    draw = np.random.default_rng(16)
    growth = draw.poisson(40, (n, width)).cumsum(axis=0).astype(np.float64)
    restarts = np.maximum.accumulate(np.where(draw.random((n, width)) < 0.02, growth, 0.0), axis=0)
    return np.asarray(growth - restarts)


INPUTS: dict[str, Input] = {
    made.__name__: made
    for made in (constant, lone, sparse, huge, tiny, gaps, infinite, repeated, counter)
}
