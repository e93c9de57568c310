from __future__ import annotations

import numpy as np
import pytest

from bench.quality.onset_rule import onsets, thresholds


def rows(scores: dict[int, float], n: int, beats: float = np.inf) -> list[int]:
    series = np.zeros(n)
    series[list(scores)] = list(scores.values())
    return [int(row) for row in np.flatnonzero(onsets(series, 5.0, beats))]


@pytest.mark.parametrize(("first", "last"), [(100, 120), (5_000, 5_154), (50_000, 50_400)])
def test_a_story_lasts_a_share_of_what_was_seen_within_bounds(first: int, last: int) -> None:
    assert rows({first: 6.0, last: 6.0}, 60_000) == [first]
    assert rows({first: 6.0, last + 1: 6.0}, 60_000) == [first, last + 1]


def test_reports_the_onset_and_not_its_continuation() -> None:
    """Quiet is counted from the last alert that was sent, not from the last above the threshold."""
    assert rows({100: 6.0, 115: 6.0, 125: 6.0}, 200) == [100, 125]


def test_a_far_greater_score_is_another_story() -> None:
    assert rows({100: 6.0, 105: 8.9}, 200, beats=3.0) == [100]
    assert rows({100: 6.0, 105: 9.1, 106: 12.0}, 200, beats=3.0) == [100, 105]
    assert rows({100: 6.0, 105: 900.0}, 200) == [100]


def test_nan_and_what_lies_below_never_alert() -> None:
    assert onsets(np.array([np.nan, 4.9, 5.0]), 5.0).tolist() == [0, 0, 1]


def test_thresholds_fall_from_the_rarest_to_one_in_twenty() -> None:
    series = [np.append(np.arange(5_000.0), np.nan), np.arange(5_000.0, 10_000.0)]
    swept = thresholds(series)

    assert (np.diff(swept) < 0).all()
    assert swept[0] == 9_999
    assert swept[-1] == pytest.approx(9_500, abs=1)
