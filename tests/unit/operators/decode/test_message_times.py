"""Event times and the clocks that they are compared with."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from engine.application.ports import RunContext
from engine.domain.batch import NO_TIME
from engine.domain.mapping import (
    EventMapping,
    TimeField,
    ValueField,
)
from engine.domain.reject import RejectReason
from operators.decode.decoder import Decoder
from operators.decode.step import decode_step
from tests.unit.operators.decode.step_case import raw
from tests.unit.operators.stream import pipeline

HOUR = 3_600_000_000_000
STAMPED = EventMapping((("s",),), TimeField(), (ValueField("a", ("a",)),), max_past=HOUR)


@pytest.mark.parametrize(
    ("stamp", "reason"),
    [
        (100 * HOUR, None),
        (124 * HOUR, None),
        (125 * HOUR, RejectReason.TIME_IN_FUTURE),
        (99 * HOUR, None),
        (98 * HOUR, RejectReason.TIME_IN_PAST),
        (NO_TIME, RejectReason.BAD_TIME),
    ],
)
def test_message_times_are_held_against_the_clock_here(
    stamp: int, reason: RejectReason | None
) -> None:
    batch = replace(raw(b'{"s":"x","a":1}'), timestamps=np.array([stamp]))

    events, rejects = Decoder(STAMPED, clock=lambda: 100 * HOUR).decode([batch])

    assert [reject.reason for reject in rejects] == ([reason] if reason else [])
    assert len(events) + len(rejects) == 1


@pytest.mark.parametrize(
    ("stamp", "hours", "reason"),
    [
        (100, 100, None),
        (100, 125, RejectReason.TIME_IN_FUTURE),
        (500, 125, RejectReason.TIME_IN_FUTURE),
        (50, 49, None),
        (50, 48, RejectReason.TIME_IN_PAST),
        (None, 100, None),
        (None, 125, RejectReason.TIME_IN_FUTURE),
    ],
)
def test_times_in_messages_are_held_against_the_earlier_of_both_clocks(
    stamp: int | None, hours: int, reason: RejectReason | None
) -> None:
    mapping = replace(STAMPED, time=TimeField(("t",), "s"))
    stamps = np.array([NO_TIME if stamp is None else stamp * HOUR])
    batch = replace(raw(b'{"s":"x","a":1,"t":%d}' % (hours * 3600)), timestamps=stamps)

    events, rejects = Decoder(mapping, clock=lambda: 100 * HOUR).decode([batch])

    assert [reject.reason for reject in rejects] == ([reason] if reason else [])
    assert len(events) + len(rejects) == 1
    assert NO_TIME not in events.timestamps


def test_a_time_ahead_of_this_machine_is_rejected_though_its_message_is_ahead_as_well() -> None:
    mapping = replace(STAMPED, time=TimeField(("t",), "s"), max_past=None)
    payload = b'{"s":"x","a":1,"t":%d}' % (500 * 3600)
    batch = replace(raw(payload), timestamps=np.array([500 * HOUR]))

    events, rejects = Decoder(mapping, clock=lambda: 100 * HOUR).decode([batch])

    assert len(events) == 0
    assert [reject.reason for reject in rejects] == [RejectReason.TIME_IN_FUTURE]


def test_a_time_in_another_unit_is_guessed_in_the_reject() -> None:
    mapping = replace(STAMPED, time=TimeField(("t",), "s"))

    _, (reject,) = Decoder(mapping).decode([raw(b'{"s":"x","a":1,"t":1704067200000}')])

    assert reject.reason is RejectReason.BAD_TIME
    assert reject.detail.endswith(": is its unit ms, and not s?")


def test_seconds_taken_for_milliseconds_are_doubted_once_in_the_log(caplog) -> None:
    step = decode_step(pipeline(), RunContext("t"))

    batch = replace(
        raw(b'{"sensor":"s","ts":1704067200,"a":1}'), timestamps=np.array([time.time_ns()])
    )

    for _ in range(3):
        step([batch])

    (line,) = [record.getMessage() for record in caplog.records]

    assert line.startswith("ts is 1704067200, which is 1970-01-20T17:21:07 in the unit ms: is its")
    assert line.endswith("unit s, and not ms?; set event.time.unit")
