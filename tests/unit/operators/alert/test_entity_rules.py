"""Rules of the control log: they go over those of the pipeline file, for the entities they name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.domain.alert_policy import AlertPolicy, Budget, FalseDiscoveryRate
from engine.domain.anomaly import Anomaly
from engine.domain.control_change import BudgetChange, ControlChange
from engine.domain.entity_rule import EntityRule
from engine.domain.value_rule import ValueRule
from tests.unit.operators.alert.test_step import run, step_of
from tests.unit.operators.pipelines import START, events, pipeline, scored

KEYS = ["press-1", "press-2"]
ABOVE = ValueRule("above")


def found_with(
    live: tuple[EntityRule, ...], values: Any, p_values: Any, in_file: Any = ()
) -> list[Anomaly]:
    """What is found where 20 is expected of each value, with 6 on either side."""
    batch = scored(events(KEYS, values, START + np.arange(2)), p_values)
    step: Any = step_of(pipeline(rules=in_file))
    step.control(ControlChange(rules=live))
    return run(step, batch)


def test_a_direction_holds_for_the_entities_whose_keys_fit() -> None:
    live = EntityRule("rule-1", ("*-1",), direction="below")

    found = found_with((live,), [[60, 20], [60, 20]], [1e-9, 1e-9])

    assert [one.entity for one in found] == ["press-2"]
    assert found[0].rule is None


def test_an_anomaly_that_passes_names_the_record() -> None:
    live = EntityRule("rule-4", ("*",), frozenset({"a"}), direction="above", least=(5.0, 0.0))

    found = found_with((live,), [[60, 20], [20, 60]], [1e-9, 1e-9])

    assert [one.rule for one in found] == [
        {
            "value": "a",
            "direction": "above",
            "min_deviation": {"absolute": 5.0},
            "control": "rule-4",
        },
        None,
    ]


def test_a_valid_range_finds_values_outside_at_once_and_names_the_record() -> None:
    live = EntityRule("rule-2", ("press-2",), frozenset({"b"}), valid_range=(0.0, 50.0))

    found = found_with((live,), [[20, 60], [20, 60]], [np.nan, np.nan])

    assert [(one.entity, one.kind) for one in found] == [("press-2", "out_of_range")]
    assert found[0].rule == {"value": "b", "valid_range": [0.0, 50.0], "control": "rule-2"}


def test_what_a_record_does_not_say_stays_as_the_file_says_it() -> None:
    live = EntityRule("rule-1", valid_range=(None, 100.0))

    found = found_with((live,), [[-60, 20], [160, 20]], [1e-9, 1e-9], (ABOVE, None))

    assert [(one.entity, one.kind) for one in found] == [("press-2", "out_of_range")]


def test_a_later_record_goes_over_an_earlier_one() -> None:
    live = EntityRule("rule-1", direction="below"), EntityRule("rule-2", direction="both")

    found = found_with(live, [[60, 20], [-60, 20]], [1e-9, 1e-9], (ABOVE, None))

    assert [one.entity for one in found] == KEYS


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (BudgetChange("budget-1", 0.5), Budget(0.5, "entity")),
        (BudgetChange("budget-1", 9.0, "pipeline"), Budget(9.0, "pipeline")),
    ],
)
def test_a_budget_goes_over_that_of_the_file(change: BudgetChange, expected: Budget) -> None:
    in_file = Budget(10.0, "entity")

    assert ControlChange(budget=change).policy(in_file) == expected
    assert ControlChange().policy(in_file) == in_file


def test_a_budget_changes_no_other_policy() -> None:
    policy: AlertPolicy = FalseDiscoveryRate(0.1)

    assert ControlChange(budget=BudgetChange("budget-1", 1.0)).policy(policy) == policy


def test_the_threshold_follows_the_budget() -> None:
    first, second = (
        scored(events([key], [[60, 20]], START + np.arange(1)), [1e-9]) for key in KEYS
    )
    step: Any = step_of(pipeline(alert=Budget(10.0, "entity")))
    before = run(step, first)

    step.control(ControlChange(budget=BudgetChange("budget-1", 1.0)))
    after = run(step, second)

    assert before[0].threshold is not None
    assert after[0].threshold == pytest.approx(before[0].threshold / 10)
