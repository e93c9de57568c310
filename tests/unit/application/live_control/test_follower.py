"""What a process says of the control records that its tasks apply."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.application.live_control.follower import ControlFollower
from engine.application.live_control.log_file import ControlLog
from engine.application.live_control.records import ControlRecord
from engine.application.live_control.task_control import TaskControl
from engine.application.ports import RunContext


def write(log: ControlLog, said: dict[str, Any], kind: str = "pause") -> None:
    def make(number: int) -> ControlRecord:
        common = {"who": "anna", "when": "2026-03-01T00:00:00+00:00"}
        fields = {"id": f"{kind}-{number}", "number": number, kind: said}
        return ControlRecord.model_validate(common | fields)

    log.append(make)


def applied_by(folder: Path, own: TaskControl) -> tuple[TaskControl, float]:
    """Apply the log as a new process does; return the state and the metric of pauses."""
    context = RunContext("plant")
    follower = ControlFollower(ControlLog(folder), context)
    follower.look()
    taken = follower.take("0", own, 5)
    shown = context.telemetry.registry.get_sample_value
    count = shown("pynomaly_control_records", {"kind": "pause"})
    assert count is not None
    return (own if taken is None else taken[0]), count


def test_counts_what_a_run_before_has_applied(tmp_path: Path) -> None:
    write(ControlLog(tmp_path), {"entities": ["a"]})
    stored, first = applied_by(tmp_path, TaskControl())

    _, again = applied_by(tmp_path, stored)

    assert (first, again) == (1, 1)


def test_logs_what_is_still_in_force_and_the_records_that_are_new(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "pynomaly.control")
    log = ControlLog(tmp_path)
    write(log, {"entities": ["a"]})
    stored, _ = applied_by(tmp_path, TaskControl())
    write(log, {"entities": ["b"]})
    caplog.clear()

    applied_by(tmp_path, stored)

    assert [record.message.split(" by ")[0] for record in caplog.records] == [
        "control: still in force in partition 0: pause-1",
        "control: pause-2",
    ]


def test_logs_a_budget_that_overrides_that_of_the_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "pynomaly.control")
    write(ControlLog(tmp_path), {"budget": "9/day", "per": "pipeline"}, "budget")
    stored, _ = applied_by(tmp_path, TaskControl())
    caplog.clear()

    applied_by(tmp_path, stored)

    assert [record.message for record in caplog.records] == [
        "control: still in force in partition 0: budget-1: the alert budget is 9/day per pipeline, "
        "not that of the file"
    ]
