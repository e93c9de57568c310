from __future__ import annotations

import numpy as np
import pytest

from operators.detectors.auto import curve

BARS = np.stack([[3.0, 5.0], [4.0, 6.0], [4.5, 7.0]])
"""Scores at p = 1e-2, 10**-2.25 and 10**-2.5, after 75 events and after 150."""


@pytest.mark.parametrize(
    ("score", "seen", "power"),
    [
        (0.0, 75, 0.0),
        (1.5, 75, 1.0),
        (3.0, 75, 2.0),
        (3.5, 75, 2.125),
        (4.5, 75, 2.5),
        (4.0, 75 * 2**0.5, 2.0),
        (3.0, 1, 2.0),
        (5.5, 75, 2.5 + curve.BEYOND),
    ],
)
def test_scores_between_the_bars(score: float, seen: float, power: float) -> None:
    assert curve.power_of(score, seen, BARS) == pytest.approx(power)


def test_more_is_rarer_and_many_events_end_in_the_last_column() -> None:
    scores = np.linspace(0, 30, 301)
    for seen in (10.0, 100.0, 150.0, 1e9):
        powers = [curve.power_of(score, seen, BARS) for score in scores]
        assert (np.diff(powers) > 0).all()
    assert curve.power_of(7.0, 1e9, BARS) == pytest.approx(2.5, abs=0.01)
    # Not as the last piece, whose slope is half of that here.
    assert curve.power_of(8.0, 1e9, BARS) == pytest.approx(2.5 + curve.BEYOND, abs=0.01)
