from __future__ import annotations

from typing import Any

import pytest

from bench.quality.comparison import falls


def results(figures: dict[str, float | None], events: int = 100) -> dict[str, Any]:
    return {"nab": {"auto": {"events": events, "compared": figures}}}


@pytest.mark.parametrize(
    ("name", "was", "now", "fell"),
    [
        ("swept, standard", 60.0, 59.6, False),
        ("swept, standard", 60.0, 59.4, True),
        ("swept, standard", 60.0, 70.0, False),
        ("swept, standard", 0.4, -0.2, True),
        ("http, ROC AUC", 0.95, 0.941, False),
        ("http, ROC AUC", 0.95, 0.939, True),
        ("VUS-PR", 0.3, 0.28, True),
        ("average precision", 0.3, 0.28, True),
        ("affiliation recall", 0.3, 0.28, True),
        ("alerts per 1,000", 1.0, 1.2, False),
        ("alerts per 1,000", 1.0, 1.3, True),
        ("alerts per 1,000", 1.0, 0.1, False),
        ("VUS-PR", 0.3, None, True),
        ("VUS-PR", None, 0.3, False),
    ],
)
def test_tolerances(name: str, was: float | None, now: float | None, fell: bool) -> None:
    assert bool(falls(results({name: was}), results({name: now}))) is fell


def test_a_figure_that_is_gone_fell() -> None:
    assert falls(results({"one": 1.0, "two": 2.0}), results({"one": 1.0})) == [
        "nab, auto: two was 2, is missing"
    ]


def test_other_data_and_what_was_not_run_are_not_compared() -> None:
    assert falls(results({"one": 9.0}, events=90), results({"one": 1.0})) == []
    assert falls({}, results({"one": 1.0})) == []
    assert falls(results({"one": 9.0}), {}) == []
