"""Files as people have them: dialects of CSV, encodings, compression, Parquet, damage, size."""

from __future__ import annotations

import bz2
import csv
import gzip
import lzma
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lz4.frame
import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from bytewax.inputs import StatefulSourcePartition

import connectors.files.stdin as stdin_module
from connectors.files.source import FileSource, FileSourceSettings
from connectors.files.stdin import StdinSettings, StdinSource
from engine.application.ports import RunContext
from engine.domain.batch import RawBatch
from engine.domain.errors import ConnectorError
from engine.domain.reject import RejectReason

Found = tuple[list[Any], dict[int, tuple[RejectReason, str]], str]


def source(path: Path | str, **settings: Any) -> FileSource:
    known = {"fields", "text_fields", "max_bytes", "state", "format_name"}
    context = {name: settings.pop(name) for name in known & settings.keys()}
    context["format"] = context.pop("format_name", None)
    chosen = FileSourceSettings.model_validate({"path": str(path), **settings})
    return FileSource(chosen, RunContext("t", **context))


def batches(part: StatefulSourcePartition[RawBatch, int]) -> list[RawBatch]:
    found: list[RawBatch] = []
    while True:
        try:
            found += part.next_batch()
        except StopIteration:
            return found


def read(path: Path, skip: int = 0, **settings: Any) -> Found:
    """Return the documents of a file, what is wrong with others by offset, and the hint."""
    part = source(path, **settings).source().build_part("s", "0", skip)
    documents, errors, hint = [], {}, ""
    for batch in batches(part):
        hint = batch.hint
        for row, value in enumerate(batch.values):
            if row in (batch.errors or {}):
                errors[int(batch.offsets[row])] = (batch.errors or {})[row]
            else:
                documents.append(orjson.loads(value or b""))
    return documents, errors, hint


def written(folder: Path, text: str | bytes, name: str = "a.csv") -> Path:
    file = folder / name
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


STATION = """\
station;zeit;temp;druck
silo;01.02.2024 00:00;20,3;1013,1
silo;01.02.2024 00:05;-1;1.013,25
"""


def test_semicolons_and_decimal_commas_are_found_out_and_logged(tmp_path: Path, caplog) -> None:
    caplog.set_level("INFO")

    documents, errors, _ = read(written(tmp_path, STATION), fields=frozenset({"station", "temp"}))

    assert errors == {}
    assert documents == [
        {"station": "silo", "zeit": "01.02.2024 00:00", "temp": 20.3, "druck": 1013.1},
        {"station": "silo", "zeit": "01.02.2024 00:05", "temp": -1, "druck": 1013.25},
    ]
    assert "delimiter ';', decimal sign ',', columns station;zeit;temp;druck" in caplog.text


@pytest.mark.parametrize(
    ("text", "csv"),
    [
        ("id\ttemp\na\t1.5\n", {}),
        ("id|temp\na|1.5\n", {}),
        ("# a comment\nid,temp\n# another\na,1.5\n", {"comment": "#"}),
        ("Station 5\nexported today\nid,temp\na,1.5\n", {"skip": 2}),
        ("a,1.5\n", {"names": ["id", "temp"]}),
        ("id , temp \n a , 1.5 \n", {}),
        ("id;temp\n'a';1.5\n", {"quote": "'"}),
        ("id;temp\na;1,5\n", {"delimiter": ";", "decimal": ","}),
        ("id,temp,\na,1.5,\n", {}),
    ],
)
def test_dialects_are_read(tmp_path: Path, text: str, csv: dict[str, Any]) -> None:
    documents, errors, _ = read(written(tmp_path, text), csv=csv)

    assert (documents, errors) == ([{"id": "a", "temp": 1.5}], {})


@pytest.mark.parametrize("text", ["\n# id,temp,\na,1.5,\n", "# a comment\n#id;temp\na;1.5\n"])
def test_a_header_behind_the_sign_of_comments_is_found(tmp_path: Path, text: str) -> None:
    file = written(tmp_path, text)

    documents, errors, _ = read(file, csv={"comment": "#"}, fields=frozenset({"id", "temp"}))

    assert (documents, errors) == ([{"id": "a", "temp": 1.5}], {})


