"""Cost and memory of the native detectors, beside river, PyOD and a random cut forest.

`python -m bench.detectors [--alone] [WORD ...]`: only rows with one of the words in their name,
such as "auto"; without peers. `zscore`, the least there is to a model, is the floor of each row.
"""

from __future__ import annotations

import argparse
import pickle
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from time import process_time
from typing import Any

import numpy as np
from pyod.models.knn import KNN
from river import anomaly

from engine.domain.detector import TimedBank
from operators.detectors.auto.detector import Auto
from operators.detectors.half_space_trees import HalfSpaceTrees
from operators.detectors.zscore import ZScore

VALUES, ENTITIES, ROUNDS = 3, 1_000, 3
NATIVE_EVENTS = 500_000  # a round: 500 an entity, so all are warm after the first
MANY_VALUES, MANY_VALUES_ENTITIES, MANY_VALUES_EVENTS = 38, 200, 100_000
PEER_ENTITIES, PEER_EVENTS = 10, 6_000  # its cost is per event, and 1,000 would need 1 GB
BATCHES = (1_000, 4_000, 8_000)
WINDOW, REFIT = 256, 64
METHOD = (
    "CPU time per event, scoring and learning, one core, normal values, entities at random, all "
    f"warm, best of {ROUNDS} rounds; {ENTITIES} entities for ours ({MANY_VALUES_ENTITIES} with "
    f"{MANY_VALUES} values), in batches of {BATCHES} events; floor: `zscore` on as many values in "
    f"the same run; {PEER_ENTITIES} for the peers, each event alone, one model each, whose inputs "
    "are made beforehand. GaussianScorer takes 1 value, so it runs once a value. KNN is fitted on "
    f"the last {WINDOW} events every {REFIT}. The random cut forest (krcf, AWS's in Rust) has its "
    "defaults, and shingles of 8 for 1 value. Bytes of an entity: its record, and its calibrator's "
    "where it has one of its own; for peers their pickle, which is less than they take in memory."
)


def run(words: Sequence[str] = (), alone: bool = False) -> dict[str, Any]:
    """Measure; times in ns per event, sizes in bytes.

    Args:
        words: a row is measured if one of them is in its name; all without words.
        alone: whether peers are left out.
    """
    trees: dict[str, Callable[[], Any]] = {
        "river.HalfSpaceTrees": lambda: River(anomaly.HalfSpaceTrees(seed=1))
    }
    others: dict[int, dict[str, Callable[[], Any]]] = {
        d: {**trees, "pyod.KNN": lambda: Window(KNN)} for d in (1, VALUES)
    }
    if find_spec("krcf"):
        for d, models in others.items():
            models["random cut forest"] = partial(Forest, d)
    rows: dict[str, tuple[Any, int, dict[str, Callable[[], Any]]]] = {
        "zscore, 3 values": (ZScore(), VALUES, {"river.GaussianScorer": Gaussian}),
        "half_space_trees, 3 values": (HalfSpaceTrees(), VALUES, trees),
        "auto, 1 value": (Auto(), 1, others[1]),
        "auto, 3 values": (Auto(), VALUES, others[VALUES]),
        "auto, 8 values": (Auto(), 8, {}),
        f"auto, {MANY_VALUES} values": (Auto(), MANY_VALUES, {}),
    }
    return {"method": METHOD} | {
        name: _beside(name.partition(",")[0], family, values, {} if alone else peers)
        for name, (family, values, peers) in rows.items()
        if not words or any(word in name for word in words)
    }


def _beside(name: str, family: Any, values: int, peers: dict[str, Any]) -> dict[str, Any]:
    result = _native(name, family, values)
    result["peers"] = {peer: _peer(make, values) for peer, make in peers.items()}
    ours = min(result["ns_by_batch"].values())
    result["floors"] = ours / min(_native("zscore", ZScore(), values)["ns_by_batch"].values())
    for peer in result["peers"].values():
        peer["times_slower"] = peer["ns"] / ours
    return result


