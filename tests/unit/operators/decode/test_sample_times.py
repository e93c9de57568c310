"""Samples at a fixed rate in one message, as of vibration sensors: a time for each."""

from __future__ import annotations

from typing import Any

import pytest

from engine.domain.errors import PipelineFileError
from engine.domain.reject import RejectReason
from tests.unit.operators.decode.mapping_case import TS, decode, rows

BURST = {"sensor": "pump-1", "ts": TS, "rate": 1000, "samples": [0.5, 0.25, 0.75]}
EVENT = """
explode: samples
key: sensor
time: {path: ts, unit: ms, step: {path: rate, unit: Hz}}
values: {v: samples}
"""


def times(text: str, *documents: Any) -> list[float]:
    """Return the times of the events in ms after TS."""
    events, rejects = decode(text, *documents)
    assert rejects == []
    return [(time - TS * 1_000_000) / 1e6 for time in events.times.tolist()]


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("{path: rate, unit: Hz}", [0, 1, 2]),
        ("{path: rate, unit: us}", [0, 1, 2]),
        ("{path: rate, unit: ms}", [0, 1000, 2000]),
        ("250ms", [0, 250, 500]),
    ],
)
def test_each_sample_is_a_step_after_the_one_before(step: str, expected: list[float]) -> None:
    text = EVENT.replace("{path: rate, unit: Hz}", step)

    assert times(text, BURST, BURST) == expected * 2


def test_rows_of_several_series_have_times_of_their_own() -> None:
    # As measures of Netatmo.
    body = [
        {"beg_time": TS // 1000, "step_time": 10, "value": [[18.5, 39], [20.5, 48]]},
        {"beg_time": TS // 1000 + 60, "step_time": 5, "value": [[19.5, 40], [19.0, 41]]},
    ]
    text = """
explode: body.value
key: {const: home}
time: {path: body.beg_time, unit: s, step: {path: body.step_time, unit: s}}
values: {temperature: "body.value[0]"}
"""

    assert times(text, {"body": body}) == [0, 10_000, 60_000, 65_000]


def test_channels_of_a_message_begin_at_the_same_time() -> None:
    channels = [{"name": name, "data": [1, 2]} for name in ("x", "y")]
    text = """
explode: channels.data
key: channels.name
time: {path: ts, unit: ms, step: 1ms}
values: {v: channels.data}
"""

    assert times(text, {"ts": TS, "channels": channels}) == [0, 1, 0, 1]


@pytest.mark.parametrize("count", [1, 3])
def test_samples_with_fields_are_read_in_columns_as_one_by_one(count: int) -> None:
    text = EVENT.replace("{v: samples}", "{v: samples.v}")
    message = {**BURST, "samples": [{"v": 1}, {"v": 2}]}
    broken = {**BURST, "samples": [{"v": "x"}]}

    plain, rejects = decode(text, *[message] * count)
    beside, others = decode(text, *[message] * count, broken)

    assert [(time - TS * 1_000_000) / 1e6 for time in plain.times.tolist()] == [0, 1] * count
    assert beside.times.tolist() == plain.times.tolist()
    assert (len(rejects), len(others)) == (0, 1)


def test_a_channel_that_is_passed_over_moves_no_other() -> None:
    channels = [{"name": name, "data": [1, 2]} for name in ("x", "y")]
    text = """
explode: channels.data
where: {path: channels.name, equals: "y"}
key: channels.name
time: {path: ts, unit: ms, step: 1ms}
values: {v: channels.data}
"""

    assert times(text, {"ts": TS, "channels": channels}) == [0, 1]


def test_a_bad_sample_keeps_its_place() -> None:
    events, rejects = decode(EVENT, {**BURST, "samples": [1, "x", 3]})

    assert rows(events) == [("pump-1", 1.0), ("pump-1", 3.0)]
    assert (events.times - events.times[0]).tolist() == [0, 2_000_000]
    assert [reject.index for reject in rejects] == [1]


@pytest.mark.parametrize("rate", [0, -5, "fast", True, 1e-300, [1]])
def test_a_rate_that_is_none_is_a_reject_that_says_so(rate: Any) -> None:
    _, rejects = decode(EVENT, {**BURST, "rate": rate, "samples": [1, 2]})

    assert rejects[-1].reason is RejectReason.BAD_TIME
    assert "rate is " in rejects[-1].detail


def test_a_sample_that_is_too_far_ahead_is_a_reject_of_its_own() -> None:
    text = EVENT.replace("{path: rate, unit: Hz}", "400d")

    events, rejects = decode(text, BURST)

    assert len(events) == 2
    assert [(one.index, one.reason) for one in rejects] == [(2, RejectReason.TIME_IN_FUTURE)]


def test_a_message_without_its_rate_is_a_reject() -> None:
    _, rejects = decode(EVENT, {"sensor": "p", "ts": TS, "samples": [1]})

    assert rejects[0].reason is RejectReason.MISSING_TIME
    assert rejects[0].detail.startswith("there is nothing at rate")


@pytest.mark.parametrize("text", [EVENT.replace("explode: samples", ""), EVENT.replace("rate", "")])
def test_a_step_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises((PipelineFileError, ValueError)):
        decode(text, BURST)
