"""Anomalies as Parquet: written a row group at a time, so that memory is bounded."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

import orjson

from engine.domain.control.errors import ConflictError
from engine.domain.control.stored_anomaly import StoredAnomaly

if TYPE_CHECKING:
    import pyarrow

GROUP_ROWS = 5_000


def parquet_of(found: Iterator[StoredAnomaly]) -> Iterator[bytes]:
    """Return the parts of a Parquet file: the columns of lists, and the whole document as JSON.

    Raises:
        ConflictError: pyarrow is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise ConflictError(
            'Parquet needs pyarrow on the server: pip install "pynomaly-engine[parquet]"'
        ) from None
    return _parts(found, _schema(pyarrow))


def _parts(found: Iterator[StoredAnomaly], schema: pyarrow.Schema) -> Iterator[bytes]:
    import pyarrow
    from pyarrow.parquet import ParquetWriter

    file = _Parts()
    with ParquetWriter(pyarrow.PythonFile(file, mode="w"), schema, compression="zstd") as writer:
        while rows := list(islice(found, GROUP_ROWS)):
            writer.write_table(pyarrow.Table.from_pylist(list(map(_row, rows)), schema))
            yield file.taken()
    yield file.taken()


def _schema(pyarrow: pyarrow) -> pyarrow.Schema:
    text, number = pyarrow.string(), pyarrow.float64()
    return pyarrow.schema(
        [
            ("id", text),
            ("pipeline", text),
            ("entity", text),
            ("time", pyarrow.timestamp("ns", tz="UTC")),
            ("severity", text),
            ("kind", text),
            ("score", number),
            ("p_value", number),
            ("incident", text),
            ("summary", text),
            ("document", text),
        ]
    )


def _row(one: StoredAnomaly) -> dict[str, object]:
    document = orjson.dumps(one.document).decode()
    fields = {name: getattr(one, name) for name in StoredAnomaly.__slots__}
    return {**fields, "severity": one.severity.value, "document": document}


class _Parts:
    """A file to write to, of which what is written is taken away."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, part: bytes) -> int:
        """Keep a part until it is taken."""
        self._parts.append(bytes(part))
        return len(part)

    def taken(self) -> bytes:
        """Return what was written since the last time."""
        found = b"".join(self._parts)
        self._parts.clear()
        return found

    def flush(self) -> None:
        """Do nothing: there is nothing behind it."""

    def close(self) -> None:
        """Take no more."""
        self.closed = True
