"""Files that are small until they are unpacked: memory is bounded, whatever they hold."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

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
