"""Lines of a file as messages: NDJSON as it stands, CSV rows as JSON objects; gzip by suffix."""

from __future__ import annotations

import csv
import gzip
import math
import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Literal, cast

import orjson

Format = Literal["ndjson", "csv"]
INTEGER = re.compile(r"\s*[+-]?[0-9]{1,18}\s*", re.ASCII)
NUMBER = re.compile(r"\s*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?\s*", re.ASCII)
NOT_NUMBERS = {"nan", "NaN", "NAN"}
"""Cells that say that there is no number."""
LONGEST_LINE = 128 * 2**20
"""Bytes read of one line: a file that is no text must not fill the memory."""


def format_of(path: Path) -> Format:
    """Return the format that a file's name tells: .csv and .csv.gz are CSV, all else NDJSON."""
    suffixes = [suffix for suffix in path.suffixes if suffix != ".gz"]
    return "csv" if suffixes and suffixes[-1] == ".csv" else "ndjson"


def read_messages(
    path: Path, kind: Format, skip: int, texts: frozenset[str] = frozenset()
) -> Iterator[tuple[int, bytes]]:
    """Yield number and payload of each line that is not blank, the first `skip` lines left out.

    Args:
        path: the file.
        kind: its format.
        skip: number of the first line to yield.
        texts: columns of CSV whose cells stay texts, also where they look like numbers.

    Raises:
        OSError: the file cannot be read.
    """
    with _open(path) as file:
        _skip_byte_order_mark(file)
        numbered = enumerate(_csv_rows(file, texts) if kind == "csv" else _lines(file))
        for number, payload in numbered:
            if number >= skip and payload:
                yield number, payload


def _open(path: Path) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path) if path.suffix == ".gz" else path.open("rb"))


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    while line := file.readline(LONGEST_LINE):
        yield line.strip()


def _skip_byte_order_mark(file: IO[bytes]) -> None:
    if file.read(len(BOM_UTF8)) != BOM_UTF8:
        file.seek(0)


def _csv_rows(file: IO[bytes], as_text: frozenset[str]) -> Iterator[bytes]:
    texts = (line.decode("utf-8", "surrogateescape") for line in file)
    for row in csv.DictReader(texts):
        cells = {
            name: text if name in as_text else _cell(text)
            for name, text in row.items()
            if name and text
        }
        try:
            yield orjson.dumps(cells)
        except TypeError:
            # Not UTF-8: passed on as it is, to be rejected with its reason.
            yield ",".join(map(str, row.values())).encode("utf-8", "surrogateescape")


def _cell(text: str) -> str | int | float | None:
    if INTEGER.fullmatch(text):
        return int(text)
    if NUMBER.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    return None if text in NOT_NUMBERS else text
