import numpy as np
import pytest

from engine.domain.alert_policy import Budget, PValueThreshold, ScoreThreshold, Severity, severity


def test_a_budget_is_spent_over_the_events_of_a_day() -> None:
    thresholds = Budget(per_day=2).thresholds(np.array([86_400.0, 864_000.0]))
    assert thresholds == pytest.approx([2 / 86_400, 2 / 864_000])


def test_rare_events_never_make_common_scores_alerts() -> None:
    assert Budget(per_day=2).thresholds(np.array([1.0])) == pytest.approx([1e-2])


def test_nothing_alerts_while_the_rate_is_unknown_or_zero_days_old() -> None:
    assert Budget(per_day=2).thresholds(np.array([np.nan])) == [0.0]
    assert Budget(per_day=2).thresholds(np.array([0.0])) == [1e-2]


def test_a_p_value_threshold_is_the_same_everywhere() -> None:
    assert PValueThreshold(1e-6).thresholds(np.array([1.0, np.nan])).tolist() == [1e-6, 1e-6]


def test_a_score_threshold_ignores_warm_up() -> None:
    scores = np.array([7.9, 8.0, 8.1, np.nan])
    assert ScoreThreshold("zscore", 8.0).flags(scores).tolist() == [False, False, True, False]


@pytest.mark.parametrize(
    ("p_value", "expected"),
    [
        (1e-5, Severity.MINOR),
        (1.1e-6, Severity.MINOR),
        (1e-6, Severity.MAJOR),
        (1.1e-8, Severity.MAJOR),
        (1e-8, Severity.CRITICAL),
        (0.0, Severity.CRITICAL),
    ],
)
def test_severity_grows_by_powers_of_the_threshold(p_value: float, expected: Severity) -> None:
    assert severity(p_value, 1e-5) is expected
