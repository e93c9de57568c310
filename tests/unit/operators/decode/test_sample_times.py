"""Samples at a fixed rate in one message, as of vibration sensors: a time for each."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import orjson
import pytest

from engine.application.rejects.letters import of_records
from engine.domain.batch import EventBatch, Headers, RawBatch
from engine.domain.errors import PipelineFileError
from engine.domain.reject import Reject, RejectReason
from operators.publish import dead_letter
from tests.unit.operators.decode.mapping_case import NOW, TS, decode, decoder, rows

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


CHANNELS = """
explode: channels.data
key: channels.name
time: {path: ts, unit: ms, step: 1ms}
values: {v: channels.data}
"""
ROWS = """
explode: body.value
key: {const: home}
time: {path: body.beg_time, unit: s, step: {path: body.step_time, unit: s}}
values: {v: "body.value[0]"}
"""
OBJECTS = """
explode: $message
key: s
time: {path: at, unit: ms, step: 1ms}
values: {v: v}
"""


def channels(*data: list[Any]) -> dict[str, Any]:
    return {"ts": TS, "channels": [{"name": f"c{n}", "data": some} for n, some in enumerate(data)]}


def body(*values: Any) -> dict[str, Any]:
    part = {"beg_time": TS // 1000, "step_time": 10, "value": [[value, 1] for value in values]}
    return {"body": [part, {**part, "beg_time": TS // 1000 + 3600}]}


SAMPLES: dict[str, tuple[str, Any]] = {
    "of one array": (EVENT, {**BURST, "samples": [1, "?", 3, "?"]}),
    "of several": (CHANNELS, channels([1, "?", 3], [4, 5, "?", "?"])),
    "rows": (ROWS, body(1, 2, "?", 4, "?")),
    "objects": (OBJECTS, [{"s": "a", "at": TS, "v": v} for v in (1, "?", 3, "?")]),
    "more than a hundred": (EVENT, {**BURST, "samples": [1, *["?", "?", 2] * 90, "?"]}),
    "more than a hundred of several": (CHANNELS, channels(["?"] * 120, [1, *["?"] * 30, 2, "?"])),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_that_was_a_dead_letter_keeps_its_time(name: str) -> None:
    text, message = SAMPLES[name]
    corrected = re.sub(r"values: {v: (.*)}", r"values: {v: {path: \1, map: {'?': 7}}}", text)
    events, rejects = of_batch(text, [(orjson.dumps(message), ())])
    # Sent back too early: they become dead letters once more.
    early, again = of_batch(text, sent_back(rejects))

    late, left = of_batch(corrected, sent_back(again))

    assert (len(early), left) == (0, [])
    expected, _ = of_batch(corrected, [(orjson.dumps(message), ())])
    assert sorted(moments(events) + moments(late)) == sorted(moments(expected))


def moments(events: EventBatch) -> list[tuple[str, int]]:
    return list(zip(events.keys.tolist(), events.times.tolist(), strict=True))


def sent_back(rejects: list[Reject]) -> list[tuple[bytes, Headers]]:
    """Return payload and headers of the messages that dead letters become."""
    letters = of_records([dead_letter("p", reject) for reject in rejects], set())
    return [(m.value or b"", m.headers) for letter in letters for m in letter.messages()]


def of_batch(text: str, messages: list[tuple[bytes, Headers]]) -> tuple[EventBatch, list[Reject]]:
    n = len(messages)
    payloads, headers = [payload for payload, _ in messages], [given for _, given in messages]
    batch = RawBatch("t", 0, np.arange(n), np.full(n, NOW), payloads, headers=headers.__getitem__)
    return decoder(text).decode([batch])


@pytest.mark.parametrize("given", [b"", b"x", b"-5", b"9" * 30, None])
def test_a_header_that_says_no_place_moves_nothing_into_the_past(given: bytes | None) -> None:
    headers = (("pynomaly-element", b"1"), ("pynomaly-samples", given))

    events, _ = of_batch(EVENT, [(orjson.dumps({**BURST, "samples": 5}), headers)])

    assert all(time >= TS * 1_000_000 for time in events.times.tolist())
