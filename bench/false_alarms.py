"""False alarms: their share among incidents with `alert: {fdr: ...}`, held against what was asked.

Method: for each kind of noise entities of seeds of their own, an event every ten seconds, through
the real steps `detect` and `alert` with `detectors: auto`. In every entity, after a day, spikes of
ten robust standard deviations of the noise's own are planted, so many a day; all else is noise. An
incident is false if none of its first 30 events lies at or up to three events behind a spike. The
interval is of the share, at 95 %, from resampling whole runs of entities.

    python -m bench.false_alarms [--fdr 0.1] [--entities 10] [--days 4] [--runs 20] [--spikes 1]
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np

from bench.calibration import DAY, GAP, KINDS, Floats, run
from engine.domain.alert_policy import FalseDiscoveryRate

PER_DAY = int(DAY / GAP)
AFTER = 3
"""Events behind a spike that still are its own."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one run gave: incidents, those of them that are false, spikes found and planted."""

    incidents: int
    false: int
    found: int
    planted: int


def measure(
    kind: str, share: float, entities: int, days: float, spikes: float, size: float, seed: int
) -> Share:
    """Run one kind of noise with spikes in it through the real steps.

    Args:
        kind: one of `KINDS`.
        share: false incidents accepted among all.
        entities: of seeds of their own.
        days: length of the stream in event time, the first one without spikes.
        spikes: of each entity a day.
        size: of a spike, in robust standard deviations.
        seed: of the run.
    """
    n = int(days * PER_DAY)
    draws = [np.random.default_rng([seed, entity]) for entity in range(entities)]
    columns = [KINDS[kind](draw, n) for draw in draws]
    planted = {
        (row, entity)
        for entity, draw in enumerate(draws)
        for row in draw.integers(PER_DAY, n, draw.poisson(spikes * (days - 1))).tolist()
    }
    for row, entity in planted:
        columns[entity][row] += size * _spread(columns[entity])
    _, anomalies = run(np.stack(columns, 1)[:, :, None], FalseDiscoveryRate(share))
    near = {
        (row + after, entity): (row, entity)
        for row, entity in planted
        for after in range(AFTER + 1)
    }
    incidents: dict[str, set[tuple[int, int]]] = {}
    for anomaly in anomalies:
        place = near.get(divmod(anomaly.origin.offset, entities))
        incidents.setdefault(anomaly.incident, set()).update([place] if place else [])
    found = set().union(*incidents.values())
    false = sum(not places for places in incidents.values())
    return Share(len(incidents), false, len(found), len(planted))


def _spread(values: Floats) -> float:
    return float(1.4826 * np.median(np.abs(values - np.median(values))))


def main() -> None:
    """Print the table; end with exit code 1 where more are false than accepted."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--fdr", type=float, default=0.1)
    parser.add_argument("--entities", type=int, default=10)
    parser.add_argument("--days", type=float, default=4.0)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--spikes", type=float, default=1.0, help="of each entity a day")
    parser.add_argument("--size", type=float, default=20.0, help="of a spike, in robust deviations")
    given = parser.parse_args()
    print(
        f"{given.runs} runs of {given.entities} entities, {given.days:g} days, "
        f"{given.spikes:g} spikes of {given.size:g} a day and entity, "
        f"share of false alarms {given.fdr:g}"
    )
    header = f"{'kind':24}{'incidents':>10}{'found':>8}{'accepted':>10}{'false':>8}{'ratio':>8}"
    print(f"{header}  95 % interval")
    off = False
    for kind in KINDS:
        runs = [
            measure(kind, given.fdr, given.entities, given.days, given.spikes, given.size, seed)
            for seed in range(given.runs)
        ]
        false = np.array([run.false for run in runs])
        incidents = np.array([run.incidents for run in runs])
        accepted = given.fdr * (given.days + incidents)
        picks = np.random.default_rng(1).integers(len(runs), size=(2_000, len(runs)))
        low, high = np.percentile(false[picks].sum(1) / accepted[picks].sum(1), [2.5, 97.5])
        found = sum(run.found for run in runs) / sum(run.planted for run in runs)
        ratio = false.sum() / accepted.sum()
        off |= bool(ratio > 1)
        print(
            f"{kind:24}{incidents.sum():10d}{found:8.2f}{accepted.sum():10.1f}{false.sum():8d}"
            f"{ratio:8.2f}  {low:.2f} to {high:.2f}{'  off' if ratio > 1 else ''}",
            flush=True,
        )
    raise SystemExit(off)


if __name__ == "__main__":
    main()
