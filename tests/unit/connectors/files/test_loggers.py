"""Files as data loggers and spreadsheets write them: units, line ends, digits in groups."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connectors.files.lines import LineSplitter
from tests.unit.connectors.files.test_dialects import batches, read, source, written
from tests.unit.connectors.formats.format_case import decode

TOA5 = """\
"TOA5","CR1000","CR1000","12345","CR1000.Std.22","CPU:prog.CR1","51332","Table1"
"TIMESTAMP","RECORD","batt_volt_Min","AirTC_Avg"
"TS","RN","Volts","Deg C"
"","","Min","Avg"
"2024-01-01 00:00:00",0,12.9,20.5
"2024-01-01 00:01:00",1,12.9,"NAN"
"""
WANTED = frozenset({"TIMESTAMP", "AirTC_Avg"})
TIMES = frozenset({"TIMESTAMP"})


def test_rows_of_units_below_the_header_are_left_out_and_reported(tmp_path: Path, caplog) -> None:
    caplog.set_level("INFO")
    file = written(tmp_path, TOA5)

    documents, errors, _ = read(file, fields=WANTED, text_fields=TIMES)

    assert [document.get("AirTC_Avg") for document in documents] == [20.5, None]
    assert errors == {}
    assert "header after 1 other lines, 2 rows of units below it" in caplog.text


def test_a_run_goes_on_behind_rows_of_units(tmp_path: Path) -> None:
    file = written(tmp_path, TOA5)
    part = source(file, fields=WANTED, text_fields=TIMES).source().build_part("s", "0", None)

    (batch,) = part.next_batch()
    part.close()
    documents, _, _ = read(file, int(batch.offsets[0]) + 1, fields=WANTED, text_fields=TIMES)

    assert [document["RECORD"] for document in documents] == [1]


@pytest.mark.parametrize(
    "rows",
    [
        # No times: what is not a number may be a gap.
        "id,v\na,off\nb,1.5\n",
        # The time of the row is there.
        "id,t,v\na,2024-01-01,off\nb,2024-01-01,1.5\n",
        "id,v\na,off\nb,12345678\n",
        # No row below it.
        "id,t,v\na,x,y\n",
        # Quotes over several lines, whose rows cannot be counted by lines.
        'id,t,v\n"a\nb",x,y\nb,2024-01-01,1.5\n',
    ],
)
def test_a_row_that_may_be_a_reading_is_never_left_out(tmp_path: Path, rows: str) -> None:
    documents, _, _ = read(written(tmp_path, rows))

    assert documents[0]["id"].startswith("a")


def test_rows_below_the_header_are_left_out_when_it_is_said(tmp_path: Path) -> None:
    # As the USGS describes its columns.
    rows = "site_no\tdatetime\tflow\n15s\t20d\t14n\n0164\t2024-01-01 00:00\t9810\n"

    documents, _, _ = read(written(tmp_path, rows), csv={"skip_after": 1})

    assert [document["flow"] for document in documents] == [9810]


def test_rows_below_the_header_are_left_out_of_followed_files(tmp_path: Path) -> None:
    file = written(tmp_path, "id,v\n,degC\na,1.5\n")
    plugin = source(file, follow=True, csv={"skip_after": 1}, state=tmp_path)
    part = plugin.source().build_part("s", "0", None)

    (batch,) = part.next_batch()
    part.close()

    assert batch.values == [b'{"id":"a","v":1.5}']


def test_rows_of_units_in_a_message_are_left_out() -> None:
    text = "format: csv\nkey: id\ntime: {path: t, format: iso8601}\nvalues: [v]"

    events, rejects = decode(text, b"id,t,v\n,UTC,degC\na,2024-01-01,1.5\n")

    assert (events.keys.tolist(), rejects) == (["a"], [])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "id,v\ra,1.5\rb,2.5\r"),
        ("a.ndjson", '{"id":"a","v":1.5}\r{"id":"b","v":2.5}'),
        ("b.csv", "id,v\r\na,1.5\r\nb,2.5\r\n"),
    ],
)
def test_lines_may_end_with_a_carriage_return_alone(tmp_path: Path, name: str, text: str) -> None:
    documents, errors, _ = read(written(tmp_path, text, name))

    assert (documents, errors) == ([{"id": "a", "v": 1.5}, {"id": "b", "v": 2.5}], {})


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_lines_are_the_same_however_the_stream_is_cut(size: int, end: bytes) -> None:
    data = end.join([b"a", b"bcd", b"", b"e"])
    splitter = LineSplitter(100)

    found = [
        line
        for start in range(0, len(data), size)
        for line in splitter.feed(data[start : start + size])
    ]
    found += splitter.end()

    assert [line.strip(b"\r") for line in found] == [b"a", b"bcd", b"", b"e"]


def test_a_header_that_is_not_utf8_says_what_to_set(tmp_path: Path) -> None:
    file = written(tmp_path, "Zeit;Außentemperatur\n01.02.2024;20,3\n".encode("cp1252"))

    _, _, hint = read(file)

    assert hint.endswith("the header is not UTF-8, set source.file.encoding, such as cp1252")


@pytest.mark.parametrize(
    "cell", ["1 013,25", "1\u202f013,25", "1\u00a0013,25", "1'013,25", "1.013,25"]
)
def test_digits_in_groups_are_read_beside_decimal_commas(tmp_path: Path, cell: str) -> None:
    documents, _, _ = read(written(tmp_path, f"id;v\na;{cell}\nb;2 345\n"))

    assert [document["v"] for document in documents] == [1013.25, 2345]


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        ("20.3 %", 'set as: quantity and unit: "%"'),
        ("20,3%", 'set as: quantity and unit: "%" and decimal: ","'),
        ("250m", "set as: quantity"),
        ("hot", "set map or missing for such texts"),
    ],
)
def test_a_number_with_its_unit_says_how_it_is_read(value: str, detail: str) -> None:
    _, rejects = decode("key: {const: a}\nvalues: [v]", f'{{"v": "{value}"}}'.encode())

    assert rejects[0].detail.endswith(detail)


def test_an_empty_file_has_no_rows(tmp_path: Path) -> None:
    part = source(written(tmp_path, "")).source().build_part("s", "0", None)

    found: list[Any] = batches(part)

    assert found == []
