"""Rows of a Parquet file as JSON objects."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import IO, Any

import orjson

from connectors.files.plain import plain
from engine.domain.errors import ConnectorError

BATCH_ROWS, BATCH_BYTES = 5_000, 4 * 2**20
"""Most rows that are held at once, and about as many bytes of larger ones."""
PAGE_ROWS, PAGE_BYTES = 1_024, 256 * 2**20
"""Rows that writers put into a page at least, and most bytes of it: it is unpacked as a whole."""
FIRST_ROWS = 16
"""Rows that show how large those of their group are."""


def parquet_rows(file: IO[bytes], path: str, skip: int) -> Iterator[tuple[int, bytes]]:
    """Yield number and payload of each row, the first `skip` rows left out.

    Times become texts in ISO 8601, to the nanosecond; spans of time are seconds.

    Raises:
        ConnectorError: pyarrow is not installed, or it is not a Parquet file.
    """
    try:
        arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    except ModuleNotFoundError:
        advice = "pip install 'pynomaly-engine[parquet]'"
        raise ConnectorError(
            f"{path}: reading Parquet needs the package pyarrow: {advice}"
        ) from None
    try:
        opened = parquet.ParquetFile(file)
        number = 0
        for group in range(opened.metadata.num_row_groups):
            count = opened.metadata.row_group(group).num_rows
            _check_size(opened.metadata.row_group(group), path)
            if number + count <= skip:
                number += count
                continue
            for batch in opened.iter_batches(_rows_at_once(opened, group), row_groups=[group]):
                for row in _readable(arrow, batch).to_pylist(maps_as_pydicts="lossy"):
                    if number >= skip:
                        yield number, orjson.dumps(row, default=plain)
                    number += 1
    except arrow.ArrowException as error:
        raise ConnectorError(f"{path} is not a Parquet file that can be read: {error}") from None


def _check_size(group: Any, path: str) -> None:
    for place in range(group.num_columns):
        column = group.column(place)
        size, rows = column.total_uncompressed_size, max(1, group.num_rows)
        if size * min(rows, PAGE_ROWS) > PAGE_BYTES * rows:
            found = f"{size} bytes of {column.path_in_schema} in {rows} rows"
            advice = "leave the column out, or write fewer rows a row group"
            raise ConnectorError(f"{path} has {found}, which takes too much memory: {advice}")


def _rows_at_once(opened: Any, group: int) -> int:
    """Return how many rows of a group are held at once; a few bytes may unpack to a large text."""
    first = next(opened.iter_batches(FIRST_ROWS, row_groups=[group]), None)
    if first is None or first.nbytes == 0:
        return BATCH_ROWS
    fitting = BATCH_BYTES * int(first.num_rows) // int(first.nbytes)
    return min(max(fitting, 1), BATCH_ROWS)


def _readable(arrow: Any, batch: Any) -> Any:
    """Return a batch whose times are texts and whose decimals are numbers."""
    columns = [_readable_column(arrow, column) for column in batch.columns]
    return arrow.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _readable_column(arrow: Any, column: Any) -> Any:
    kinds, kind = arrow.types, column.type
    if kinds.is_timestamp(kind):
        utc = arrow.timestamp(kind.unit)
        text = column.cast(utc).cast(arrow.string())
        suffix = arrow.scalar("Z" if kind.tz is not None else "")
        return arrow.compute.binary_join_element_wise(text, suffix, "")
    if kinds.is_date(kind) or kinds.is_time(kind):
        return column.cast(arrow.string())
    if kinds.is_decimal(kind):
        return column.cast(arrow.float64())
    if kinds.is_struct(kind):
        inner = [_readable_column(arrow, part) for part in column.flatten()]
        names = [kind.field(place).name for place in range(kind.num_fields)]
        return arrow.StructArray.from_arrays(inner, names=names, mask=column.is_null())
    return column
