"""Tails: how much higher the scores of noise reach where its tails are heavy.

Heavy tails set new records that lie far out, and all evidences rise together. Their bulk gives
them away long before there are many records: measured in standard deviations, which the tails
have stretched, more of the values lie near the mean. How high a score is passed once in a
thousand events or so the entity's own scores tell in time, and that part fades; how much farther
out the rarest lie stays.
"""

from __future__ import annotations

from typing import Any

from numba import njit

from operators.detectors.auto import rarity

NEAR = 2
"""Bins of asinh(z) on each side of the mean's that are near it: up to 0.67 deviations."""
USUAL = 0.5
"""Share of normally distributed values that are near the mean, rounded up."""
HEAVIEST, PER_SHARE = 0.1, 4.5
"""What is added to any great score for each part of the share above the usual one, up to the
first number."""
FADES = 600.0
"""Events after which that counts for less and less."""
FAR, PER_FAR = 10.0, 1.25
"""What lies beyond a score of 10 is stretched: this part of it for each part of the share."""


@njit(error_model="numpy")
def excess(state: Any, score: float) -> float:
    """Return what heavy tails have added to a great score, in decimal powers.

    Args:
        state: the entity's record.
        score: by the record as it is.
    """
    near = 0
    for k in range(rarity.BINS // 2 - NEAR, rarity.BINS // 2 + NEAR + 1):
        near += state.bins[k]
    events = state.counted + 1.0
    heavy = max(near / events - USUAL, 0.0)
    lifted = PER_SHARE * min(heavy, HEAVIEST) * min(FADES / events, 1.0)
    return lifted + PER_FAR * heavy * max(score - FAR, 0.0)
