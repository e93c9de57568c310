"""Files that are small until they are unpacked: memory is bounded, whatever they hold."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from connectors.files.parquet import parquet_rows
from tests.unit.connectors.files.test_dialects import PACK, batches, source, written

MIB = 2**20
HUGE = 64 * MIB
MOST = 24 * MIB


@pytest.mark.parametrize("suffix", ["gz", "zst"])
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
            number, _ = next(parquet_rows(opened, str(file), 0))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert number == 0
    assert peak < MOST
