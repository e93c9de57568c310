"""The format of a file: by its name, or by what it begins with."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Literal

from connectors.files.streams import unpacked_name
from connectors.files.unreadable import UnfitFileError

Format = Literal["ndjson", "csv", "parquet", "avro"]
SUFFIXES: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "ndjson",
    ".jsonl": "ndjson",
    ".ndjson": "ndjson",
    ".geojson": "ndjson",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".avro": "avro",
}
BINARY: dict[bytes, Format] = {b"PAR1": "parquet", b"Obj\x01": "avro"}
"""What binary files begin with."""
UNREADABLE = {
    b"ARROW1": "Arrow (Feather)",
    b"ORC": "ORC",
    b"\x89HDF": "HDF5",
    b"CDF\x01": "NetCDF",
    b"SQLite format 3": "SQLite",
    b"\xd0\xcf\x11\xe0": "a spreadsheet of old Excel",
    b"%PDF": "PDF",
}
"""What files begin with that there is no reader for."""
SAMPLE_BYTES = 4_096
ROTATED = re.compile(r"[.-]\d+$")
"""What logrotate puts behind a name: .1 or -20260131."""


def format_of(path: str) -> Format | None:
    """Return the format by a file's name, also if it was rotated; None if the name has none."""
    name = ROTATED.sub("", unpacked_name(path))
    return SUFFIXES.get(PurePosixPath(name).suffix.lower())


def format_by_content(begin: bytes) -> Format:
    """Return the format by the beginning of a file: CSV unless most lines begin like JSON.

    Raises:
        UnfitFileError: it is of a kind that cannot be read.
    """
    for mark, name in UNREADABLE.items():
        if begin.startswith(mark):
            advice = "write it as CSV, Parquet, Avro or lines of JSON"
            raise UnfitFileError(f"it is {name}, which is not read: {advice}")
    for mark, found in BINARY.items():
        if begin.startswith(mark):
            return found
    lines = [line.lstrip() for line in begin.splitlines() if line.strip()]
    like_json = [line.startswith((b"{", b"[")) for line in lines]
    is_json = not lines or like_json[0] or sum(like_json) * 2 > len(lines)
    return "ndjson" if is_json else "csv"
