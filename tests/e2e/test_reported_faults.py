"""Faults that people reported of their sensors, as files of data that a pipeline reads."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import pynomaly

START = 1_704_067_200_000
MINUTE = 60_000
DAY = 1_440
Reading = tuple[str, int, float]


def anomalies(
    folder: Path, readings: Iterable[Reading], budget: str, per: str = "pipeline"
) -> list[tuple[str, int, str]]:
    """Run a pipeline over readings; return entity, minute and kind of each anomaly."""
    lines = (
        json.dumps({"s": entity, "ts": START + minute * MINUTE, "v": round(value, 3)})
        for entity, minute, value in readings
    )
    (folder / "in.ndjson").write_text("\n".join(lines))
    found = folder / "anomalies.ndjson"
    pipeline = {
        "name": "p",
        "source": {"file": {"path": str(folder / "in.ndjson")}},
        "event": {"key": "s", "time": {"path": "ts", "unit": "ms"}, "values": ["v"]},
        "alert": {"budget": budget, "per": per},
        "sinks": {"anomalies": {"file": {"path": str(found)}}},
        "state": {"directory": str(folder / "state")},
        "metrics": None,
    }
    file = folder / "p.yaml"
    file.write_text(yaml.safe_dump(pipeline))

    pynomaly.run(file)

    documents = [json.loads(line) for line in found.read_text().splitlines()]
    return [(one["entity"], _minute(one), one["kind"]) for one in documents]


def _minute(document: dict[str, Any]) -> int:
    return int(document["time_ns"] // 10**6 - START) // MINUTE


@pytest.mark.parametrize("budget", ["1/day", "1/week"])
def test_an_error_code_that_returns_is_found_each_time(tmp_path: Path, budget: str) -> None:
    codes = range(3_000, 8_001, 1_000)

    def readings() -> Iterator[Reading]:
        draw = random.Random(1)
        for minute in range(8_600):
            usual = 20 + 3 * math.sin(2 * math.pi * minute / DAY) + draw.gauss(0, 0.2)
            yield "cellar", minute, 85.0 if minute in codes else usual

    found = anomalies(tmp_path, readings(), budget)

    assert [minute for _, minute, _ in found] == list(codes)


def test_two_spikes_with_a_usual_value_between_are_both_found(tmp_path: Path) -> None:
    draw = random.Random(2)
    values = [*(draw.gauss(10, 1) for _ in range(1_000)), 60, 10.2, 60]

    found = anomalies(tmp_path, (("a", *one) for one in enumerate(values)), "1/day")

    assert {1_000, 1_002} <= {minute for _, minute, _ in found}


@pytest.mark.parametrize("days", [4, 30, 365])
def test_the_budget_holds_after_a_gap_of_days(tmp_path: Path, days: int) -> None:
    draw = random.Random(days)
    after = (2 + days) * DAY
    minutes = [*range(2 * DAY), *range(after, after + DAY)]
    readings = [(entity, minute, draw.gauss(50, 2)) for minute in minutes for entity in "abcd"]

    found = anomalies(tmp_path, readings, "1/day", per="entity")

    assert len([one for one in found if one[1] >= after and one[2] != "absence"]) <= 4


@pytest.mark.parametrize("budget", ["1/day", "1/week"])
def test_a_sensor_that_sticks_is_found_within_four_hours(tmp_path: Path, budget: str) -> None:
    draw, sticks = random.Random(5), 3_000
    readings = [
        (f"s{number}", minute, round(draw.gauss(20, 0.5), 2) if minute < sticks else 20.31)
        for minute in range(sticks + 720)
        for number in range(8)
    ]

    found = anomalies(tmp_path, readings, budget)

    stuck = {entity for entity, minute, _ in found if sticks <= minute <= sticks + 240}
    assert stuck == {f"s{number}" for number in range(8)}


def test_each_reboot_of_an_uptime_counter_is_found_and_nothing_else(tmp_path: Path) -> None:
    def readings() -> Iterator[Reading]:
        uptime = {"reboots": 0, "steady": 0}
        for minute in range(8_000):
            for entity in uptime:
                uptime[entity] += 60
                if entity == "reboots" and minute in (2_000, 5_000):
                    uptime[entity] = 13
                yield entity, minute, uptime[entity]

    found = anomalies(tmp_path, readings(), "1/day")

    assert [one[:2] for one in found] == [("reboots", 2_000), ("reboots", 5_000)]


def test_a_sensor_that_sends_nothing_is_found_before_it_is_back(tmp_path: Path) -> None:
    draw = random.Random(9)
    silent = range(3_000, 3_360)
    readings = [
        (f"s{number}", minute, draw.gauss(20, 1))
        for minute in range(4_320)
        for number in range(12)
        if number != 7 or minute not in silent
    ]

    found = anomalies(tmp_path, readings, "1/day")

    assert any(entity == "s7" and minute in silent for entity, minute, _ in found)
