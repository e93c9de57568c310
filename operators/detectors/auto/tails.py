"""Tails: how much higher the scores of noise reach where its tails are heavy.

Heavy tails set new records that lie far out, and all evidences rise together. Their bulk gives
them away long before there are many records: measured in standard deviations, which the tails
have stretched, more of the values lie near the mean. Where the entity's own scores have told how
high they reach, this fades.
"""

from __future__ import annotations

from typing import Any

from numba import njit

from operators.detectors.auto import rarity

NEAR = 2
"""Bins of asinh(z) on each side of the mean's that are near it: up to 0.67 deviations."""
USUAL = 0.5
"""Share of normally distributed values that are near the mean, rounded up."""
HEAVIEST = 0.1
"""Share above the usual one at which tails are taken for as heavy as any."""
PER_SHARE = 4.5
"""What noise with all values near the mean would reach more by, in decimal powers."""
FADES = 600.0
"""Events after which it counts for less and less."""


@njit(error_model="numpy")
def excess(state: Any) -> float:
    """Return what heavy tails add to a great score, in decimal powers, by the record as it is."""
    near = 0
    for k in range(rarity.BINS // 2 - NEAR, rarity.BINS // 2 + NEAR + 1):
        near += state.bins[k]
    events = state.counted + 1.0
    heavy = min(max(near / events - USUAL, 0.0), HEAVIEST)
    return PER_SHARE * heavy * min(FADES / events, 1.0)
