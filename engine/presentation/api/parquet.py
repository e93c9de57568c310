"""Rows as Parquet: written a row group at a time, so that memory is bounded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Any

from engine.domain.control.errors import ConflictError

if TYPE_CHECKING:
    import pyarrow
    from pyarrow.parquet import ParquetWriter

GROUP_ROWS = 5_000


class ColumnType(StrEnum):
    """The type of a column."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    TIME = "time"
    """In ns since 1970."""


def parquet_of(
    rows: Iterator[Mapping[str, Any]], columns: Mapping[str, ColumnType]
) -> Iterator[bytes]:
    """Return the parts of a Parquet file.

    Args:
        rows: to write.
        columns: of each row.

    Raises:
        ConflictError: pyarrow is not installed.
    """
    try:
        from pyarrow.parquet import ParquetWriter
    except ImportError:
        raise ConflictError(
            'Parquet needs pyarrow on the server: pip install "pynomaly-engine[parquet]"'
        ) from None
    return _parts(rows, _schema(columns), ParquetWriter)


def _parts(
    rows: Iterator[Mapping[str, Any]], schema: pyarrow.Schema, writer_of: type[ParquetWriter]
) -> Iterator[bytes]:
    import pyarrow

    file = _Parts()
    with writer_of(pyarrow.PythonFile(file, mode="w"), schema, compression="zstd") as writer:
        while group := list(islice(rows, GROUP_ROWS)):
            writer.write_table(pyarrow.Table.from_pylist(group, schema))
            yield file.taken()
    yield file.taken()


def _schema(columns: Mapping[str, ColumnType]) -> pyarrow.Schema:
    import pyarrow

    types = {
        ColumnType.TEXT: pyarrow.string(),
        ColumnType.INTEGER: pyarrow.int64(),
        ColumnType.NUMBER: pyarrow.float64(),
        ColumnType.TIME: pyarrow.timestamp("ns", tz="UTC"),
    }
    return pyarrow.schema([(name, types[one]) for name, one in columns.items()])


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
