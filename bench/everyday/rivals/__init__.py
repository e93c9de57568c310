"""Rivals: what one would use instead, on the same streams."""

from __future__ import annotations

from collections.abc import Callable

from bench.everyday.rivals.forest import FIRST, score_forest
from bench.everyday.rivals.missing import carried
from bench.everyday.rivals.neighbours import score_neighbours
from bench.everyday.rivals.rules import rules
from bench.everyday.rivals.z_score import score_z
from bench.everyday.stream import Floats, Int32s, Stream

SCORED: dict[str, Callable[[Stream], tuple[Floats, Int32s]]] = {
    "EW z": score_z,
    "kNN": score_neighbours,
    "forest": score_forest,
}
"""Those that give a score to each event, and the value that it blames."""

__all__ = ["FIRST", "SCORED", "carried", "rules"]
