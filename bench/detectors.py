"""Cost and memory of the native detectors, beside river's own in the same process."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from time import process_time
from typing import Any

import numpy as np
from river import anomaly

from operators.detectors.half_space_trees import HalfSpaceTrees
from operators.detectors.zscore import ZScore

VALUES, ENTITIES, ROUNDS = 3, 1_000, 3
NATIVE_EVENTS = 500_000  # a round: 500 an entity, so all are warm after the first
RIVER_ENTITIES, RIVER_EVENTS = 10, 6_000  # its cost is per event, and 1,000 would need 1 GB
BATCHES = (1_000, 4_000, 8_000)
METHOD = (
    "CPU time per event, scoring and learning, one core, normal values, entities at random, all "
    f"warm, best of {ROUNDS} rounds. {VALUES} values (GaussianScorer takes 1, so it runs once a "
    f"value); {ENTITIES} entities for ours in batches of {BATCHES} events; {RIVER_ENTITIES} for "
    "river, one model each, whose dicts are made beforehand. Bytes of an entity: its record; for "
    "river its pickle, which is less than it takes in memory."
)


def run() -> dict[str, Any]:
    """Measure everything; times in ns per event, sizes in bytes."""
    zscore = {**_native("zscore", ZScore()), **_river(_GaussianEach)}
    trees = {
        **_native("half_space_trees", HalfSpaceTrees()),
        **_river(lambda: anomaly.HalfSpaceTrees(seed=1)),
    }
    results = {"method": METHOD, "zscore": zscore, "half_space_trees": trees}
    for one in (zscore, trees):
        one["times_faster_than_river"] = one["river_ns"] / min(one["ns_by_batch"].values())
    return results


def _native(name: str, family: Any) -> dict[str, Any]:
    detector = family.create(name, {}, [f"v{j}" for j in range(VALUES)])
    bank = detector.bank(ENTITIES)
    rng = np.random.default_rng(1)
    slots = rng.integers(ENTITIES, size=NATIVE_EVENTS).astype(np.int32)
    values = rng.normal(size=(NATIVE_EVENTS, VALUES))
    learn = np.ones(NATIVE_EVENTS, bool)

    def score(batch: int) -> None:
        for a in range(0, NATIVE_EVENTS, batch):
            bank.score(slots[a : a + batch], values[a : a + batch], learn[a : a + batch])

    score(BATCHES[0])
    costs = {n: _best(lambda n=n: score(n)) / NATIVE_EVENTS for n in BATCHES}  # type: ignore[misc]
    return {"ns_by_batch": costs, "bytes_per_entity": detector.bytes_per_entity}


def _river(make: Callable[[], Any]) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    models = [make() for _ in range(RIVER_ENTITIES)]
    events = [
        (models[i % RIVER_ENTITIES], dict(enumerate(row)))
        for i, row in enumerate(rng.random((RIVER_EVENTS, VALUES)).tolist())
    ]

    def score() -> None:
        for model, x in events:
            model.score_one(x)
            model.learn_one(x)

    score()
    return {"river_ns": _best(score) / RIVER_EVENTS, "river_bytes": len(pickle.dumps(models[0]))}


class _GaussianEach:
    """River's GaussianScorer for each value; the greatest counts."""

    def __init__(self) -> None:
        self._scorers = [anomaly.GaussianScorer(window_size=None) for _ in range(VALUES)]

    def score_one(self, x: dict[int, float]) -> float:
        return float(max(scorer.score_one(None, x[j]) for j, scorer in enumerate(self._scorers)))

    def learn_one(self, x: dict[int, float]) -> None:
        for j, scorer in enumerate(self._scorers):
            scorer.learn_one(None, x[j])


def _best(work: Callable[[], None]) -> float:
    """Return the least CPU time of several runs, in ns."""
    times = []
    for _ in range(ROUNDS):
        start = process_time()
        work()
        times.append(process_time() - start)
    return min(times) * 1e9


def main() -> None:
    results = run()
    print(results.pop("method"))
    for name, one in results.items():
        costs = ", ".join(f"{cost:.0f} ns ({n})" for n, cost in one["ns_by_batch"].items())
        print(f"{name}: {costs} per event (batch), {one['bytes_per_entity']} bytes an entity")
        print(
            f"  river: {one['river_ns']:.0f} ns per event, {one['river_bytes']} bytes pickled; "
            f"ours is {one['times_faster_than_river']:.0f} times faster"
        )


if __name__ == "__main__":
    main()
