"""Rarity: the p-value of each evidence on a value, and of the value by the rarest of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.domain.batch import Floats
from operators.detectors.auto import stuck
from operators.detectors.auto.deviation import WARM_UP, Deviation
from operators.detectors.auto.distances import SPANS, TAILS
from operators.detectors.auto.evidence import (
    BURST,
    CALM,
    DRIFT,
    LEVEL,
    RESET,
    SHIFT,
    SPIKE,
    STUCK,
    VALUE_EVIDENCE,
    WEIGHTS,
)
from operators.detectors.auto.forecast import Forecast
from operators.kernels import tail
from operators.kernels.kernel_part import kernel_part, single_part

RARE = 0.01
"""p-value of a value beyond which evidence may be rare: `tail.ALIEN_P` by the least weight."""


@single_part
def of_evidence(
    state: Any,
    forecast: Forecast,
    deviation: Deviation,
    distances: Floats,
    floors: Floats,
    reset_p: float,
) -> Floats:
    """Return the p-value of each evidence by what was seen before: float64 [VALUE_EVIDENCE]."""
    p_values = np.ones(VALUE_EVIDENCE)
    if state.seen >= WARM_UP and not forecast.first_move:
        for e in range(TAILS):
            bounded = e == SHIFT and not deviation.new_day_off
            resting = deviation.still if LEVEL <= e <= DRIFT else np.float64(state.still)
            distance = distances[e] if e == SPIKE else deviation.second_day * distances[e]
            p_values[e] = tail.p_value(
                state.tails[e], distance, floors[e], resting, SPANS[e], bounded
            )
        if not deviation.aged:
            p_values[LEVEL] = 1.0
        for e in (SHIFT, DRIFT):
            # The mean is still far, but the value is back.
            if abs(deviation.rest) <= tail.first_level(state.tails[e], floors[e]):
                p_values[e] = 1.0
    if forecast.same and state.seen >= WARM_UP:
        p_values[STUCK] = stuck.p_value(state.stuck, state.seen)
    p_values[RESET] = reset_p
    return p_values


@single_part
def lessen(state: Any, p_values: Floats, distances: Floats, floors: Floats, due: bool) -> None:
    """Raise p-values to those that earlier episodes show at least.

    `due` tells whether an episode is expected now, see `schedule`.
    """
    for e in range(TAILS):
        gauged = e in (BURST, CALM)
        usual = tail.usual_p_value(state.tails[e], distances[e], floors[e], due, gauged)
        p_values[e] = max(p_values[e], usual)


@kernel_part
def judge(p_values: Floats, events: int, out: Floats) -> None:
    """Fill in the p-value of a value, the evidence it comes from, and its score.

    Args:
        p_values: of each evidence.
        events: in a block: only one of them has evidence on the level.
        out: see `value.observe`.
    """
    best, chosen, total = 1.0, SPIKE, 0.0
    for e in range(VALUE_EVIDENCE):
        p = p_values[e]
        if LEVEL <= e <= DRIFT and p < 1.0:
            # One event of a block has this evidence.
            p /= events
        if p < 0.1:
            total -= np.log10(p)
        if p / WEIGHTS[e] < best:
            best, chosen = p / WEIGHTS[e], e
    out[0], out[1], out[5] = best, chosen, total
