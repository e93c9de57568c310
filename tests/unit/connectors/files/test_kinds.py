"""What a file is: by its name, or by what it begins with."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import zipfile
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import fastavro
import lz4.frame
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from connectors.files.source import FileSource
from engine.domain.errors import ConnectorError
from engine.domain.reject import RejectReason
from tests.unit.connectors.files.test_dialects import batches, read, source, written

CSV = "id,v\na,1\nb,2\n"
ROWS = [{"id": "a", "v": 1}, {"id": "b", "v": 2}]
SOUND = b'{"id": 1}'
AT = datetime(2024, 1, 1, tzinfo=UTC)


def zipped(content: Mapping[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return file.getvalue()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstandard.compress,
    "lz4": lz4.frame.compress,
    "zip": lambda data: zipped({"folder/a.csv": data}),
}


@pytest.mark.parametrize("kind", PACKERS)
@pytest.mark.parametrize("name", ["a.csv", "a", "A.CSV.{}"])
def test_a_compressed_file_is_unpacked_whatever_its_name(
    tmp_path: Path, kind: str, name: str
) -> None:
    file = written(tmp_path, PACKERS[kind](CSV.encode()), name.format(kind.upper()))

    assert read(file)[:2] == (ROWS, {})


def test_members_of_gzip_that_follow_each_other_are_one_file(tmp_path: Path) -> None:
    first, second = CSV.encode()[:11], CSV.encode()[11:]
    file = written(tmp_path, gzip.compress(first) + gzip.compress(second), "a.csv.gz")

    assert read(file)[0] == ROWS


def test_a_zip_of_several_files_and_a_spreadsheet_are_refused(tmp_path: Path) -> None:
    several = written(tmp_path, zipped({"a.csv": b"", "b.csv": b""}), "a.zip")
    spreadsheet = written(tmp_path, zipped({"[Content_Types].xml": b"", "xl/a": b""}), "a.xlsx")

    with pytest.raises(ConnectorError, match="holds 2 files, expected one"):
        source(several).check(5)
    with pytest.raises(ConnectorError, match=r"is a spreadsheet .*: export CSV"):
        source(spreadsheet).check(5)


@pytest.mark.parametrize(
    ("begin", "name"), [(b"ARROW1\0\0", "Arrow"), (b"ORC\n", "ORC"), (b"\x89HDF\r\n", "HDF5")]
)
def test_a_kind_that_is_not_read_is_named(tmp_path: Path, begin: bytes, name: str) -> None:
    with pytest.raises(ConnectorError, match=rf"is {name}.*: write it as CSV, Parquet, Avro"):
        source(written(tmp_path, begin, "a.bin")).check(5)


def test_a_log_of_json_that_begins_with_another_line_is_lines(tmp_path: Path) -> None:
    file = written(tmp_path, 'started\n{"v": 1}\n{"v": 2}\n', "a.log")

    (batch,) = batches(source(file).source().build_part("s", "0", None))

    assert batch.values == [b"started", b'{"v": 1}', b'{"v": 2}']


def test_a_file_of_another_format_of_messages_is_lines_whatever_its_name(tmp_path: Path) -> None:
    file = written(tmp_path, "cpu,host=h1 idle=90\ncpu,host=h2 idle=91\n", "a.txt")

    (batch,) = batches(source(file, format_name="influx").source().build_part("s", "0", None))

    assert batch.values == [b"cpu,host=h1 idle=90", b"cpu,host=h2 idle=91"]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        (
            "#Software: Internet Information Services\n#Version: 1.0\n"
            "#Fields: date time s-ip time-taken\n2024-01-01 00:00:00 10.0.0.1 15\n",
            [{"date": "2024-01-01", "time": "00:00:00", "s-ip": "10.0.0.1", "time-taken": 15}],
        ),
        (
            "#Version: 1.0\n#Fields: date\ttime\tsc-bytes\n2024-01-01\t00:00:00\t15\n",
            [{"date": "2024-01-01", "time": "00:00:00", "sc-bytes": 15}],
        ),
        (
            "#separator \\x09\n#fields\tts\tid.orig_h\tduration\n#types\ttime\taddr\tinterval\n"
            "1704067200.5\t10.0.0.1\t-\n#close\t2024-01-01\n",
            [{"ts": 1704067200.5, "id.orig_h": "10.0.0.1", "duration": "-"}],
        ),
    ],
    ids=["IIS", "CloudFront", "Zeek"],
)
def test_a_log_names_its_columns_in_a_comment(
    tmp_path: Path, text: str, rows: list[dict[str, object]]
) -> None:
    assert read(written(tmp_path, text, "access.log"))[:2] == (rows, {})


def parquet(**columns: pa.Array) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


@pytest.mark.parametrize("name", ["a.pq", "part-00000", "a.snappy.parquet"])
def test_parquet_is_read_whatever_its_name(tmp_path: Path, name: str) -> None:
    file = written(tmp_path, parquet(id=pa.array(["a"])), name)

    assert read(file)[0] == [{"id": "a"}]


def test_nested_decimals_times_spans_and_maps_of_parquet_are_plain(tmp_path: Path) -> None:
    inner = pa.struct([("at", pa.timestamp("us", "UTC")), ("price", pa.decimal128(10, 2))])
    file = written(
        tmp_path,
        parquet(
            inner=pa.array([{"at": AT, "price": Decimal("12.34")}, None], inner),
            prices=pa.array([[Decimal("1.5")], []], pa.list_(pa.decimal128(10, 2))),
            took=pa.array([timedelta(seconds=1.5), None], pa.duration("us")),
            tags=pa.array([[("host", "h1")], []], pa.map_(pa.string(), pa.string())),
        ),
        "a.parquet",
    )

    assert read(file)[0] == [
        {
            "inner": {"at": "2024-01-01 00:00:00.000000Z", "price": 12.34},
            "prices": [1.5],
            "took": 1.5,
            "tags": {"host": "h1"},
        },
        {"inner": None, "prices": [], "took": None, "tags": {}},
    ]


CAPTURE = {
    "type": "record",
    "name": "EventData",
    "fields": [
        {"name": "EnqueuedTimeUtc", "type": "string"},
        {"name": "SystemProperties", "type": {"type": "map", "values": ["long", "string"]}},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "day", "type": {"type": "int", "logicalType": "date"}},
        {
            "name": "price",
            "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2},
        },
        {"name": "Body", "type": ["null", "bytes"]},
    ],
}


@pytest.mark.parametrize("codec", ["null", "deflate"])
@pytest.mark.parametrize("name", ["33.avro", "00000"])
def test_records_of_an_avro_file_are_objects(tmp_path: Path, codec: str, name: str) -> None:
    record = {
        "EnqueuedTimeUtc": "1/1/2024 12:00:00 AM",
        "SystemProperties": {"iothub-connection-device-id": "d1", "x-opt-offset": 7},
        "at": AT,
        "day": date(2024, 1, 1),
        "price": Decimal("12.34"),
        "Body": b'{"temp": 1.5}',
    }
    content = io.BytesIO()
    fastavro.writer(content, fastavro.parse_schema(CAPTURE), [record] * 3, codec=codec)
    file = written(tmp_path, content.getvalue(), name)

    documents, errors, _ = read(file, skip=1)

    plain = {
        "at": "2024-01-01T00:00:00+00:00",
        "day": "2024-01-01",
        "price": 12.34,
        "Body": '{"temp": 1.5}',
    }
    assert (documents, errors) == ([record | plain] * 2, {})


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-500],
        lambda content: content[:-500] + b"\xff" * 500,
    ],
    ids=["cut off", "other bytes at its end"],
)
def test_an_avro_file_that_is_damaged_is_read_up_to_there(tmp_path: Path, damage: Any) -> None:
    plugin = source(written(tmp_path, damage(many_blocks()), "a.avro"))

    found = values(plugin)

    assert found[:2] == [b'{"v":0}', b'{"v":1}']
    assert 1_000 < len(found) < 9_000
    assert found[-1] == b""
    with pytest.raises(ConnectorError, match=r"a\.avro is cut off or damaged"):
        plugin.finish()


@pytest.mark.parametrize("bytes_there", [b"", b"\xff" * 9], ids=["a byte more", "other bytes"])
def test_blocks_behind_a_damaged_one_are_read(tmp_path: Path, bytes_there: bytes) -> None:
    content = many_blocks()
    half, more = len(content) // 2, bytes_there or b"\x01"
    content = content[:half] + more + content[half + len(bytes_there) :]
    plugin = source(written(tmp_path, content, "a.avro"))

    found = values(plugin)

    plugin.finish()
    assert found.count(b"") == 1
    assert 8_000 < len(found) < 9_001
    assert found[-1] == b'{"v":8999}'


def test_rows_of_parquet_that_cannot_be_read_are_rejects_and_others_live(tmp_path: Path) -> None:
    file = tmp_path / "a.parquet"
    texts = pa.array([b"a", b"\xff", b"c"]).view(pa.string())
    pq.write_table(pa.table({"id": texts}), file)

    documents, errors, _ = read(file)

    assert documents == [{"id": "a"}, {"id": "c"}]
    assert {number: reason for number, (reason, _) in errors.items()} == {
        1: RejectReason.UNREADABLE
    }


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("b.parquet", b""),
        ("b.parquet", b"PAR1 and no more"),
        ("b.avro", b""),
        ("b.avro", b"Obj\x01 and no more"),
        ("b.csv.zip", zipped({"a.csv": b"", "b.csv": b""})),
        ("b.ndjson.gz", gzip.compress(b"{}\n" * 9, mtime=0)[:12]),
        ("b.csv.zst", b"no zstd"),
    ],
)
def test_files_that_cannot_be_read_are_rejects_and_others_are_read(
    tmp_path: Path, name: str, content: bytes
) -> None:
    for other in ("a.ndjson", "c.ndjson"):
        written(tmp_path, SOUND + b"\n", other)
    os.utime(written(tmp_path, content, name), (0, 0))
    part = source(f"{tmp_path}/*", follow=True).source().build_part("s", "0", None)

    found = [batch for _ in range(5) for batch in part.next_batch()]

    part.close()
    assert [value for batch in found for value in batch.values] == [SOUND, b"", SOUND]
    [(reason, detail)] = [finding for batch in found for finding in (batch.errors or {}).values()]
    assert reason is RejectReason.UNREADABLE
    assert name in detail


def test_a_followed_file_that_is_gone_before_it_is_read_is_a_reject(tmp_path: Path) -> None:
    for name in ("a.ndjson", "b.ndjson", "c.ndjson"):
        written(tmp_path, SOUND + b"\n", name)
    part = source(f"{tmp_path}/*", follow=True).source().build_part("s", "0", None)
    found = list(part.next_batch())
    (tmp_path / "b.ndjson").unlink()

    found += [batch for _ in range(4) for batch in part.next_batch()]

    part.close()
    assert [value for batch in found for value in batch.values] == [SOUND, b"", SOUND]
    assert "b.ndjson cannot be read" in str(found[1].errors)


def test_a_followed_file_that_is_still_being_written_is_read_on_when_it_is_whole(
    tmp_path: Path,
) -> None:
    whole = gzip.compress(b"".join(b'{"id": %d}\n' % n for n in range(90_000)))
    file = written(tmp_path, whole[: len(whole) // 2], "a.ndjson.gz")
    os.utime(file, (0, 0))
    part = source(f"{tmp_path}/*", follow=True).source().build_part("s", "0", None)
    found = list(part.next_batch())
    file.write_bytes(whole)

    while sum(map(len, found)) < 90_000:
        found += part.next_batch()

    part.close()
    assert not any(batch.errors for batch in found)
    assert [value for batch in found for value in batch.values] == [
        b'{"id": %d}' % n for n in range(90_000)
    ]


def many_blocks() -> bytes:
    content = io.BytesIO()
    schema = fastavro.parse_schema(
        {"type": "record", "name": "r", "fields": [{"name": "v", "type": "long"}]}
    )
    fastavro.writer(content, schema, ({"v": n} for n in range(9_000)), sync_interval=1_000)
    return content.getvalue()


def values(plugin: FileSource) -> list[bytes | None]:
    part = plugin.source().build_part("s", "0", None)
    return [value for batch in batches(part) for value in batch.values]
