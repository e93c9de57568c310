from __future__ import annotations

import pytest

from engine.domain.value_rule import ValueRule


@pytest.mark.parametrize(
    ("rule", "kind", "value", "objection"),
    [
        (ValueRule("above"), "spike", 11.0, None),
        (ValueRule("above"), "spike", 9.0, "direction"),
        (ValueRule("above"), "spike", 10.0, "direction"),
        (ValueRule("below"), "shift", 9.0, None),
        (ValueRule("below"), "outlier", 11.0, "direction"),
        (ValueRule("above"), "stuck", 9.0, None),
        (ValueRule("above"), "burst", 9.0, None),
        (ValueRule(absolute=2.0), "spike", 12.0, None),
        (ValueRule(absolute=2.0), "spike", 8.1, "min_deviation"),
        (ValueRule(relative=0.1), "drift", 11.0, None),
        (ValueRule(relative=0.1), "drift", 10.9, "min_deviation"),
        (ValueRule(absolute=0.5, relative=0.2), "spike", 11.0, "min_deviation"),
        (ValueRule(absolute=2.0), "burst", 11.0, "min_deviation"),
        (ValueRule(absolute=2.0), "calm", 10.1, None),
    ],
)
def test_a_rule_says_which_deviations_from_ten_matter(
    rule: ValueRule, kind: str, value: float, objection: str | None
) -> None:
    assert rule.objection(kind, value, 10.0) == objection


def test_the_relative_deviation_is_of_the_expected_size_whatever_its_sign() -> None:
    rule = ValueRule(relative=0.1)

    objections = [rule.objection("spike", value, -10.0) for value in (-10.5, -12.0)]

    assert objections == ["min_deviation", None]


def test_a_rule_without_a_gate_objects_to_nothing() -> None:
    rule = ValueRule(low=0.0)

    assert not rule.gates
    assert rule.bounds
    assert rule.objection("spike", -5.0, 10.0) is None
