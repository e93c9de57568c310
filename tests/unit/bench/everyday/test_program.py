"""The program: a table of some situations, results that are kept and compared, reading, noise."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.everyday import product
from bench.everyday.__main__ import main
from bench.everyday.comparison import falls
from bench.everyday.figures import figures, spearman
from bench.everyday.noise import NOISES, tell
from bench.everyday.results import BEFORE, DEVELOPMENT, RECORD, Results
from bench.everyday.run import run, streams
from bench.everyday.situations import SITUATIONS
from bench.everyday.table import collect


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    chosen = [SITUATIONS[name] for name in ("spike_white", "quiet_constant")]
    return collect(run(chosen, 1, say=lambda _line: None))


def test_a_detector_finds_plain_spikes_and_is_silent_on_constants(found: dict[str, Any]) -> None:
    own = found["product"][product.DEFAULT]

    assert own["kinds"]["spike"]["plain_found"] >= 0.9
    assert own["situations"]["quiet_constant"]["false_a_day"] == 0


def test_a_stream_does_not_depend_on_what_else_is_run() -> None:
    both = [SITUATIONS[name] for name in ("quiet_constant", "spike_white")]

    _, (_, _, second) = streams(both, 1, 1_000)
    ((_, _, alone),) = streams(both[1:], 1, 1_000)

    assert np.array_equal(second.values, alone.values)


def test_all_budgets_are_judged(found: dict[str, Any]) -> None:
    assert list(found["product"]) == list(product.BUDGETS)


def test_the_table_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--situations", "spike_wh*", "--budget", "10/day"]) == 0

    printed = capsys.readouterr().out
    assert "`spike_white`" in printed
    assert "1 situations, 1 seed from 1000" in printed
    assert "Rivals, and the product on the entities of the forest, are of an earlier run" in printed


def test_reading_shows_faults_and_what_became_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--read", "spike_error_code"]) == 0

    printed = capsys.readouterr().out
    assert printed.count(">>> PLAIN spike") == 80
    assert "expected" in printed
    assert "incidents: " in printed.splitlines()[-1]


def test_results_are_kept_and_the_page_is_of_the_record(
    found: dict[str, Any], tmp_path: Path
) -> None:
    Results(DEVELOPMENT, tmp_path).write(found, "Of development.")
    Results(RECORD, tmp_path).write(found, "Of the record.")
    Results(DEVELOPMENT, tmp_path).write(found, "Of development.")

    assert "Of the record." in (tmp_path / "results.md").read_text()
    assert "spike" in (tmp_path / "results.svg").read_text()
    assert set(json.loads((tmp_path / "results.json").read_text())) == {DEVELOPMENT, RECORD}


def test_a_record_without_the_product_is_not_shown_yet(
    found: dict[str, Any], tmp_path: Path
) -> None:
    Results(DEVELOPMENT, tmp_path).write(found, "Of development.")
    Results(RECORD, tmp_path).write({BEFORE: found["product"]}, "Of the record.")

    assert "Of development." in (tmp_path / "results.md").read_text()
    assert list(Results(RECORD, tmp_path).joined(found)) == ["product", BEFORE]


def test_rivals_that_were_not_run_stay(found: dict[str, Any], tmp_path: Path) -> None:
    Results(DEVELOPMENT, tmp_path).write({**found, "rules": found["product"]}, "")

    assert list(Results(DEVELOPMENT, tmp_path).joined(found)) == ["product", "rules"]


def test_equal_results_are_not_worse(found: dict[str, Any], tmp_path: Path) -> None:
    Results(DEVELOPMENT, tmp_path).write(found, "")

    assert Results(DEVELOPMENT, tmp_path).worse(found, whole=True) == []


@pytest.mark.parametrize(
    ("level", "name", "head", "number", "fell"),
    [
        ("kinds", "spike", "plain_found", 0.5, True),
        ("situations", "spike_white", "plain_found", 0.5, True),
        ("situations", "spike_white", "plain_found", None, True),
        ("situations", "quiet_constant", "false_a_day", 0.25, False),
        ("situations", "quiet_constant", "false_a_day", 0.4, True),
        ("situations", "spike_white", "delay", 900.0, False),
    ],
)
def test_tolerances(
    found: dict[str, Any], level: str, name: str, head: str, number: float | None, fell: bool
) -> None:
    now = copy.deepcopy(found["product"])
    now[product.DEFAULT][level][name][head] = number

    lines = falls(found["product"], now, whole=True)

    assert bool(lines) is fell
    assert all(name in line and head in line for line in lines)


def test_kinds_are_compared_of_whole_runs_only(found: dict[str, Any]) -> None:
    now = copy.deepcopy(found["product"])
    now[product.DEFAULT]["kinds"]["spike"]["plain_found"] = 0.0

    assert falls(found["product"], now, whole=False) == []


def test_figures_of_nothing_are_unknown() -> None:
    empty = figures([])

    assert np.isnan([empty.plain_found, empty.delay, empty.precision, empty.order]).all()


def test_rank_correlation() -> None:
    sizes = np.array([1.0, 2.0, 3.0, 4.0])

    assert spearman(sizes, sizes**3) == pytest.approx(1)
    assert spearman(sizes, -sizes) == pytest.approx(-1)
    assert spearman(sizes, np.array([1.0, 1.0, 2.0, 2.0])) == pytest.approx(0.894, abs=1e-3)
    assert np.isnan(spearman(sizes, np.ones(4)))


def test_noise_is_scored_by_any_detector(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--noise", "gaussian", "--entities=3", "--days=2", "--detectors", "zscore"]) == 0

    assert "detectors: zscore." in capsys.readouterr().out


@pytest.mark.parametrize("kind", list(NOISES))
def test_noise_of_each_kind_is_scored(kind: str) -> None:
    tally = tell(kind, entities=5, days=3)

    assert tally.events > 1_500
    assert tally.seconds > 0
