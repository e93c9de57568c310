from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.quality import data
from bench.quality.affiliation import affiliation
from bench.quality.alert_rate import per_day, per_thousand
from bench.quality.average_precision import average_precision
from bench.quality.delay import delays
from bench.quality.roc_auc import roc_auc
from bench.quality.runs import runs_of
from bench.quality.vus import vus_pr

METRICS, ORACLE = data.folder("golden_metrics"), data.folder("affiliation")
HOUR = 3_600 * 1_000_000_000


def cases(file: Path | None, key: str) -> list[str]:
    return list(json.loads(file.read_text())[key]) if file else []


def flags(n: int, *spans: tuple[int, int]) -> NDArray[np.bool_]:
    found = np.zeros(n, bool)
    for first, last in spans:
        found[first : last + 1] = True
    return found


@pytest.mark.parametrize("seed", range(5))
def test_ranking_against_an_independent_library(seed: int) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    draw = np.random.default_rng(seed)
    labels = draw.random(500) < 0.1
    scores = np.round(draw.normal(size=500) + labels, seed)  # ties, with few digits

    assert average_precision(labels, scores) == pytest.approx(
        metrics.average_precision_score(labels, scores), abs=1e-12
    )
    assert roc_auc(labels, scores) == pytest.approx(metrics.roc_auc_score(labels, scores))


def test_the_least_score_may_be_infinitely_little() -> None:
    labels, scores = flags(4, (2, 2)), np.array([-np.inf, -np.inf, 2.0, 3.0])

    assert average_precision(labels, scores) == 0.5
    assert roc_auc(labels, scores) == pytest.approx(2 / 3)
    assert np.isfinite(vus_pr(labels, scores, 2))


def test_volume_by_hand() -> None:
    """One anomaly, found first, with no room and one row of room that an alert lies in."""
    labels, scores = flags(400, (200, 200)), np.zeros(400)
    scores[200] = 2.0

    assert vus_pr(labels, scores, 0) == pytest.approx(1.0)
    scores[201], scores[200] = 2.0, 1.0
    # Width 2 reaches one row each way, which weighs sqrt(1/2): found first.
    weight = np.sqrt(0.5)
    early = weight / (1 + weight / 2)
    full = min(1.0, (1 + weight) / (1 + weight / 2)) - early
    widths = [0.5, 0.5, early * weight + full * (1 + weight) / 2]
    assert vus_pr(labels, scores, 2) == pytest.approx(np.mean(widths))


def plainly(labels: NDArray[np.bool_], scores: NDArray[np.float64], widest: int) -> float:
    """The same volume, row by row and threshold by threshold."""
    n, runs, areas = len(labels), runs_of(labels), []
    for width in range(widest + 1):
        half, weight = width // 2, labels.astype(float)
        for first, last in runs:
            for away in range(1, half + 1):
                for row in (first - away, last + away):
                    if 0 <= row < n:
                        weight[row] = min(1.0, weight[row] + np.sqrt(1 - away / width))
        rooms: list[set[int]] = []
        for first, last in runs:
            room = set(range(max(first - half, 0), min(last + half + 1, n)))
            if rooms and rooms[-1] & room:
                rooms[-1] |= room
            else:
                rooms.append(room)
        area = before = 0.0
        for place in np.linspace(0, n - 1, 250).astype(int):
            alerts = scores >= np.sort(scores)[::-1][place]
            hits = float(weight[alerts].sum())
            reached = np.mean([alerts[sorted(room)].any() for room in rooms])
            around = float(weight[alerts & ~labels].sum())
            recall = min(hits / (labels.sum() + around / 2), 1.0) * float(reached)
            area += (recall - before) * hits / alerts.sum()
            before = recall
        areas.append(area)
    return float(np.mean(areas))


@pytest.mark.parametrize("seed", range(3))
def test_volume_row_by_row(seed: int) -> None:
    draw = np.random.default_rng(seed)
    labels = flags(300, (0, 2), (40, 44), (51, 51), (100, 130), (296, 299))
    scores = np.round(draw.normal(size=300) + labels, 1)

    assert vus_pr(labels, scores, 12) == pytest.approx(plainly(labels, scores, 12), abs=1e-12)


