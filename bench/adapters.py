"""Microseconds per event through our banks of river and PyOD models, beside plain loops.

Run: python -m bench.adapters
"""

from importlib import import_module
from time import perf_counter
from typing import Any

import numpy as np

from engine.domain.batch import Floats, Int32s
from operators.detectors.pyod.catalogue import catalogue
from operators.detectors.pyod.family import PyODDetectors
from operators.detectors.river.family import RiverDetectors

NAMES = ["a", "b", "c"]
EVENTS, ENTITIES, BATCH = 8_000, 8, 1_000
WINDOW, REFIT = 256, 64


def stream() -> tuple[Int32s, Floats]:
    random = np.random.default_rng(1)
    slots = random.integers(0, ENTITIES, EVENTS).astype(np.int32)
    return slots, random.random((EVENTS, len(NAMES)))


def ours(detector: Any) -> float:
    slots, values = stream()
    bank, learn = detector.bank(ENTITIES), np.ones(BATCH, bool)
    start = perf_counter()
    for at in range(0, EVENTS, BATCH):
        bank.score(slots[at : at + BATCH], values[at : at + BATCH], learn)
    return (perf_counter() - start) / EVENTS * 1e6


def river_loop(kind: Any) -> float:
    slots, values = stream()
    models = [kind() for _ in range(ENTITIES)]
    start = perf_counter()
    for slot, row in zip(slots.tolist(), values.tolist(), strict=True):
        x = dict(zip(NAMES, row, strict=True))
        models[slot].score_one(x)
        models[slot].learn_one(x)
    return (perf_counter() - start) / EVENTS * 1e6


def pyod_loop(kind: Any) -> float:
    slots, values = stream()
    windows: list[list[Floats]] = [[] for _ in range(ENTITIES)]
    models: list[Any] = [None] * ENTITIES
    start = perf_counter()
    for slot, row in zip(slots.tolist(), values, strict=True):
        if models[slot] is not None:
            models[slot].decision_function(row[None])
        windows[slot].append(row)
        if len(windows[slot]) % REFIT == 0:
            models[slot] = kind().fit(np.array(windows[slot][-WINDOW:]))
    return (perf_counter() - start) / EVENTS * 1e6


def report(name: str, own: float, theirs: float) -> None:
    print(f"{name:28} ours {own:9.2f} us   loop {theirs:9.2f} us   loop/ours {theirs / own:6.2f}")


def main() -> None:
    anomaly = import_module("river.anomaly")
    for name in ("HalfSpaceTrees", "LODA"):
        model = RiverDetectors().create(f"river.{name}", {"preprocess": []}, NAMES)
        report(model.name, ours(model), river_loop(getattr(anomaly, name)))
    for name in ("ECOD", "KNN", "HBOS", "PCA"):
        detector = PyODDetectors().create(f"pyod.{name}", {}, NAMES)
        kind = getattr(import_module(catalogue()[name].module), name)
        report(detector.name, ours(detector), pyod_loop(kind))


if __name__ == "__main__":
    main()
