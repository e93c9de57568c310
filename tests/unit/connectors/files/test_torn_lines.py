"""A file sink whose disk is full, or beside which another process is killed in mid-line."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest

from connectors.files.sink import FileSink, FileSinkSettings, FileWriter
from engine.application.ports import RunContext
from engine.domain.errors import RetryableError
from engine.domain.record import Record


def anomaly(number: int) -> Record:
    content = orjson.dumps({"id": f"id{number}", "severity": "minor"})
    return Record(b"k", content, (("pynomaly-schema-version", b"1"),), 0, f"id{number}")


def writer(file: Path) -> FileWriter:
    plugin = FileSink(FileSinkSettings(path=str(file)), RunContext("t"), "anomalies")
    return plugin.sink().build_part("anomalies", "0", [])


def ids(file: Path) -> list[str]:
    return [orjson.loads(line)["id"] for line in file.read_bytes().splitlines()]


@contextmanager
def limited_to(size: int) -> Iterator[None]:
    """Let no file grow beyond a size: the nearest to a full disk that needs no rights."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_half_a_line_of_a_killed_process_is_cut_off_by_the_others(tmp_path: Path) -> None:
    file = tmp_path / "out.ndjson"
    part = writer(file)
    part.write_batch([[anomaly(1)]])
    with file.open("ab") as killed:
        killed.write(b'{"id": "id2", "sev')

    part.write_batch([[anomaly(3)]])
    part.close()

    assert ids(file) == ["id1", "id3"]


def test_a_full_disk_takes_whole_lines_and_is_named_with_the_cure(tmp_path: Path) -> None:
    file = tmp_path / "out.ndjson"
    first, second = writer(file), writer(file)
    first.write_batch([[anomaly(1)]])
    with limited_to(file.stat().st_size + 20):
        with pytest.raises(RetryableError) as full:
            first.write_batch([[anomaly(2), anomaly(3)]])
        first.close()
    second.write_batch([[anomaly(4)]])
    second.close()

    assert ids(file) == ["id1", "id4"]
    assert str(full.value) == (
        f'sink anomalies: "{file}" cannot be written: File too large; '
        "free space on its disk, or raise the quota or limit: nothing is lost"
    )
