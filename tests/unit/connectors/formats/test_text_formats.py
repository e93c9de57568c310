"""Messages of several lines: JSON, CSV and InfluxDB's line protocol."""

from __future__ import annotations

from engine.domain.reject import RejectReason
from tests.unit.connectors.formats.format_case import (
    FLAT,
    INFLUX,
    TS,
    decode,
    entities,
)


def test_lines_of_json_in_a_message_are_events() -> None:
    lines = b'{"sensor":"a","ts":1704067200000,"temp":1}\n\n\x1e{"sensor":"b"'

    events, rejects = decode(FLAT + "format: json_lines", lines)

    assert entities(events) == [("a", 1.0)]
    assert [(r.index, r.reason) for r in rejects] == [(1, RejectReason.NOT_AN_OBJECT)]


def test_rows_of_csv_in_a_message_are_read() -> None:
    text = FLAT + "format: {csv: {names: [sensor, ts, temp], delimiter: ';', decimal: ','}}"

    events, rejects = decode(text, f"007;{TS};20,5\n7;{TS};1\n7;{TS};1;2\n".encode())

    assert entities(events) == [("007", 20.5), ("7", 1.0)]
    assert [(r.index, r.reason) for r in rejects] == [(2, RejectReason.NOT_AN_OBJECT)]


def test_a_message_of_csv_may_have_its_header() -> None:
    events, rejects = decode(FLAT + "format: csv", f"sensor,ts,temp\na,{TS},1.5\n".encode())

    assert (entities(events), rejects) == ([("a", 1.5)], [])


def test_lines_of_influx_are_read() -> None:
    lines = [
        rf'cpu,host=web\ 1,region=eu\,1 idle=90.5,n=7i,on=t,state="a \"b\", c" {TS * 1_000_000}',
        f"mem,host=h used=1 {TS * 1_000_000}",
        "# a comment",
        f"cpu,host=h2 idle=1e1 {TS * 1_000_000}",
        "cpu,host=h3 idle=",
    ]

    events, rejects = decode(INFLUX, "\n".join(lines).encode())

    assert entities(events) == [("web 1", 90.5), ("h2", 10.0)]
    assert events.times.tolist() == [TS * 1_000_000] * 2
    assert rejects == []


def test_a_broken_line_of_influx_is_a_reject_of_its_own() -> None:
    text = INFLUX.replace("where: {path: measurement, equals: cpu}\n", "")

    events, rejects = decode(text, f"cpu,host=a idle=1 {TS * 1_000_000}\ncpu host idle\n".encode())

    assert entities(events) == [("a", 1.0)]
    assert [(r.index, r.reason) for r in rejects] == [(1, RejectReason.NOT_AN_OBJECT)]
