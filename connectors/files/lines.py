"""Lines of a file as messages: NDJSON as it stands, CSV rows as JSON objects; gzip by suffix."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Literal, cast

import orjson

Format = Literal["ndjson", "csv"]
LONGEST_LINE = 128 * 2**20
"""Bytes read of one line: a file that is no text must not fill the memory."""


def format_of(path: Path) -> Format:
    """Return the format that a file's name tells: .csv and .csv.gz are CSV, all else NDJSON."""
    suffixes = [suffix for suffix in path.suffixes if suffix != ".gz"]
    return "csv" if suffixes and suffixes[-1] == ".csv" else "ndjson"


def read_messages(path: Path, kind: Format, skip: int) -> Iterator[tuple[int, bytes]]:
    """Yield number and payload of each line that is not blank, the first `skip` lines left out.

    Raises:
        OSError: the file cannot be read.
    """
    with _open(path) as file:
        numbered = enumerate(_csv_rows(file) if kind == "csv" else _lines(file))
        for number, payload in numbered:
            if number >= skip and payload:
                yield number, payload


def _open(path: Path) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path) if path.suffix == ".gz" else path.open("rb"))


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    while line := file.readline(LONGEST_LINE):
        yield line.strip()


def _csv_rows(file: IO[bytes]) -> Iterator[bytes]:
    texts = (line.decode("utf-8", "surrogateescape") for line in file)
    for row in csv.DictReader(texts):
        cells = {name: _cell(text) for name, text in row.items() if name and text}
        try:
            yield orjson.dumps(cells)
        except TypeError:
            # Not UTF-8: passed on as it is, to be rejected with its reason.
            yield ",".join(map(str, row.values())).encode("utf-8", "surrogateescape")


def _cell(text: str) -> str | int | float:
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text
