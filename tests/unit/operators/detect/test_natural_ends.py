"""Keys that end for good are not absences where keys come and go; fixed sensors are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain.batch import EventBatch
from engine.domain.entity_report import Presence
from engine.domain.pipeline import Pipeline
from operators.detect.step import detect_step
from tests.unit.operators.detect.test_absence import (
    CONTEXT,
    DAY,
    HOUR,
    MINUTE,
    anomalies_and_incidents,
    scored,
    spec,
)
from tests.unit.operators.pipelines import SECOND, START, cut, events

Life = tuple[str, float, float]
"""Key, first and last second of an entity."""


def stream(lives: list[Life], every: float) -> EventBatch:
    """Events of entities that send every so many seconds while they live."""
    rng = np.random.default_rng(4)
    keys: list[str] = []
    times: list[Any] = []
    for key, begin, end in lives:
        own = np.arange(begin + rng.uniform(0, every), end, every)
        times.append(own + rng.uniform(0, 0.1 * every, len(own)))
        keys += [key] * len(own)
    joined = np.concatenate(times)
    order = joined.argsort(kind="stable")
    moments = START + (joined[order] * SECOND).astype(np.int64)
    return events([keys[k] for k in order], np.zeros((len(keys), 1)), moments)


def wide(**changes: Any) -> Pipeline:
    return spec(values=("a",), memory_bytes=64 * 2**20, **changes)


def absent(batch: EventBatch) -> list[str]:
    """Keys that were found absent; the task has an empty one."""
    found = [one for part in scored(wide(), batch) for one in part.absences]
    return [one.entity for one in found if not one.is_over]


def sensors(count: int, days: float, stop: dict[int, float] | None = None) -> list[Life]:
    return [(f"sensor-{k}", 0.0, (stop or {}).get(k, days) * DAY) for k in range(count)]


def sessions(per_hour: int, hours: float, length: float = HOUR / 2) -> list[Life]:
    """Keys of half an hour each, which begin at random."""
    rng = np.random.default_rng(5)
    begins = rng.uniform(-length, hours * HOUR, int(per_hour * hours))
    lengths = rng.exponential(length, len(begins))
    return [
        (f"session-{k}", max(begin, 0.0), min(begin + lengths[k], hours * HOUR))
        for k, begin in enumerate(begins)
        if begin + lengths[k] > 0
    ]


def test_each_sensor_of_a_fixed_fleet_that_stops_for_good_is_absent() -> None:
    batch = stream(sensors(20, 2, {3: 0.5, 7: 0.6, 9: 1.5}), 60)

    assert absent(batch) == ["sensor-3", "sensor-7", "sensor-9"]


@pytest.mark.parametrize("per_hour", [2, 20])
def test_sessions_that_end_are_not_absent(per_hour: int) -> None:
    batch = stream(sessions(per_hour, 30), 10)

    assert absent(batch) == []


def test_a_sensor_that_stops_among_sessions_is_absent() -> None:
    lives = sessions(10, 60) + sensors(10, 2.5, {4: 1.5, 6: 2.0})

    assert absent(stream(lives, 20)) == ["sensor-4", "sensor-6"]


def test_sensors_that_stop_together_among_sessions_are_one_absence() -> None:
    lives = sessions(10, 60) + sensors(20, 1.5)

    assert absent(stream(lives, 20)) == [""]


def test_a_sensor_that_stops_among_keys_of_a_few_events_is_absent() -> None:
    lives = sessions(60, 40, length=80.0) + sensors(5, 1.7, {4: 1.2})

    assert absent(stream(lives, 20)) == ["sensor-4"]


def test_a_new_generation_of_keys_replaces_the_one_before() -> None:
    """Twice, thirty pods are replaced within ten minutes."""
    lives: list[Life] = []
    for generation in range(3):
        for k in range(30):
            turn = 20.0 * k
            begin = generation * 12 * HOUR + turn if generation else 0.0
            end = (generation + 1) * 12 * HOUR + turn + MINUTE
            lives.append((f"pod-{k}-{generation}", begin, end))

    assert absent(stream(lives, 30)) == []


def test_new_sensors_do_not_hide_one_that_stops() -> None:
    new = [(f"new-{k}", DAY + k * 10.0 * MINUTE, 3.0 * DAY) for k in range(5)]

    assert absent(stream(sensors(30, 3, {3: 2.0}) + new, 60)) == ["sensor-3"]


def test_jobs_that_follow_one_another_are_not_absent() -> None:
    lives = [(f"job-{k}", k * 65.0 * MINUTE, k * 65.0 * MINUTE + HOUR) for k in range(20)]
    lives += sensors(3, 1)

    assert absent(stream(lives, 20)) == []


def test_new_keys_end_the_absence_of_those_they_replace() -> None:
    before = [(f"a-{k}", 0.0, 6.0 * HOUR) for k in range(30)]
    after = [(f"b-{k}", 7.0 * HOUR, 12.0 * HOUR) for k in range(30)]
    batch = stream([*before, *after, ("gateway", 0.0, 12.0 * HOUR)], 30)

    found = [one for part in scored(wide(), batch) for one in part.absences]

    assert [(one.entity, one.is_over) for one in found] == [("", False), ("", True)]
    assert found[1].silence == pytest.approx(HOUR * SECOND, rel=0.1)


def test_one_that_stops_long_after_many_that_stay_away_is_absent_by_itself() -> None:
    stop = dict.fromkeys(range(20), 0.5) | {25: 0.8}

    assert absent(stream(sensors(30, 1, stop), 60)) == ["", "sensor-25"]


def test_explains_who_is_absent_and_who_has_ended() -> None:
    chosen = wide()
    step: Any = detect_step(chosen, CONTEXT)(chosen.partitions)
    lives = sessions(10, 38) + sensors(10, 1.6, {4: 1.2})

    step.process([stream(lives, 20)])

    reports = [step.report(key) for key in step.entities()]
    presences = {one.entity: one.presence for one in reports if one is not None}
    assert presences["sensor-4"] is Presence.ABSENT
    assert presences["sensor-5"] is Presence.WATCHED
    assert Presence.ENDED in {one for key, one in presences.items() if "session" in key}


@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    cuts=st.lists(st.integers(1, 4_999), min_size=1, max_size=5),
)
def test_cuts_and_restarts_do_not_change_natural_ends(seed: int, cuts: list[int]) -> None:
    rng = np.random.default_rng(seed)
    lives = sensors(5, 0.15, {int(rng.integers(5)): 0.1})
    for k in range(20):
        begin = float(rng.uniform(0, 3 * HOUR))
        lives.append((f"s{k}", begin, begin + float(rng.exponential(HOUR))))
    batch = stream(lives, 15)

    at_once = anomalies_and_incidents(wide(), [batch])
    in_parts = anomalies_and_incidents(wide(), cut(batch, cuts), restarts=True)

    assert in_parts == at_once
