from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from bench.quality import data, nab

STANDARD = nab.PROFILES["standard"]
WINDOWS = [(40, 49), (80, 84)]


def sigmoid(x: float) -> float:
    return float(2 / (1 + np.exp(5 * x)) - 1)


def by_hand() -> np.ndarray:
    """100 rows, 15 of probation: one early find, one false alert before and one behind it."""
    scores = np.zeros(100)
    scores[[3, 20, 45, 48, 52]] = 9, 3, 4, 8, 5
    return scores


@pytest.mark.parametrize(
    ("threshold", "found", "false"),
    [
        (10.0, 0.0, 0.0),
        (8.0, sigmoid(-0.2) / sigmoid(-1), 0.0),
        (5.0, sigmoid(-0.2) / sigmoid(-1), sigmoid(3 / 9)),
        (4.0, sigmoid(-0.5) / sigmoid(-1), sigmoid(3 / 9)),
        (3.0, sigmoid(-0.5) / sigmoid(-1), sigmoid(3 / 9) - 1),
    ],
)
@pytest.mark.parametrize("name", nab.PROFILES)
def test_a_case_by_hand(name: str, threshold: float, found: float, false: float) -> None:
    profile = nab.PROFILES[name]
    score = nab.score_at([(by_hand(), WINDOWS)], threshold, profile)
    missed = 1 + (found == 0)
    raw = profile.found * found + profile.false * false - profile.missed * missed

    assert score.raw == pytest.approx(raw, abs=1e-12)
    floor = -2 * profile.missed
    assert score.value == pytest.approx(100 * (raw - floor) / (2 * profile.found - floor))


def test_the_price_of_a_false_alert_rises_behind_a_window_until_it_is_whole() -> None:
    inside, value = nab.worth(100, [(40, 49)])

    assert inside[[39, 40, 49, 50]].tolist() == [-1, 0, 0, -1]
    assert value[[0, 39, 77, 99]].tolist() == [-1, -1, -1, -1]
    for row in (50, 60, 75, 76):
        assert value[row] == pytest.approx(sigmoid((row - 49) / 9), abs=1e-12)
    assert value[40] == 1


def test_the_best_threshold_is_the_best_of_all() -> None:
    draw = np.random.default_rng(1)
    files = [(draw.integers(0, 40, 300) / 40, [(60, 90), (200, 220)]) for _ in range(5)]

    for profile in nab.PROFILES.values():
        every = [nab.score_at(files, k / 40, profile) for k in range(40)]
        silent = nab.score_at(files, np.inf, profile)
        best = nab.best(nab.sweep(files), profile)
        assert best.value == pytest.approx(max(score.value for score in [*every, silent]))
        assert best == nab.score_at(files, best.threshold, profile)


def test_the_published_weights() -> None:
    assert nab.PROFILES == {
        "standard": (1, 0.11, 1),
        "reward_low_FP_rate": (1, 0.22, 1),
        "reward_low_FN_rate": (1, 0.11, 2),
    }


def test_silence_is_nought_and_a_first_row_in_every_window_a_hundred() -> None:
    scores = np.zeros(100)

    assert nab.score_at([(scores, WINDOWS)], 0.5, STANDARD).value == 0
    scores[[40, 80]] = 1
    assert nab.score_at([(scores, WINDOWS)], 0.5, STANDARD).value == pytest.approx(100)


def test_nan_never_alerts() -> None:
    scores = by_hand()
    scores[[20, 48]] = np.nan
    score = nab.score_at([(scores, WINDOWS)], -np.inf, STANDARD)

    assert score.false == 85 - 15 - 1
    assert score.found == 2


def test_an_interval_holds_the_score() -> None:
    draw = np.random.default_rng(2)
    files = []
    for _ in range(20):
        scores = draw.random(400)
        scores[200 + draw.integers(40)] += draw.random()
        files.append((scores, [(200, 240)]))
    curves = nab.sweep(files)
    low, high = nab.interval(curves, STANDARD)

    assert low < nab.best(curves, STANDARD).value < high


ROOT = data.folder("nab")
needs_nab = pytest.mark.skipif(ROOT is None, reason="NAB is not there: see bench/quality/data.py")


@pytest.fixture(scope="module")
def windows() -> dict[str, list[tuple[int, int]]]:
    assert ROOT is not None
    labels = json.loads((ROOT / "labels/combined_windows.json").read_text())
    return {name: nab.place(_stamps(ROOT / "data" / name), _plain(labels[name])) for name in labels}


def _stamps(file: Path) -> list[str]:
    with file.open() as lines:
        return [row["timestamp"] for row in csv.DictReader(lines)]


def _plain(edges: list[list[str]]) -> list[list[str]]:
    return [[edge.partition(".")[0] for edge in pair] for pair in edges]


def published() -> list[str]:
    return list(json.loads((ROOT / "golden_rescore.json").read_text())) if ROOT else []


@needs_nab
@pytest.mark.parametrize("name", published())
def test_published_scores(name: str, windows: dict[str, list[tuple[int, int]]]) -> None:
    assert ROOT is not None
    golden = json.loads((ROOT / "golden_rescore.json").read_text())[name]
    final = json.loads((ROOT / "results/final_results.json").read_text()).get(name, {})
    with np.load(ROOT / f"detector_scores/{name}.npz") as scores:
        files: dict[str, nab.File] = {
            file: (scores[file.removesuffix(".csv")], rows) for file, rows in windows.items()
        }

    for kind, profile in nab.PROFILES.items():
        threshold = golden[kind]["threshold_in_thresholds_json"]
        score = nab.score_at(files.values(), threshold, profile)
        assert score.raw == pytest.approx(golden[kind]["raw_at_that_threshold"], abs=1e-6)
        assert score.value == pytest.approx(golden[kind]["normalized_at_that_threshold"], abs=1e-6)
        assert score.value == pytest.approx(final.get(kind, score.value), abs=1e-6)


@needs_nab
def test_published_scores_of_each_file_and_of_the_sweep(
    windows: dict[str, list[tuple[int, int]]],
) -> None:
    """ARTime's thresholds are those of upstream's newest sweep."""
    assert ROOT is not None
    golden = json.loads((ROOT / "golden_rescore.json").read_text())["ARTime"]
    with np.load(ROOT / "detector_scores/ARTime.npz") as scores:
        files = {file: scores[file.removesuffix(".csv")] for file in windows}
    curves = nab.sweep([(files[file], windows[file]) for file in files])

    for kind, profile in nab.PROFILES.items():
        threshold = golden[kind]["threshold_in_thresholds_json"]
        best = nab.best(curves, profile)
        assert best.threshold == pytest.approx(threshold)
        assert best.value == pytest.approx(golden[kind]["published_final_results"], abs=1e-6)
        with (ROOT / f"results/ARTime/ARTime_{kind}_scores.csv").open() as lines:
            published = {row["File"]: float(row["Score"]) for row in csv.DictReader(lines)}
        for file in files:
            curve = nab.curve_of(files[file], windows[file], np.array([threshold]))
            assert curve.raw(profile)[0] == pytest.approx(published[file], abs=1e-6), file
