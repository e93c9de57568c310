"""Files that are small until they are unpacked: memory is bounded, whatever they hold."""

from __future__ import annotations

import bz2
import io
import lzma
import re
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cramjam
import fastavro
import lz4.block
import pytest
import zstandard

from connectors.files.avro import avro_rows
from connectors.files.parquet import parquet_rows
from connectors.files.unreadable import UnfitFileError
from engine.domain.reject import RejectReason
from tests.unit.connectors.files.test_dialects import PACK, batches, source, written

MIB = 2**20
HUGE = 64 * MIB
MOST = 24 * MIB


@pytest.mark.parametrize("suffix", PACK)
@pytest.mark.parametrize("name", ["a.ndjson", "a.csv"])
def test_a_line_that_unpacks_to_more_than_a_message_may_have_is_never_held(
    tmp_path: Path, name: str, suffix: str
) -> None:
    head = b"id,v\n" if name == "a.csv" else b""
    file = written(tmp_path, PACK[suffix](head + b"x" * HUGE + b"\n"), f"{name}.{suffix}")
    part = source(file, max_bytes=1_000).source().build_part("s", "0", None)
    tracemalloc.start()

    try:
        found = batches(part)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert [len(value or b"") <= 1_020 for batch in found for value in batch.values] == [True]
    assert peak < MOST


def test_large_rows_of_a_small_parquet_file_are_held_a_few_at_once(tmp_path: Path) -> None:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    file = tmp_path / "a.parquet"
    parquet.write_table(arrow.table({"text": ["x" * MIB] * 100}), file)
    assert file.stat().st_size < MIB
    tracemalloc.start()

    try:
        with file.open("rb") as opened:
            number, _, _ = next(parquet_rows(opened, str(file), 0))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert number == 0
    assert peak < MOST


def test_a_row_group_of_parquet_too_large_for_the_memory_is_left_out_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.files.parquet.PAGE_BYTES", 2 * MIB)
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    file = tmp_path / "a.parquet"
    texts = ["a", "x" * 3 * MIB, "y" * 3 * MIB, "b", "c"]
    schema = arrow.schema({"text": arrow.string()})
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        for group in (texts[:1], texts[1:3], texts[3:]):
            writer.write_table(arrow.table({"text": group}), row_group_size=2)
    assert file.stat().st_size < MIB

    with file.open("rb") as opened:
        rows = list(parquet_rows(opened, str(file), 0))
    with file.open("rb") as opened:
        later = list(parquet_rows(opened, str(file), 2))

    assert [(number, payload) for number, payload, _ in rows] == [
        (0, b'{"text":"a"}'),
        (1, b""),
        (3, b'{"text":"b"}'),
        (4, b'{"text":"c"}'),
    ]
    assert later == rows[2:]
    reason, detail = rows[1][2] or (None, "")
    assert reason is RejectReason.UNREADABLE
    assert re.fullmatch(r"rows 1 to 2 cannot be read: \d+ bytes of text in 2 rows .*", detail)


def _deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def _snappy(data: bytes) -> bytes:
    return bytes(cramjam.snappy.compress_raw(data)) + zlib.crc32(data).to_bytes(4, "big")


CODECS: dict[str, Callable[[bytes], bytes]] = {
    "null": bytes,
    "deflate": _deflate,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstandard": zstandard.compress,
    "snappy": _snappy,
    "lz4": lz4.block.compress,
}
LONGS = {"type": "record", "name": "r", "fields": [{"name": "v", "type": "long"}]}


def _number(number: int) -> bytes:
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, "long", number)
    return stream.getvalue()


def avro(
    codec: str, count: int, data: bytes, schema: Any = LONGS, behind: bytes = b""
) -> io.BytesIO:
    """Return an Avro file with a block of two sound records, another one, and one behind it."""
    stream = io.BytesIO()
    fastavro.writer(stream, fastavro.parse_schema(schema), [])
    head = stream.getvalue().replace(b"\x08null", _number(len(codec)) + codec.encode())
    file = io.BytesIO(head)
    file.seek(0, io.SEEK_END)
    last = [(len(behind), behind)] if behind else []
    for records, content in ((2, b"\x02\x04"), (count, data), *last):
        packed = CODECS[codec](content)
        file.write(_number(records) + _number(len(packed)) + packed + head[-16:])
    file.seek(0)
    return file


@pytest.mark.parametrize("codec", CODECS)
def test_an_avro_file_is_read_whatever_packed_it(codec: str) -> None:
    rows = [payload for _, payload, _ in avro_rows(avro(codec, 3, b"\x06\x08\x0a"), "a.avro", 0)]

    assert rows == [b'{"v":%d}' % number for number in range(1, 6)]


@pytest.mark.parametrize("codec", CODECS)
def test_a_block_that_unpacks_to_more_than_fits_is_left_out_with_the_reason(
    codec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.files.avro_blocks.LARGEST_BLOCK", MIB)
    file = avro(codec, 7, bytes(HUGE), behind=b"\x06")
    tracemalloc.start()

    try:
        rows = list(avro_rows(file, "a.avro", 0))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert [(number, payload) for number, payload, _ in rows] == [
        (0, b'{"v":1}'),
        (1, b'{"v":2}'),
        (2, b""),
        (9, b'{"v":3}'),
    ]
    reason, detail = rows[2][2] or (None, "")
    assert reason is RejectReason.UNREADABLE
    assert re.search(r"rows 2 to 8 cannot be read: a block (has|unpacks to more than) ", detail)
    assert peak < MOST


@pytest.mark.parametrize("count", [2**40, -1])
def test_a_block_without_bytes_has_no_records(count: int) -> None:
    rows = list(avro_rows(avro("null", count, b""), "a.avro", 0))

    assert [payload for _, payload, _ in rows] == [b'{"v":1}', b'{"v":2}', b""]
    assert "cannot hold" in str(rows[-1][2])


def test_an_empty_block_holds_nothing() -> None:
    rows = avro_rows(avro("null", 0, b""), "a.avro", 0)

    assert [payload for _, payload, _ in rows] == [b'{"v":1}', b'{"v":2}']


@pytest.mark.parametrize(
    ("count", "bad"), [(2, 4), (3, 4), (1, 3)], ids=["too many bytes", "cut off", "too few"]
)
def test_a_block_that_does_not_hold_its_records_is_one_reject(count: int, bad: int) -> None:
    data = b"\x06\x08\x0a" if count == 2 else b"\x06\x08\xff"

    rows = list(avro_rows(avro("null", count, data, behind=b"\x0a"), "a.avro", 0))

    assert [number for number, payload, _ in rows if not payload] == [bad]
    assert rows[-1][1] == b'{"v":5}'
    assert len({number for number, *_ in rows}) == len(rows)


def test_an_avro_file_with_elements_that_take_no_bytes_is_refused() -> None:
    array = {"type": "array", "items": "null"}
    schema: dict[str, Any] = {**LONGS, "fields": [{"name": "v", "type": array}]}

    with pytest.raises(UnfitFileError, match="elements take no bytes"):
        next(avro_rows(avro("null", 1, b"\x02", schema), "a.avro", 0))