def test_the_delimiter_gives_the_columns_that_are_wanted(tmp_path: Path) -> None:
    text = "id,a;b,c;d,e\nx,1;2,3;4,5\n"

    documents, _, _ = read(written(tmp_path, text), fields=frozenset({"id", "a;b"}))

    assert documents[0]["id"] == "x"


def test_a_wrong_delimiter_is_named(tmp_path: Path, caplog) -> None:
    file = written(tmp_path, STATION)

    _, _, hint = read(file, csv={"delimiter": ","}, fields=frozenset({"station"}))

    assert hint.endswith("semicolons are in the header, set csv.delimiter: ';'")
    assert "has no column station that the event mapping reads" in caplog.text


def test_a_row_with_too_many_cells_is_reported(tmp_path: Path) -> None:
    documents, errors, _ = read(written(tmp_path, "id,temp\na,20,3\nb,1\n"))

    assert documents == [{"id": "b", "temp": 1}]
    assert errors[0][0] is RejectReason.BAD_ROW
    assert errors[0][1].startswith("the row has 3 cells, the header 2; the columns are id, temp")


@pytest.mark.parametrize(
    ("name", "text", "encoding"),
    [
        ("a.csv", "größe;temp\nä;1\n".encode("cp1252"), "cp1252"),
        ("a.csv", "größe;temp\nä;1\n".encode("utf-16"), None),
        ("a.csv", "größe;temp\nä;1\n".encode("utf-8-sig"), None),
        ("a.ndjson", '{"größe":"ä","temp":1}\n'.encode("utf-16"), None),
        ("a.ndjson", '{"größe":"ä","temp":1}\n'.encode("latin-1"), "latin-1"),
    ],
)
def test_encodings_are_read(tmp_path: Path, name: str, text: bytes, encoding: str | None) -> None:
    documents, _, _ = read(written(tmp_path, text, name), encoding=encoding)

    assert documents == [{"größe": "ä", "temp": 1}]


def test_an_unknown_encoding_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected an encoding such as utf-8"):
        source(tmp_path, encoding="utf-9")


ROWS = "".join(f"s{i},{i}\n" for i in range(600))


def test_an_open_quote_rejects_its_own_row_alone(tmp_path: Path) -> None:
    lines = ("id,v\n" + ROWS).splitlines()
    lines[300] = '"s299,299'

    documents, errors, _ = read(written(tmp_path, "\n".join(lines)))

    assert len(documents) == 599
    assert errors == {299: (RejectReason.BAD_ROW, 'a cell begins with " that is never closed')}


def test_an_open_quote_in_the_last_row_rejects_it(tmp_path: Path) -> None:
    documents, errors, _ = read(written(tmp_path, 'id,v\na,1\n"b,2'))

    assert documents == [{"id": "a", "v": 1}]
    assert list(errors) == [1]


def test_a_cell_may_hold_line_ends(tmp_path: Path) -> None:
    documents, errors, _ = read(written(tmp_path, 'id,v\n"a\nb",1\n"c ""d""\n",2'))

    assert (documents, errors) == ([{"id": "a\nb", "v": 1}, {"id": 'c "d"', "v": 2}], {})


def test_a_cell_may_be_larger_than_the_csv_module_takes_by_default(
    tmp_path: Path,
) -> None:
    before = csv.field_size_limit(131_072)
    cell = "x" * 200_000

    documents, errors, _ = read(written(tmp_path, f"id,v,w\na,1,{cell}\nb,2,\n"), max_bytes=2**20)

    csv.field_size_limit(before)
    assert [document["id"] for document in documents] == ["a", "b"]
    assert errors == {}


