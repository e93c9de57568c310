"""Normal life: noise of every kind."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.everyday.backgrounds import autoregressive, season
from bench.everyday.fleet import Fleet
from bench.everyday.stream import Floats, Situation, Stream

Noise = Callable[[np.random.Generator, tuple[int, ...]], NDArray[np.floating[Any]]]


def _walk(draw: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    return np.cumsum(draw.normal(size=shape), 0)


NOISES: dict[str, tuple[Noise, str]] = {
    "gaussian": (lambda draw, shape: draw.normal(size=shape), "Gaussian noise"),
    "t3": (lambda draw, shape: draw.standard_t(3, shape), "heavy tails: Student's t3"),
    "pareto_1.5": (lambda draw, shape: draw.pareto(1.5, shape), "heavy tails: Pareto 1.5"),
    "pareto_3": (lambda draw, shape: draw.pareto(3, shape), "heavy tails: Pareto 3"),
    "lognormal": (lambda draw, shape: draw.lognormal(3, 1, shape), "lognormal response times"),
    "ar_.5": (partial(autoregressive, coefficient=0.5), "autoregressive noise, .5"),
    "ar_.9": (partial(autoregressive, coefficient=0.9), "autoregressive noise, .9"),
    "ar_.99": (partial(autoregressive, coefficient=0.99), "autoregressive noise, .99"),
    "walk": (_walk, "random walks"),
    "poisson_.1": (lambda draw, shape: draw.poisson(0.1, shape) * 1.0, "counts around .1"),
    "poisson_1": (lambda draw, shape: draw.poisson(1, shape) * 1.0, "counts around 1"),
    "poisson_20": (lambda draw, shape: draw.poisson(20, shape) * 1.0, "counts around 20"),
    "flags": (lambda draw, shape: (draw.random(shape) < 0.05) * 1.0, "a flag, up 1 time in 20"),
    "tenths": (
        lambda draw, shape: np.round(draw.normal(20, 0.3, shape), 1),
        "a quiet temperature in tenths",
    ),
    "halves": (
        lambda draw, shape: np.round(draw.normal(20, 0.3, shape) * 2) / 2,
        "a quiet temperature in halves",
    ),
    "saturated": (
        lambda draw, shape: np.minimum(draw.normal(97, 3, shape), 100.0),
        "a level clipped at 100",
    ),
}


def _noise(draw: np.random.Generator, noise: str) -> Stream:
    fleet = Fleet(draw, 15)
    fleet.values += NOISES[noise][0](draw, fleet.shape)
    return fleet.stream()


def _several(draw: np.random.Generator, d: int) -> Stream:
    fleet = Fleet(draw, 12, d=d)
    season(fleet)
    return fleet.stream()


SITUATIONS = (
    *(
        Situation(
            f"quiet_{name}",
            "normal",
            "noise",
            partial(_noise, noise=name),
            f"{about[0].upper()}{about[1:]}.",
        )
        for name, (_, about) in NOISES.items()
    ),
    *(
        Situation(
            f"quiet_{d}_values",
            "normal",
            "noise",
            partial(_several, d=d),
            f"{d} values with daily seasons.",
        )
        for d in (3, 8)
    ),
)
