"""Calibration: alerts realised against the budget, on streams in which nothing happens.

Method: for each kind of noise 100 entities, each of a seed of its own, an event every ten seconds,
through the real steps `detect` and `alert` with `detectors: auto`, or others, and a budget in
alerts a day. The budget is held against the alerts of the first hour, the first day and the whole
time. The interval is that of the ratio, at 95 %, from resampling whole entities.

    python -m bench.calibration [--seeds 100] [--days 4] [--budget 8] [--others] [--json FILE]
        [--detectors auto zscore half_space_trees --combine weighted]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from bench.other_kinds import OTHERS, Noise
from engine.application.ports import RunContext
from engine.application.registry import detector_family
from engine.domain.alert_policy import AlertPolicy, Budget
from engine.domain.anomaly import Anomaly
from engine.domain.batch import EventBatch
from engine.domain.mapping import EventMapping, TimeField, ValueField
from engine.domain.pipeline import Calibration, Combination, Pipeline
from operators.alert.step import alert_step
from operators.detect.entity_group import EntityGroup

Floats = NDArray[np.float64]

SECOND = 1_000_000_000
GAP = 10 * SECOND
DAY = 86_400 * SECOND
START = 1_767_225_600 * SECOND
HELD_WITHIN = 0.2


def _autoregressive(draw: np.random.Generator, n: int) -> Floats:
    values, shocks = np.empty(n), draw.normal(size=n)
    values[0] = shocks[0]
    for i in range(1, n):
        values[i] = 0.8 * values[i - 1] + 0.6 * shocks[i]
    return values


def _seasonal(draw: np.random.Generator, n: int) -> Floats:
    phase = 2 * np.pi * np.arange(n) * GAP / DAY
    return 3 * np.sin(phase + draw.uniform(0, 2 * np.pi)) + draw.normal(size=n)


KINDS: dict[str, Noise] = {
    "Gaussian": lambda draw, n: draw.normal(20, 2, n),
    "t3": lambda draw, n: draw.standard_t(3, n),
    "Pareto": lambda draw, n: draw.pareto(2.5, n),
    "AR(1)": _autoregressive,
    "seasonal": _seasonal,
    "random walk increments": lambda draw, n: np.diff(np.cumsum(draw.normal(size=n + 1))),
    "Poisson counts": lambda draw, n: draw.poisson(5, n).astype(float),
}


@dataclass(frozen=True, slots=True)
class Realised:
    """What one kind of noise spent in one span of time.

    Attributes:
        kind, span: which.
        promised: alerts that the budget allows, from each entity's first score on.
        realised: alerts there were.
        low, high: 95 % interval of realised / promised.
    """

    kind: str
    span: str
    promised: float
    realised: int
    low: float
    high: float

    @property
    def ratio(self) -> float:
        """Return realised / promised."""
        return self.realised / self.promised


def measure(
    kind: str,
    seeds: int,
    days: float,
    budget: float,
    d: int = 1,
    first: int = 0,
    detectors: Sequence[str] = ("auto",),
    combine: Combination = "any",
) -> list[Realised]:
    """Run one kind of noise through the real steps.

    Args:
        kind: one of `KINDS`, or of the `OTHERS`.
        seeds: entities, each of a seed of its own.
        days: length of the stream in event time.
        budget: alerts a day and entity.
        d: values of an event.
        first: the first of the seeds.
        detectors: their names.
        combine: how their p-values become one.
    """
    n = int(days * DAY / GAP)
    draws = [
        np.random.default_rng([seed, j]) for seed in range(first, first + seeds) for j in range(d)
    ]
    noise = (KINDS | OTHERS)[kind]
    columns = np.stack([noise(draw, n) for draw in draws])
    values = columns.reshape(seeds, d, n).transpose(2, 0, 1)
    scored, anomalies = run(values, Budget(budget), detectors, combine)
    found = np.zeros((n, seeds), bool)
    for anomaly in anomalies:
        found[divmod(anomaly.origin.offset, seeds)] = True
    spans = {"first hour": 3_600 * SECOND, "first day": DAY, "all": n * GAP}
    share = budget * GAP / DAY
    return [
        _realised(kind, span, share * scored[: length // GAP].sum(0), found[: length // GAP].sum(0))
        for span, length in spans.items()
        if length <= n * GAP
    ]


def run(
    values: Floats,
    policy: AlertPolicy,
    detectors: Sequence[str] = ("auto",),
    combine: Combination = "any",
) -> tuple[NDArray[np.bool_], list[Anomaly]]:
    """Run series through the real steps, side by side.

    Args:
        values: float64 [n, entities, d], an event of each every ten seconds.
        policy: which events become anomalies.
        detectors: their names.
        combine: how their p-values become one.

    Returns:
        bool [n, entities], what was scored, and the anomalies, whose offsets count events.
    """
    n, entities, d = values.shape
    names = tuple(f"v{j}" for j in range(d))
    pipeline = _pipeline(policy, names, entities, detectors, combine)
    group, alert = EntityGroup(pipeline), alert_step(pipeline, RunContext("calibration"))(1)
    scored, anomalies = np.zeros((n, entities), bool), []
    step = max(1, 100_000 // entities)
    for start in range(0, n, step):
        for batch in group.score(_events(values[start : start + step], start)):
            scored[np.divmod(batch.events.offsets, entities)] = ~np.isnan(batch.p_value)
            anomalies += [anomaly for found in alert.process([batch]) for anomaly in found]
    return scored, anomalies


def _pipeline(
    policy: AlertPolicy,
    names: tuple[str, ...],
    entities: int,
    detectors: Sequence[str],
    combine: Combination,
) -> Pipeline:
    mapping = EventMapping((("key",),), TimeField(), tuple(ValueField(n, (n,)) for n in names))
    return Pipeline(
        name="calibration",
        version="0",
        mapping=mapping,
        detectors=tuple(detector_family(name).create(name, {}, names) for name in detectors),
        combine=combine,
        calibration=Calibration(),
        alert=policy,
        incident_gap=600 * SECOND,
        memory_bytes=entities * 100_000,
        detector_prints=("",) * len(detectors),
    )


def _events(values: Floats, start: int) -> EventBatch:
    """Return events of all entities in turn; values is float64 [n, entities, d]."""
    n, entities, d = values.shape
    keys = np.array([f"e{k}" for k in range(entities)], object)
    offsets = np.arange(start * entities, (start + n) * entities)
    times = START + offsets // entities * GAP
    columns = np.ascontiguousarray(values.reshape(-1, d))
    partitions = np.zeros(len(offsets), np.int32)
    return EventBatch("noise", np.tile(keys, n), times, columns, partitions, offsets, times)


def _realised(kind: str, span: str, promised: Floats, realised: NDArray[np.int64]) -> Realised:
    draw = np.random.default_rng(1)
    picks = draw.integers(len(promised), size=(2_000, len(promised)))
    ratios = realised[picks].sum(1) / promised[picks].sum(1)
    low, high = np.percentile(ratios, [2.5, 97.5])
    return Realised(kind, span, float(promised.sum()), int(realised.sum()), float(low), float(high))


def main() -> None:
    """Print the table; end with exit code 1 if a ratio is off by more than 20 %."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--days", type=float, default=4.0)
    parser.add_argument("--budget", type=float, default=8.0, help="alerts a day and entity")
    parser.add_argument("--values", type=int, default=1, help="values of an event")
    parser.add_argument("--others", action="store_true", help="other kinds of noise")
    parser.add_argument("--detectors", nargs="+", default=["auto"], metavar="NAME")
    parser.add_argument("--combine", choices=get_args(Combination), default="any")
    parser.add_argument("--json", type=Path, help="also write the table there")
    given = parser.parse_args()
    print(
        f"{given.seeds} seeds a kind, {given.budget:g} alerts a day and entity, {given.days:g} days"
    )
    print(f"{'kind':24}{'span':12}{'promised':>10}{'realised':>10}{'ratio':>8}  95 % interval")
    rows: list[Realised] = []
    for kind in OTHERS if given.others else KINDS:
        chosen = {"detectors": given.detectors, "combine": given.combine}
        for row in measure(kind, given.seeds, given.days, given.budget, given.values, **chosen):
            rows.append(row)
            off = "" if abs(row.ratio - 1) <= HELD_WITHIN else "  off"
            print(
                f"{row.kind:24}{row.span:12}{row.promised:10.1f}{row.realised:10d}{row.ratio:8.2f}"
                f"  {row.low:.2f} to {row.high:.2f}{off}",
                flush=True,
            )
    if given.json:
        given.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    raise SystemExit(any(abs(row.ratio - 1) > HELD_WITHIN for row in rows))


if __name__ == "__main__":
    main()
