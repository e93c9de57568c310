"""Other kinds of noise than the seven of `bench.calibration`: no curve is measured on them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Noise = Callable[[np.random.Generator, int], Floats]


def _autoregressive(share: float) -> Noise:
    def noise(draw: np.random.Generator, n: int) -> Floats:
        values = draw.normal(size=n)
        for i in range(1, n):
            values[i] = share * values[i - 1] + np.sqrt(1 - share**2) * values[i]
        return values

    return noise


def _cycle(draw: np.random.Generator, n: int) -> Floats:
    phase = 2 * np.pi * np.arange(n) / 288
    return np.sin(phase + draw.uniform(0, 2 * np.pi)) + draw.normal(size=n)


OTHERS: dict[str, Noise] = {
    "AR(1), .5": _autoregressive(0.5),
    "AR(1), .9": _autoregressive(0.9),
    "AR(1), .95": _autoregressive(0.95),
    "Poisson, 1": lambda draw, n: draw.poisson(1, n).astype(float),
    "Poisson, 3": lambda draw, n: draw.poisson(3, n).astype(float),
    "Poisson, 20": lambda draw, n: draw.poisson(20, n).astype(float),
    "Pareto, 1.5": lambda draw, n: draw.pareto(1.5, n),
    "Pareto, 3": lambda draw, n: draw.pareto(3, n),
    "t2": lambda draw, n: draw.standard_t(2, n),
    "t5": lambda draw, n: draw.standard_t(5, n),
    "Laplace": lambda draw, n: draw.laplace(size=n),
    "exponential": lambda draw, n: draw.exponential(size=n),
    "lognormal": lambda draw, n: draw.lognormal(size=n),
    "a cycle of 288 events": _cycle,
    "rounded": lambda draw, n: np.round(draw.normal(20, 2, n)),
}
