"""The runner on a made stream, through the steps that production runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from bench.quality import data, nab
from bench.quality.__main__ import main
from bench.quality.average_precision import average_precision
from bench.quality.corpora import corpora
from bench.quality.judges import judge_each, judge_nab, judge_together
from bench.quality.plot import bars
from bench.quality.series import Corpus, Series
from bench.quality.table import markdown
from engine.application import registry
from engine.domain.detector import ExplainingBank

ROWS, GAP, START = 4_000, 60 * 1_000_000_000, 1_767_225_600 * 1_000_000_000
WINDOWS = [(1_500, 1_599), (3_000, 3_199)]
AT = [1_520, 3_050]


def made(quick: bool, height: float = 40.0) -> list[Series]:
    """Noise, in each window one spike at a known row; quick leaves out one series of three."""
    found = []
    for seed in range(2 if quick else 3):
        values = np.random.default_rng(seed).normal(100, 2, (ROWS, 1))
        values[AT] += height
        found.append(Series(f"s{seed}", START + np.arange(ROWS) * GAP, values, WINDOWS))
    return found


def pair(quick: bool) -> list[Series]:
    """Two values, strange together and for a while; the first half is not judged."""
    values = np.random.default_rng(9).normal(size=(ROWS, 2))
    values[3_000:3_040] += 6
    return [Series("pair", START + np.arange(ROWS) * GAP, values, [(3_000, 3_039)], ROWS // 2)]


CORPORA = [
    Corpus("nab", "made", made, judge_nab),
    Corpus("pair", "made", pair, judge_together),
    Corpus("each", "made", pair, judge_each),
]


def run(folder: Path, *arguments: str, present: Sequence[Corpus] = CORPORA) -> int:
    return main(["--quick", *arguments], present, folder)


@pytest.fixture(scope="module")
def accepted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("quality")
    assert run(folder) == 0
    return folder


def of(folder: Path, corpus: str, detector: str) -> dict[str, float]:
    result = json.loads((folder / "results.json").read_text())["quick"][corpus][detector]
    return {**result["compared"], **result["others"]}


def direct(series: Series) -> tuple[np.ndarray, np.ndarray]:
    """Scores and p-values of onsets of `auto` without any of the steps."""
    names = [f"v{j}" for j in range(series.values.shape[1])]
    detector = registry.detector_family("auto").create("auto", {}, names)
    slots, learn = np.zeros(len(series), np.int32), np.ones(len(series), bool)
    bank = detector.bank(1)
    assert isinstance(bank, ExplainingBank)
    explained = bank.score_and_explain(slots, series.values, learn, series.times)
    return explained.scores, explained.onset_p_values


def test_scores_of_spikes_that_nothing_else_reaches(accepted: Path) -> None:
    """By hand: each window is found at its spike, and nothing else is an alert."""
    sigmoids = [2 / (1 + np.exp(-5 * left)) - 1 for left in (80 / 100, 150 / 200, 1)]
    mean = sum(sigmoids[:2]) / 2 / sigmoids[2]

    for detector in ("zscore", "half_space_trees"):
        figures = of(accepted, "nab", detector)
        assert figures["swept, standard"] == pytest.approx(50 * (1 + mean), abs=1e-5)
        assert figures["onsets swept, standard"] == pytest.approx(50 * (1 + mean), abs=1e-5)
        assert figures["swept, low FN"] == pytest.approx(100 * (2 + mean) / 3, abs=1e-5)
        assert figures["median delay, events"] == 35
        for way in ("swept", "onsets swept", "p swept"):
            assert figures[f"{way}, 5 % of resamples"] <= figures[f"{way}, standard"] + 1e-6
            assert figures[f"{way}, standard"] <= figures[f"{way}, 95 % of resamples"] + 1e-6


def test_figures_are_those_of_the_scores_themselves(accepted: Path) -> None:
    figures, series = of(accepted, "nab", "auto"), made(True)
    scored = [direct(one) for one in series]
    alerts = [p <= 1e-3 for _, p in scored]
    for name, profile in (("standard", "standard"), ("low FP", "reward_low_FP_rate")):
        raw = nab.best(nab.sweep([(raw, WINDOWS) for raw, _ in scored]), nab.PROFILES[profile])
        decided = [(one.astype(float), WINDOWS) for one in alerts]
        at = nab.score_at(decided, 0.5, nab.PROFILES[profile])
        assert figures[f"swept, {name}"] == pytest.approx(raw.value, abs=1e-5)
        assert figures[f"p <= 1e-3, {name}"] == pytest.approx(at.value, abs=1e-5)
    count = sum(int(one.sum()) for one in alerts)

    assert count >= 4
    assert figures["alerts per 1,000"] == pytest.approx(1_000 * count / (2 * ROWS), abs=1e-5)
    days = 2 * (ROWS - 1) * GAP / (86_400 * 1_000_000_000)
    assert figures["alerts per day"] == pytest.approx(count / days, abs=1e-5)
    first = [int(np.flatnonzero(one[a : b + 1])[0]) for one in alerts for a, b in WINDOWS]
    assert figures["median delay, events"] == np.median(first)
    assert figures["anomalies with an alert"] == 1


def test_only_what_counts_is_judged(accepted: Path) -> None:
    series = pair(True)[0]
    raw = direct(series)[0][ROWS // 2 :]
    expected = average_precision(series.labels[ROWS // 2 :], raw)

    assert of(accepted, "pair", "auto")["average precision"] == pytest.approx(expected, abs=1e-5)
    assert of(accepted, "each", "auto")["pair, ROC AUC"] > 0.99


def test_equal_results_hold_and_the_table_shows_them(
    accepted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = json.loads((accepted / "results.json").read_text())["quick"]

    assert run(accepted) == 0
    after = json.loads((accepted / "results.json").read_text())["quick"]
    for corpus in before:
        for detector in before[corpus]:
            for part in ("compared", "others"):
                assert after[corpus][detector][part] == before[corpus][detector][part]
    figures, page = of(accepted, "nab", "auto"), capsys.readouterr().out
    profiles = ("standard", "low FP", "low FN")
    ways = ("swept", "onsets swept", "p swept", "p <= 1e-3", "sent at 10/day")
    cells = ["/".join(f"{figures[f'{way}, {p}']:.1f}" for p in profiles) for way in ways]
    assert f"| auto | {' | '.join(cells)} |" in page
    assert "fell" not in page


def test_a_worse_result_is_red_and_not_written(
    tmp_path: Path, accepted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "results.json"
    file.write_text((accepted / "results.json").read_text())
    before = file.read_text()
    buried = Corpus("nab", "made", lambda quick: made(quick, height=3.0), judge_nab)

    assert run(tmp_path, present=[buried]) == 1
    assert "fell: nab, auto: p swept, standard was" in capsys.readouterr().out
    assert file.read_text() == before
    assert run(tmp_path, "--accept", present=[buried]) == 0
    assert file.read_text() != before


def test_named_detectors_are_compared_and_the_others_stay(tmp_path: Path, accepted: Path) -> None:
    file = tmp_path / "results.json"
    results = json.loads((accepted / "results.json").read_text())
    results["quick"]["nab"]["zscore"]["compared"]["swept, standard"] += 1
    results["quick"]["nab"]["auto"]["compared"]["swept, standard"] -= 1
    file.write_text(json.dumps(results))

    assert run(tmp_path, "--detectors", "auto", "--corpora", "nab") == 0
    written = json.loads(file.read_text())["quick"]
    assert written["nab"]["zscore"] == results["quick"]["nab"]["zscore"]
    assert written["pair"] == results["quick"]["pair"]
    whole = of(accepted, "nab", "auto")["swept, standard"]
    assert written["nab"]["auto"]["compared"]["swept, standard"] == whole
    assert run(tmp_path, "--detectors", "zscore", "--corpora", "nab") == 1


def test_the_page_says_which_rows_are_of_another_commit(accepted: Path) -> None:
    results = json.loads((accepted / "results.json").read_text())["quick"]

    assert "Measured at" not in markdown(results, {})
    results["nab"]["zscore"]["commit"] = "0123abc"
    results["nab"]["zscore"]["parameters"] = {"window": 9}
    page = markdown(results, {})
    assert page.count("Measured at 0123abc: zscore.") == 1
    assert page.count("Measured at") == 2
    assert "Not the default: zscore (window 9)." in page


def test_a_detector_that_fails_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("pyod")

    assert run(tmp_path, "--detectors", "pyod.MAD", "--corpora", "pair") == 0
    assert "not run: pyod.MAD does not work" in capsys.readouterr().out


def test_unknown_names_and_no_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run(tmp_path, "--detectors", "zcore")

    assert "no zcore" in capsys.readouterr().err
    assert run(tmp_path, present=[]) == 2
    assert data.VARIABLE in capsys.readouterr().err


def test_bars_are_drawn_to_scale() -> None:
    figures = {"auto": {"compared": {"VUS-PR": 0.5}}, "other": {"compared": {"VUS-PR": 0.25}}}
    drawn = bars({"tsbad": figures})

    assert drawn.index("auto") < drawn.index("other")
    assert 'width="115.0"' in drawn
    assert 'width="57.5"' in drawn


def test_the_folder_is_named_by_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(data.VARIABLE, str(tmp_path))

    assert corpora() == []
    (tmp_path / "nab").mkdir()
    assert [corpus.name for corpus in corpora()] == ["nab"]


@pytest.mark.skipif(data.folder("nab") is None, reason="no data: see bench/quality/data.py")
def test_all_of_nab_is_read() -> None:
    series = corpora()[0].load(False)

    assert len(series) == 58
    assert sum(len(one) for one in series) == 365_558
    assert sum(len(one.anomalies) for one in series) == 116
