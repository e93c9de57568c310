import numpy as np
import pytest

from engine.domain.alert_policy import Budget, PValueThreshold, ScoreThreshold, Severity, severity


def test_an_entity_budget_is_divided_by_its_events() -> None:
    rates = np.array([86_400.0, 864_000.0])

    thresholds = Budget(per_day=2, scope="entity").thresholds(rates, rates * 10)

    assert thresholds == pytest.approx([2 / 86_400, 2 / 864_000])


def test_a_pipeline_budget_is_divided_by_all_events() -> None:
    rates, pipeline_rates = np.array([1_440.0]), np.array([1_440_000.0])

    thresholds = Budget(per_day=10).thresholds(rates, pipeline_rates)

    assert thresholds == pytest.approx([10 / 1_440_000])


def test_one_entity_cannot_use_the_budget_of_a_pipeline() -> None:
    rates = np.array([1_440.0])

    thresholds = Budget(per_day=10).thresholds(rates, rates)

    assert thresholds == pytest.approx([0.1 / 1_440])


def test_threshold_never_exceeds_max_p_value() -> None:
    rates = np.array([1.0])

    thresholds = Budget(per_day=2).thresholds(rates, rates)

    assert thresholds == pytest.approx([1e-2])


def test_never_alerts_while_the_rate_is_unknown() -> None:
    thresholds = Budget(per_day=2).thresholds(np.array([np.nan]), np.array([100.0]))

    assert thresholds.tolist() == [0.0]


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
