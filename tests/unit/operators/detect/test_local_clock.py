"""`event.timezone`: what repeats by the hour of the day does so on local clocks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.application import registry
from engine.application.ports import RunContext
from engine.domain.batch import Floats, Int64s
from engine.domain.pipeline import Pipeline
from operators.detect.local_clock import EPOCH, LocalClock
from operators.detect.step import detect_step
from tests.unit.operators.pipelines import SECOND, cut, events, joined, pipeline

BERLIN = "Europe/Berlin"
MINUTE, DAY = 60 * SECOND, 86_400 * SECOND
CHANGES = [datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)]


def ns(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(seconds=1) * SECOND


def shown(zone: str, times: Int64s) -> list[str]:
    return [str(one)[:16] for one in LocalClock(zone).show(times).astype("datetime64[ns]")]


@given(
    zone=st.sampled_from([BERLIN, "Australia/Lord_Howe", "Asia/Kathmandu", "America/St_Johns"]),
    times=st.lists(st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)), max_size=20),
    near=st.booleans(),
)
def test_shows_what_the_zone_says(zone: str, times: list[datetime], near: bool) -> None:
    moments = [moment.replace(tzinfo=UTC, microsecond=0) for moment in times]
    if near and moments:
        moments = [moments[0] + timedelta(minutes=5 * k) for k in range(20)]
    columns = np.array([ns(moment) for moment in moments], np.int64)

    found = LocalClock(zone).show(columns)

    local = [moment.astimezone(ZoneInfo(zone)).replace(tzinfo=UTC) for moment in moments]
    assert found.tolist() == [ns(moment) for moment in local]


def test_an_hour_comes_twice_in_autumn_and_is_left_out_in_spring() -> None:
    spring, autumn = (ns(change) + 30 * MINUTE + 60 * MINUTE * np.arange(2) for change in CHANGES)

    assert shown(BERLIN, spring) == ["2026-03-29T01:30", "2026-03-29T03:30"]
    assert shown(BERLIN, autumn) == ["2026-10-25T02:30", "2026-10-25T02:30"]


def plant(zone: str) -> Pipeline:
    auto = registry.detector_family("auto").create("auto", {}, ["load"])
    plain = pipeline(values=("load",), detectors=(auto,), partitions=1)
    return replace(plain, mapping=replace(plain.mapping, timezone=zone))


def shifts(change: datetime) -> tuple[Int64s, Floats]:
    """Three weeks of a machine that works from 8 to 16 on local clocks, and two days behind."""
    times = ns(change) + 5 * MINUTE * np.arange(-21 * 288, 2 * 288)
    hours = LocalClock(BERLIN).show(times) % DAY // (60 * MINUTE)
    works = (hours >= 8) & (hours < 16)
    return times, np.where(works, 60.0, 20.0) + np.random.default_rng(1).normal(0, 1, len(times))


@pytest.mark.parametrize("change", CHANGES, ids=["spring", "autumn"])
def test_seasons_follow_local_clocks_over_a_change_of_the_clocks(change: datetime) -> None:
    times, values = shifts(change)
    batch = events(["press"] * len(times), values, times)

    rare = {}
    for zone in ("UTC", BERLIN):
        step = detect_step(plant(zone), RunContext("plant"))(1)
        found = step.process([batch])
        rare[zone] = int((joined(found, "p_value")[-2 * 288 :] < 1e-4).sum())

    again = detect_step(plant(BERLIN), RunContext("plant"))(1)
    parts = [one for part in cut(batch, [3_000, 6_048]) for one in again.process([part])]
    np.testing.assert_array_equal(joined(parts, "p_value"), joined(found, "p_value"))
    assert rare[BERLIN] == 0
    assert rare["UTC"] >= 2