@pytest.mark.parametrize("name", ["a.csv", "a.ndjson"])
def test_a_line_above_the_limit_is_cut_and_the_next_one_read(tmp_path: Path, name: str) -> None:
    lines = ["id,v"] if name == "a.csv" else []
    good = ["a,1"] if name == "a.csv" else ['{"id":"a","v":1}']
    file = written(tmp_path, "\n".join([*lines, *good, "x" * 300_000, *good]), name)

    part = source(file, max_bytes=1_000).source().build_part("s", "0", None)

    (batch,) = batches(part)

    assert [len(value or b"") for value in batch.values][1] <= 1_020
    assert batch.values[0] == batch.values[2]


def test_large_lines_come_in_batches_of_bounded_size(tmp_path: Path) -> None:
    line = b'{"a":"' + b"x" * 2**20 + b'"}\n'
    file = written(tmp_path, line * 40, "a.ndjson")

    part = source(file, max_bytes=2**21).source().build_part("s", "0", None)

    found = batches(part)

    assert sum(map(len, found)) == 40
    assert max(map(len, found)) <= 9


PACK: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstandard.compress,
    "lz4": lz4.frame.compress,
}


@pytest.mark.parametrize("suffix", PACK)
def test_compressed_files_are_read(tmp_path: Path, suffix: str) -> None:
    file = written(tmp_path, PACK[suffix](b"id,v\n" + ROWS.encode()), f"a.csv.{suffix}")

    documents, errors, _ = read(file)

    assert (len(documents), errors) == (600, {})


