"""Combining: several detectors in each of the ways that `combine` offers, beside `auto` alone.

Method: labelled series (NAB, ASD) through the real steps `detect` and `alert`, as a pipeline file
asks for them, each event scored before it is learned; judged as `python -m bench.quality` does, on
combined p-values and on alerts at p <= 1e-3. Then the cost: CPU time of `detect` per event, best of
three rounds, entities at random, all warm, and the bytes of an entity.

    python -m bench.combining [--corpora nab asd]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import process_time

import numpy as np
from numpy.typing import NDArray

from bench.quality.corpora import corpora
from bench.quality.replay import events_of
from bench.quality.series import Corpus, Replayed, Series
from engine.application.config.pipeline_file import PipelineFile
from engine.application.ports import RunContext
from engine.domain.batch import EventBatch
from engine.domain.pipeline import Pipeline
from operators.alert.step import alert_step
from operators.detect.entity_group import EntityGroup
from operators.detect.memory_share import entity_bytes

THRESHOLD = 1e-3
BATCH = 4_000
ENTITIES, EVENTS, VALUES, ROUNDS = 200, 200_000, 3, 3
SETS = (
    ("zscore", "half_space_trees"),
    ("auto", "half_space_trees"),
    ("auto", "zscore", "half_space_trees"),
)
WAYS = ("any", "cauchy", "weighted")
SHOWN = {
    "nab": ("p swept, standard", "p <= 1e-3, standard", "alerts per 1,000"),
    "asd": ("average precision", "VUS-PR", "affiliation recall", "alerts per 1,000"),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """Detectors, and how they are combined."""

    detectors: tuple[str, ...]
    combine: str

    @property
    def name(self) -> str:
        """Return how a row of a table begins."""
        return f"{', '.join(self.detectors)} | {self.combine if self.detectors[1:] else ''}"

    def pipeline(self, values: int) -> Pipeline:
        """Return the pipeline of a file that asks for it."""
        file = {
            "name": "combining",
            "source": {"stdin": {}},
            "event": {"key": "series", "values": [f"v{j}" for j in range(values)]},
            "detectors": list(self.detectors),
            "combine": self.combine,
            "alert": {"p_value": THRESHOLD},
            "sinks": {"anomalies": {"stdout": {}}},
            "state": {"directory": "unused", "memory_limit": "256MiB"},
        }
        return PipelineFile.model_validate(file).pipeline()


def choices() -> Iterator[Choice]:
    """Yield what is compared."""
    yield Choice(("auto",), "any")
    for detectors in SETS:
        for way in WAYS:
            yield Choice(detectors, way)


def judged(choice: Choice, corpus: Corpus, series: Sequence[Series]) -> dict[str, float]:
    """Return the figures of one choice on a corpus, and the mean weights where it learns any."""
    weights: list[NDArray[np.float64]] = []
    made = [_replay(choice.pipeline(one.values.shape[1]), one, weights) for one in series]
    figures = corpus.judge(series, made)
    found = {name: (figures.compared | figures.others)[name] for name in SHOWN[corpus.name]}
    if weights:
        found |= dict(zip(choice.detectors, np.nanmean(weights, axis=0).tolist(), strict=True))
    return found


def _replay(rules: Pipeline, series: Series, weights: list[NDArray[np.float64]]) -> Replayed:
    group, alert = EntityGroup(rules), alert_step(rules, RunContext("combining"))(1)
    n = len(series)
    p_values, alerts = np.empty(n), np.zeros(n, bool)
    learned = []
    for start in range(0, n, BATCH):
        for batch in group.score(events_of(series, slice(start, min(start + BATCH, n)))):
            p_values[batch.events.offsets] = batch.p_value
            for anomalies in alert.process([batch]):
                alerts[[anomaly.origin.offset for anomaly in anomalies]] = True
            if batch.weights is not None:
                learned.append(batch.weights)
    if learned:
        whole = np.concatenate(learned)
        weights.append(whole[~np.isnan(whole).any(axis=1)].mean(axis=0))
    return Replayed(-np.log10(p_values), p_values, alerts, alerts, 0.0, True)


def cost(choice: Choice) -> tuple[float, int]:
    """Return CPU time of detection in ns per event, and bytes of an entity."""
    rules = choice.pipeline(VALUES)
    group, rng = EntityGroup(rules), np.random.default_rng(1)
    keys = np.array([f"e{k}" for k in range(ENTITIES)], object)[rng.integers(ENTITIES, size=EVENTS)]
    rows = np.arange(EVENTS)
    times, places = rows * 10**7, np.zeros(EVENTS, np.int32)
    values = rng.normal(size=(EVENTS, VALUES))
    events = EventBatch("combining", keys, times, values, places, rows, times)
    parts = [events.take(slice(a, a + BATCH)) for a in range(0, EVENTS, BATCH)]
    seconds = []
    for _ in range(ROUNDS + 1):
        began = process_time()
        for part in parts:
            group.score(part)
        seconds.append(process_time() - began)
    return min(seconds[1:]) / EVENTS * 1e9, entity_bytes(rules)


def main() -> None:
    """Print a table for each corpus, and that of the cost."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--corpora", nargs="*", default=list(SHOWN), choices=list(SHOWN))
    given = parser.parse_args()
    for corpus in corpora():
        if corpus.name in given.corpora:
            print(f"{corpus.about}\n| detectors | combine | {' | '.join(SHOWN[corpus.name])} |")
            series = corpus.load(False)
            for choice in choices():
                figures = judged(choice, corpus, series)
                shown = [f"{figures.pop(name):.3g}" for name in SHOWN[corpus.name]]
                weights = " ".join(f"{name} {mean:.2f}" for name, mean in figures.items())
                print(f"| {choice.name} | {' | '.join(shown)} | {weights} |", flush=True)
    print("| detectors | combine | ns per event | bytes |")
    for choice in choices():
        ns, size = cost(choice)
        print(f"| {choice.name} | {ns:,.0f} | {size:,} |", flush=True)


if __name__ == "__main__":
    main()