def _native(name: str, family: Any, values: int) -> dict[str, Any]:
    detector = family.create(name, {}, [f"v{j}" for j in range(values)])
    entities, events = ENTITIES, NATIVE_EVENTS
    if values >= MANY_VALUES:
        entities, events = MANY_VALUES_ENTITIES, MANY_VALUES_EVENTS
    bank, size = detector.bank(entities), detector.bytes_per_entity
    rng = np.random.default_rng(1)
    slots = rng.integers(entities, size=events).astype(np.int32)
    rows = rng.normal(size=(events, values))
    learn, times = np.ones(events, bool), np.arange(events) * 10**7

    def score(batch: int) -> None:
        for a in range(0, events, batch):
            part = slice(a, a + batch)
            if isinstance(bank, TimedBank):
                bank.score_at(slots[part], rows[part], learn[part], times[part])
            else:
                bank.score(slots[part], rows[part], learn[part])

    score(BATCHES[0])
    costs = {n: _best(lambda n=n: score(n)) / events for n in BATCHES}  # type: ignore[misc]
    return {"ns_by_batch": costs, "bytes_per_entity": size}


def _peer(make: Callable[[], Any], values: int) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    models = [make() for _ in range(PEER_ENTITIES)]
    inputs = [models[0].input_of(row) for row in rng.random((PEER_EVENTS, values))]
    events = [(models[i % PEER_ENTITIES], given) for i, given in enumerate(inputs)]

    def score() -> None:
        for model, given in events:
            model.score_and_learn(given)

    score()
    return {"ns": _best(score) / PEER_EVENTS, "bytes": len(pickle.dumps(models[0]))}


class River:
    """One of river's models."""

    def __init__(self, model: Any) -> None:
        self._model = model

    @staticmethod
    def input_of(row: Any) -> Any:
        return dict(enumerate(row.tolist()))

    def score_and_learn(self, given: Any) -> None:
        self._model.score_one(given)
        self._model.learn_one(given)


class Gaussian(River):
    """River's GaussianScorer for each value; the greatest counts."""

    def __init__(self) -> None:
        self._scorers = [anomaly.GaussianScorer(window_size=None) for _ in range(VALUES)]

    def score_and_learn(self, given: Any) -> None:
        max(scorer.score_one(None, given[j]) for j, scorer in enumerate(self._scorers))
        for j, scorer in enumerate(self._scorers):
            scorer.learn_one(None, given[j])


class Window:
    """A PyOD model over the last events, refitted now and then."""

    def __init__(self, kind: Any) -> None:
        self._kind = kind
        self._window: list[Any] = []
        self._seen, self._model = 0, None

    @staticmethod
    def input_of(row: Any) -> Any:
        return row

    def score_and_learn(self, given: Any) -> None:
        if self._model is not None:
            self._model.decision_function(given[None])
        self._window = [*self._window[1 - WINDOW :], given]
        self._seen += 1
        if self._seen % REFIT == 0:
            self._model = self._kind().fit(np.array(self._window))


class Forest:
    """AWS's random cut forest."""

    def __init__(self, values: int) -> None:
        options = {"dimensions": values, "shingle_size": 8 if values == 1 else 1, "random_seed": 1}
        self._forest = import_module("krcf").RandomCutForest(options)

    @staticmethod
    def input_of(row: Any) -> Any:
        return row.tolist()

    def score_and_learn(self, given: Any) -> None:
        self._forest.score(given)
        self._forest.update(given)


def _best(work: Callable[[], None]) -> float:
    """Return the least CPU time of several runs, in ns."""
    times = []
    for _ in range(ROUNDS):
        start = process_time()
        work()
        times.append(process_time() - start)
    return min(times) * 1e9


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.detectors", description=__doc__)
    parser.add_argument("words", nargs="*", metavar="WORD")
    parser.add_argument("--alone", action="store_true", help="without peers")
    given = parser.parse_args()
    results = run(given.words, given.alone)
    print(results.pop("method"))
    for name, one in results.items():
        costs = ", ".join(f"{cost:.0f} ns ({n})" for n, cost in one["ns_by_batch"].items())
        print(f"{name}: {costs} per event (batch), {one['bytes_per_entity']:,} bytes an entity")
        print(f"  {one['floors']:.1f} times the floor")
        for peer, found in one["peers"].items():
            print(
                f"  {peer}: {found['ns']:,.0f} ns per event, {found['bytes']:,} bytes pickled; "
                f"ours is {found['times_slower']:,.0f} times faster"
            )


if __name__ == "__main__":
    main()
