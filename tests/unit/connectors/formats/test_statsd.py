"""Metrics of StatsD, as its clients write them."""

from __future__ import annotations

import pytest

from engine.domain.reject import RejectReason
from tests.unit.connectors.formats.format_case import decode, entities

EVENT = """
format: statsd
key: name
values: [value]
"""
BY_HOST = EVENT.replace("key: name", "key: [name, tags.host]")


def test_each_line_is_an_event() -> None:
    events, rejects = decode(EVENT, b"gorets:1|c\nglork:320|ms\n\ngaugor:333|g\n")

    assert (entities(events), rejects) == ([("gorets", 1), ("glork", 320), ("gaugor", 333)], [])


def test_counters_are_scaled_up_by_their_sample_rate() -> None:
    events, _ = decode(EVENT, b"gorets:1|c|@0.1\nglork:320|ms|@0.1")

    assert entities(events) == [("gorets", 10), ("glork", 320)]


@pytest.mark.parametrize(
    "line",
    [
        b"cpu:3.2|g|#host:a,production",
        b"cpu:3.2|g|@1|#host:a|c:container",
        b"cpu,host=a,zone=b:3.2|g",
        b"cpu;host=a;zone=b:3.2|g",
    ],
)
def test_tags_are_read(line: bytes) -> None:
    events, rejects = decode(BY_HOST, line)

    assert (entities(events), rejects) == ([("cpu/a", 3.2)], [])


def test_several_values_of_a_line_are_events() -> None:
    events, _ = decode(EVENT, b"took:1:2:3|d")

    assert entities(events) == [("took", 1), ("took", 2), ("took", 3)]


def test_a_time_is_read() -> None:
    text = EVENT + "time: {path: time, unit: s}"

    events, _ = decode(text, b"page.views:15|c|#env:dev|T1656581400")

    assert events.times.tolist() == [1_656_581_400 * 10**9]


def test_events_and_checks_are_no_metrics() -> None:
    events, rejects = decode(EVENT, b"_e{5,4}:title|text\n_sc|Redis|2\na:1|g")

    assert (entities(events), rejects) == ([("a", 1)], [])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"a", RejectReason.NOT_AN_OBJECT),
        (b"a:1", RejectReason.NOT_AN_OBJECT),
        (b"a|c", RejectReason.NOT_AN_OBJECT),
        (b":1|c", RejectReason.NOT_AN_OBJECT),
        (b"a:1|c|@0", RejectReason.NOT_AN_OBJECT),
        (b"a:1|c|@nan", RejectReason.NOT_AN_OBJECT),
        (b"a:x|s", RejectReason.WRONG_TYPE),
        (b"a:+4|g", RejectReason.MISSING_VALUE),
        (b"a:1e999|g", RejectReason.NOT_FINITE),
    ],
)
def test_what_is_no_reading_is_a_reject_and_its_siblings_live(
    line: bytes, reason: RejectReason
) -> None:
    events, rejects = decode(EVENT, line + b"\ngood:1|g")

    assert entities(events) == [("good", 1)]
    assert [reject.reason for reject in rejects] == [reason]
