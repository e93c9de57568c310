import numpy as np
import pytest

from engine.domain.alert_policy import Budget, PValueThreshold, ScoreThreshold, Severity, severity


def test_budget_threshold_is_budget_over_events_per_day() -> None:
    thresholds = Budget(per_day=2).thresholds(np.array([86_400.0, 864_000.0]))
    assert thresholds == pytest.approx([2 / 86_400, 2 / 864_000])


def test_threshold_never_exceeds_max_p_value() -> None:
    assert Budget(per_day=2).thresholds(np.array([1.0])) == pytest.approx([1e-2])


def test_never_alerts_while_the_rate_is_unknown() -> None:
    assert Budget(per_day=2).thresholds(np.array([np.nan])) == [0.0]
    assert Budget(per_day=2).thresholds(np.array([0.0])) == [1e-2]


def test_p_value_threshold_is_constant() -> None:
    assert PValueThreshold(1e-6).thresholds(np.array([1.0, np.nan])).tolist() == [1e-6, 1e-6]


def test_score_threshold_never_flags_nan() -> None:
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
def test_severity_grows_with_distance_below_the_threshold(
    p_value: float, expected: Severity
) -> None:
    assert severity(p_value, 1e-5) is expected
