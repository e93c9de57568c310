"""Dice: random numbers that an entity carries with it, so that a restart rolls the same."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

FIELDS = [("dice", "<u8")]


@njit(error_model="numpy")
def roll(state: Any) -> float:
    """Return the next number in 0..1: splitmix64 of Steele, Lea and Flood, OOPSLA 2014."""
    state.dice += np.uint64(0x9E3779B97F4A7C15)
    mixed = np.uint64(state.dice)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed = mixed ^ (mixed >> np.uint64(31))
    return (mixed >> np.uint64(11)) / 9007199254740992.0
