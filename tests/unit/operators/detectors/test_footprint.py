from __future__ import annotations

import tracemalloc

import numpy as np

from operators.detectors.footprint import footprint


class Model:
    def __init__(self, size: int) -> None:
        self.weights = np.zeros(size)
        self.seen = {f"value {j}": [float(j)] for j in range(size)}
        self.itself = self


def test_at_least_what_is_allocated_and_at_most_twice_as_much() -> None:
    tracemalloc.start()
    kept = [Model(500) for _ in range(20)]
    allocated = tracemalloc.get_traced_memory()[0] / len(kept)
    tracemalloc.stop()

    assert allocated <= footprint(kept[0]) <= 2 * allocated


def test_equal_models_have_equal_footprints() -> None:
    assert footprint(Model(10)) == footprint(Model(10)) < footprint(Model(11))


def test_classes_and_functions_are_shared() -> None:
    assert footprint([Model, footprint]) < 500
