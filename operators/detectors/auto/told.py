"""Told: which power of ten a score stands for, by the kind of noise it rises from.

What noise reaches after as many events (`curve`) says how rare a score is. Some kinds reach more or
less, and the bulk of their values tells which kind it is long before the tails can:

    two heavy tails lie farther out, and the rarest still farther;
    one tail sets half as many records, as if there had been twice as many events;
    so do values that are often equal, for most of what would be a record is a tie;
    dependent values go far together, for once they are out they stay there.

How high a score is passed once in a thousand events or so the entity's own scores tell in time: the
calibrator learns it, and what is added for that fades.
"""

from __future__ import annotations

from typing import Any

from numba import njit

from engine.domain.batch import Floats
from operators.detectors.auto import curve, still, tails, turns

HEAVY, FADES = 4.0, 250.0
"""What two heavy tails add to a score for each part of `tails.heaviness`, and the events after
which that counts for less and less."""
FAR, FARTHER = 4.5, 1.0
"""What lies beyond a score of so much they stretch by that part of it, for each part,"""
FAR_OUT, ALONE = 10.0, 1.25
"""and a single heavy tail what lies beyond such a one."""
OUT, CARRIED, MOST_CARRIED = 6.0, 1.8, 0.5
"""What lies beyond a score of so much dependence stretches likewise, and at most by the last,"""
AS_FAR = 3.0
"""and for so many powers: what is farther off was carried there by no neighbour."""
ONE_SIDED = 0.65
"""Share of the events by which one tail instead of two makes an entity older."""
TIED, MOST_TIED = 22.0, 4.0
"""Times by which ties make it older, for each part of events that are ties; and at most."""


@njit(error_model="numpy")
def excess(state: Any, score: float, sides: float) -> float:
    """Return what its kind of noise has added to a score, in decimal powers.

    Args:
        state: the entity's record.
        score: by the record as it is.
        sides: how many tails there are, in 1..2.
    """
    heavy = tails.heaviness(state)
    both, alone = heavy * (sides - 1.0), heavy * (2.0 - sides)
    lifted = HEAVY * both * min(FADES / (state.counted + 1.0), 1.0)
    stretched = FARTHER * both * max(score - FAR, 0.0) + ALONE * alone * max(score - FAR_OUT, 0.0)
    carried = min(CARRIED * turns.dependence(state), MOST_CARRIED)
    return lifted + stretched + carried * min(max(score - OUT, 0.0), AS_FAR)


@njit(error_model="numpy")
def power_of(state: Any, score: float, noise: Floats) -> float:
    """Return -log10 of how often alerts would begin at such a score in noise of this kind.

    Args:
        state: the entity's record.
        score: by the record as it is.
        noise: what noise reaches; see `curve`.
    """
    sides = tails.sides(state)
    left = max(score - excess(state, score, sides), 0.0)
    age = state.seen * (1.0 + ONE_SIDED * (2.0 / sides - 1.0))
    power = curve.power_of(left, age, noise)
    ties = still.ties(state)
    if ties > 0.0:
        older = age * (1.0 + min(TIED * ties, MOST_TIED))
        power = max(power, curve.power_of(left, older, noise))
    return power