def test_affiliation_by_hand() -> None:
    """Ten rows, the anomaly is 4 to 6, an alert covers 7 to 8, one row away."""
    found = affiliation(flags(10, (4, 5)), flags(10, (7, 7)))

    # A random moment is no nearer than 1 to 2 away: 1 - (2 + 2 * 1.5) / 10 on the mean.
    assert found.precision == pytest.approx(0.5)
    # The anomaly is 1 to 3 from the alert; a random alert is further with 1 - 2 * 2 / 10.
    assert found.recall == pytest.approx(0.6)
    assert found.f1 == pytest.approx(2 * 0.5 * 0.6 / 1.1)


def test_affiliation_of_the_same_is_one_and_of_silence_none() -> None:
    labels = flags(50, (4, 8), (30, 30))

    assert affiliation(labels, labels) == pytest.approx((1.0, 1.0))
    silent = affiliation(labels, flags(50))
    assert np.isnan(silent.precision)
    assert silent.recall == 0


@pytest.mark.skipif(METRICS is None, reason="no data: see bench/quality/data.py")
@pytest.mark.parametrize("case", cases(METRICS and METRICS / "golden_metrics.json", "cases"))
def test_published_packages(case: str) -> None:
    assert METRICS is not None
    golden = json.loads((METRICS / "golden_metrics.json").read_text())["cases"][case]
    expected, decided = golden["TSB_AD.get_metrics"], golden["TSB_AD.get_metrics_pred"]
    with np.load(METRICS / "inputs.npz") as inputs:
        labels = inputs[f"{case}|label"].astype(bool)
        scores = inputs[f"{case}|score"].astype(np.float64)
    alerts = scores >= np.quantile(scores, 0.99)

    assert vus_pr(labels, scores, golden["slidingWindow"]) == pytest.approx(
        expected["VUS-PR"], abs=1e-9
    )
    assert average_precision(labels, scores) == pytest.approx(expected["AUC-PR"], abs=1e-9)
    assert roc_auc(labels, scores) == pytest.approx(expected["AUC-ROC"], abs=1e-9)
    assert affiliation(labels, alerts).f1 == pytest.approx(decided["Affiliation-F"], abs=1e-9)


@pytest.mark.skipif(ORACLE is None, reason="no data: see bench/quality/data.py")
@pytest.mark.parametrize("case", cases(ORACLE and ORACLE / "golden.json", "values"))
def test_published_affiliation(case: str) -> None:
    assert ORACLE is not None
    expected = json.loads((ORACLE / "golden.json").read_text())["values"][case]
    series, detector = case.split("|")
    labels, alerts = (_flags(f"{series}_{name}.gz") for name in ("groundtruth", detector))
    found = affiliation(labels, alerts)

    assert (*found, found.f1) == pytest.approx(expected, abs=1e-9)


def _flags(name: str) -> NDArray[np.bool_]:
    assert ORACLE is not None
    with gzip.open(ORACLE / "data" / name, "rt") as lines:
        return np.array([float(line) for line in lines], float) > 0


def test_runs() -> None:
    assert runs_of(flags(6, (0, 1), (3, 3), (5, 5))) == [(0, 1), (3, 3), (5, 5)]
    assert runs_of(flags(3)) == []


def test_alerts_per_thousand_and_per_day() -> None:
    alerts = [flags(49, (3, 4)), flags(25, (0, 0))]
    times = [np.arange(49) * HOUR, np.arange(25) * HOUR]

    assert per_thousand(alerts) == pytest.approx(3_000 / 74)
    assert per_day(alerts, times) == pytest.approx(1.0)


def test_delay_counts_from_the_first_row_and_leaves_out_what_was_missed() -> None:
    alerts = flags(30, (2, 2), (7, 8), (20, 20))

    assert delays(alerts, [(5, 9), (12, 15), (20, 22)]) == [2, 0]
