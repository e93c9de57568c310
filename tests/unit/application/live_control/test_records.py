"""Records of the control log: what they say, and how they are read and written."""

from __future__ import annotations

from typing import Any

import pytest

from engine.application.live_control.records import ControlRecord, read_record
from engine.domain.control_change import BudgetChange
from engine.domain.errors import FatalError

COMMON = {"who": "anna", "when": "2026-03-01T00:00:00+00:00"}


def record(kind: str, content: dict[str, Any]) -> ControlRecord:
    return ControlRecord.model_validate({"id": f"{kind}-1", "number": 1, **COMMON, kind: content})


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("rule", {"values": ["t"], "direction": "above", "min_deviation": {"absolute": 2.0}}),
        ("rule", {"entities": ["press-*"], "valid_range": [None, 80.0]}),
        ("budget", {"budget": "3/week", "per": "entity"}),
    ],
)
def test_a_record_is_read_as_it_was_written(kind: str, content: dict[str, Any]) -> None:
    written = record(kind, content)

    assert read_record(written.line()) == written


def test_a_budget_says_its_alerts_a_day() -> None:
    assert record("budget", {"budget": "1/hour"}).budget_change() == BudgetChange("budget-1", 24.0)


@pytest.mark.parametrize("budget", ["many", "0/day", "2"])
def test_refuses_a_budget_that_is_no_rate(budget: str) -> None:
    line = record("budget", {"budget": "1/day"}).line().replace(b"1/day", budget.encode())

    with pytest.raises(FatalError, match="expected a number more than 0 per hour, day or week"):
        read_record(line)