@pytest.mark.parametrize("suffix", PACK)
def test_the_good_part_of_a_damaged_file_is_read_and_the_run_ends_with_its_name(
    tmp_path: Path, suffix: str
) -> None:
    rng = np.random.default_rng(1)
    # bzip2 packs 900 kB at once, and nothing of such a block comes out before its end.
    count = 120_000 if suffix == "bz2" else 40_000
    text = b"".join(b'{"a":%d}\n' % n for n in rng.integers(0, 2**60, count))
    packed = PACK[suffix](text)
    file = written(tmp_path, packed[: len(packed) * 3 // 4], f"a.ndjson.{suffix}")
    plugin = source(file)

    found = batches(plugin.source().build_part("s", "0", None))

    assert 5_000 < sum(map(len, found)) < count
    with pytest.raises(ConnectorError, match="is cut off or damaged"):
        plugin.finish()


@pytest.mark.parametrize("suffix", PACK)
def test_bytes_that_were_changed_in_a_packed_file_end_the_run_with_its_name(
    tmp_path: Path, suffix: str
) -> None:
    text = b"".join(b'{"a":%d}\n' % n for n in np.random.default_rng(1).integers(0, 2**60, 20_000))
    packed = bytearray(PACK[suffix](text))
    packed[len(packed) // 2 : len(packed) // 2 + 8] = b"\xff" * 8
    plugin = source(written(tmp_path, bytes(packed), f"a.ndjson.{suffix}"))

    batches(plugin.source().build_part("s", "0", None))

    with pytest.raises(ConnectorError, match="is cut off or damaged"):
        plugin.finish()


def test_a_wrong_checksum_of_gzip_ends_the_run_after_all_of_its_lines(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(b'{"a":1}\n{"a":2}\n'))
    packed[-8] ^= 0xFF
    plugin = source(written(tmp_path, bytes(packed), "a.ndjson.gz"))

    found = batches(plugin.source().build_part("s", "0", None))

    assert [value for batch in found for value in batch.values] == [b'{"a":1}', b'{"a":2}', b""]
    with pytest.raises(ConnectorError, match="is cut off or damaged"):
        plugin.finish()


def test_a_file_that_is_mended_is_read_on_where_it_was_damaged(tmp_path: Path) -> None:
    text = b"".join(b'{"a":%d}\n' % n for n in range(100_000))
    packed = gzip.compress(text)
    file = written(tmp_path, packed[: len(packed) // 2], "a.ndjson.gz")
    part = source(file).source().build_part("s", "0", None)
    first = sum(map(len, batches(part)))

    file.write_bytes(packed)
    rest = batches(source(file).source().build_part("s", "0", part.snapshot()))

    assert first + sum(map(len, rest)) == pytest.approx(100_000, abs=1)


def test_parquet_rows_are_objects_with_times_as_text(tmp_path: Path) -> None:
    file = tmp_path / "a.parquet"
    stamps = pa.array([1_704_067_200_000_000_001, None], pa.timestamp("ns", "UTC"))
    table = pa.table(
        {
            "id": pa.array(["a", "b"]).dictionary_encode(),
            "n": pa.array([7, 8]),
            "t": stamps,
            "d": pa.array([1704067200, 0], pa.timestamp("s")),
            "v": pa.array([1.5, None]),
        }
    )
    pq.write_table(table, file, row_group_size=1)

    documents, _, _ = read(file)
    later, _, _ = read(file, skip=1)

    assert documents[0] == {
        "id": "a",
        "n": 7,
        "t": "2024-01-01 00:00:00.000000001Z",
        "d": "2024-01-01 00:00:00.000",
        "v": 1.5,
    }
    assert later == [{"id": "b", "n": 8, "t": None, "d": "1970-01-01 00:00:00.000", "v": None}]


def test_what_is_no_parquet_is_named(tmp_path: Path) -> None:
    file = written(tmp_path, "id,v\n", "a.parquet")

    with pytest.raises(ConnectorError, match="is not a Parquet file"):
        source(file).check(5)


def until(part: StatefulSourcePartition[RawBatch, int], count: int) -> list[RawBatch]:
    found: list[RawBatch] = []
    deadline = time.monotonic() + 120
    while sum(map(len, found)) < count:
        assert time.monotonic() < deadline
        found += part.next_batch()
    return found


def test_a_folder_that_grows_is_followed_over_restarts(tmp_path: Path) -> None:
    folder, state = tmp_path / "in", tmp_path / "state"
    folder.mkdir()
    first = written(folder, "id,v\na,1\nb,", "2024-01-02.csv")

    def followed(position: int | None) -> StatefulSourcePartition[RawBatch, int]:
        plugin = source(folder / "*.csv*", follow=True, state=state)
        return plugin.source().build_part("s", "0", position)

    part = followed(None)
    (batch,) = until(part, 1)

    assert batch.values == [b'{"id":"a","v":1}']
    with first.open("a") as file:
        file.write("2\n")
    (batch,) = until(part, 1)
    position = part.snapshot()
    part.close()
    # A name before those that were read comes after them.
    packed = written(folder, gzip.compress(b"id,v\nc,3\n"), "2024-01-01.csv.gz")
    os.utime(packed, (0, 0))
    part = followed(position)

    (later,) = until(part, 1)

    part.close()
    assert batch.values == [b'{"id":"b","v":2}']
    assert later.values == [b'{"id":"c","v":3}']
    assert batch.offsets.tolist() < later.offsets.tolist()


def test_standard_input_without_line_ends_is_bounded(monkeypatch) -> None:
    reading, writing = os.pipe()
    monkeypatch.setattr(stdin_module, "STDIN", reading)
    plugin = StdinSource(StdinSettings(), RunContext("t", max_bytes=1_000))
    part = plugin.source().build_part("s", "0", None)
    for text in (b"x" * 50_000, b"x" * 50_000, b"\n{}\n"):
        os.write(writing, text)
        batch = part.next_batch()
        if text[:1] == b"x" and batch:
            assert [len(value or b"") for value in batch[0].values] == [1_001]
    os.close(writing)

    assert [b.values for b in batch] == [[b"{}"]]
    assert batches(part) == []
    os.close(reading)


def test_rows_of_any_bytes_are_accounted_for(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    signs = b"ab01,;\"'\t \xff\x00\r"
    for _ in range(200):
        lines = [bytes(rng.choice(list(signs), rng.integers(1, 30))) for _ in range(20)]
        lines = [line for line in lines if line.strip()]
        file = written(tmp_path, b"id,v\n" + b"\n".join(lines))

        documents, errors, _ = read(file)

        assert len(documents) + len(errors) <= len(lines)
        assert all(isinstance(document, dict) for document in documents)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # R and the files of the UCI repository: a name of each row, and no name for it.
        (
            '"date","t"\n"1","2015-02-04",23.18\n"2","2015-02-05",23.1\n',
            ["2015-02-04", "2015-02-05"],
        ),
        ("# Logger: HOBO\n# Serial: 12, 13\ndate,t\n2015-02-04,1\n", ["2015-02-04"]),
        ("#date,t\n2015-02-04,1\n", ["2015-02-04"]),
        ("sep=;\ndate;t\n2015-02-04;1,5\n", ["2015-02-04"]),
        ("date;t;;\n2015-02-04;1;;\n;;;\n", ["2015-02-04"]),
        ("date  t\n2015-02-04   1 \n", ["2015-02-04"]),
    ],
)
def test_headers_are_found_where_exports_put_them(
    tmp_path: Path, text: str, expected: list[str]
) -> None:
    wanted = frozenset({"date", "t"})

    documents, errors, _ = read(
        written(tmp_path, text), fields=wanted, text_fields=frozenset({"date"})
    )

    assert errors == {}
    assert [found["date"] for found in documents] == expected
    assert all(isinstance(found["t"], int | float) for found in documents)


def test_lines_of_blanks_between_cells_have_names_of_their_own(tmp_path: Path) -> None:
    # NASA's engines: no header, two blanks at the end.
    file = written(tmp_path, "1 1 -0.0007 100.0  \n1 2 0.0019 100.0  \n", "train_FD001.txt")

    documents, errors, _ = read(file, csv={"names": ["unit", "cycle", "a", "b"]})

    assert errors == {}
    assert documents[1] == {"unit": 1, "cycle": 2, "a": 0.0019, "b": 100.0}


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a;b\n1;2\n", {"a": 1, "b": 2}), ('{"a": 1}\n', {"a": 1}), ("", None)],
)
def test_a_name_that_has_no_format_leaves_it_to_the_content(
    tmp_path: Path, text: str, expected: dict[str, int] | None
) -> None:
    documents, _, _ = read(written(tmp_path, text, "readings.txt"))

    assert documents == ([] if expected is None else [expected])


def test_a_column_with_a_dot_is_reported_with_how_to_write(tmp_path: Path, caplog) -> None:
    read(written(tmp_path, "no,pm2.5\n1,2\n"), fields=frozenset({"pm2"}))

    assert 'a column with a dot is written ["pm2.5"]' in caplog.text


def test_a_column_that_comes_twice_keeps_its_first_and_is_reported(tmp_path: Path, caplog) -> None:
    # Of a station with two sensors, as spreadsheets export it.
    file = written(tmp_path, "time,temp,temp,temp_2\n1,20.5,30.5,40.5\n")

    documents, _, _ = read(file, fields=frozenset({"time", "temp"}))

    assert documents == [{"time": 1, "temp": 20.5, "temp_3": 30.5, "temp_2": 40.5}]
    assert "of several called temp, the first is read; temp_3 is another" in caplog.text


def test_a_header_that_comes_again_is_no_row(tmp_path: Path) -> None:
    # Several tables in one file, as InfluxDB exports them, and files put together.
    file = written(tmp_path, "id,temp\na,1\n\nid,temp\nb,2\n")

    documents, errors, _ = read(file)

    assert (documents, errors) == ([{"id": "a", "temp": 1}, {"id": "b", "temp": 2}], {})


@pytest.mark.parametrize("encoding", ["cp424", "hz", "iso2022_jp", "utf-7", "utf-16", "shift_jis"])
def test_bytes_that_are_not_of_the_encoding_end_nothing(tmp_path: Path, encoding: str) -> None:
    rng = np.random.default_rng(1)
    written(tmp_path, rng.bytes(20_000), "a.ndjson")
    written(tmp_path, "{}\n".encode(encoding), "b.ndjson")
    part = source(f"{tmp_path}/*", encoding=encoding).source()

    first = batches(part.build_part("s", "0", None))
    second = batches(part.build_part("s", "1", None))

    assert sum(map(len, first)) >= 1
    assert [value for batch in second for value in batch.values] == [b"{}"]
