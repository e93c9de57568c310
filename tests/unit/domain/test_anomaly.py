import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.anomaly import Origin, anomaly_id, anomaly_score

ORIGIN = Origin("sensors", 3, 42)


def test_id_is_deterministic() -> None:
    # A literal, because consumers store these: a change of the rule must be a new schema version.
    assert anomaly_id("plant", "v1", ORIGIN) == "d30d50a2fd130b9ea0084a4e857d7cf6"


@pytest.mark.parametrize(
    ("pipeline", "version", "origin"),
    [
        ("plant2", "v1", ORIGIN),
        ("plant", "v2", ORIGIN),
        ("plant", "v1", Origin("sensor", 3, 42)),
        ("plant", "v1", Origin("sensors", 4, 42)),
        ("plant", "v1", Origin("sensors", 34, 2)),
    ],
)
def test_id_differs_with_any_part_of_the_origin_or_pipeline(
    pipeline: str, version: str, origin: Origin
) -> None:
    assert anomaly_id(pipeline, version, origin) != anomaly_id("plant", "v1", ORIGIN)


@pytest.mark.parametrize(
    ("p_value", "expected"), [(1.0, 0.0), (0.1, 0.1), (1e-5, 0.5), (1e-10, 1.0), (0.0, 1.0)]
)
def test_anomaly_score_is_a_tenth_per_power_of_ten(p_value: float, expected: float) -> None:
    assert anomaly_score(p_value) == pytest.approx(expected)


@given(st.floats(0, 1), st.floats(0, 1))
def test_anomaly_scores_lie_in_0_to_1_and_fall_with_the_p_value(one: float, other: float) -> None:
    low, high = sorted([one, other])

    assert 0.0 <= anomaly_score(high) <= anomaly_score(low) <= 1.0
