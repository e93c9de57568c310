"""A random cut forest (krcf, AWS's in Rust): 50 trees of 256, eight values in a row where one."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from bench.everyday.stream import Floats, Int32s, Stream

FIRST = 2
"""So many entities of a fleet are scored: it is a hundred times slower than the others."""
TREES, SAMPLE, IN_A_ROW, WARM = 50, 256, 8, 256


def score_forest(stream: Stream) -> tuple[Floats, Int32s]:
    """Return the score of each event, NaN in its warm-up; it blames no value."""
    d = stream.values.shape[1]
    forests: dict[int, Any] = {}
    scores = np.full(len(stream.keys), np.nan)
    seen = dict.fromkeys(np.unique(stream.keys).tolist(), 0)
    rows = zip(stream.keys.tolist(), stream.values.tolist(), strict=True)
    for i, (key, values) in enumerate(rows):
        forest = forests.get(key)
        if forest is None:
            forest = forests[key] = _forest(d)
        seen[key] += 1
        if seen[key] > WARM:
            scores[i] = forest.score(values)
        forest.update(values)
    return scores, np.full(len(scores), -1, np.int32)


def _forest(d: int) -> Any:
    shingle = IN_A_ROW if d == 1 else 1
    options = {
        "dimensions": d,
        "shingle_size": shingle,
        "num_trees": TREES,
        "sample_size": SAMPLE,
        "random_seed": 1,
        "parallel_execution_enabled": False,
        "internal_shingling": True,
    }
    return import_module("krcf").RandomCutForest(options)
