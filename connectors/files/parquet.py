"""Rows of a Parquet file as JSON objects."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import IO, Any

import orjson

from connectors.files.plain import plain
from connectors.files.streams import is_damage
from connectors.files.unreadable import Message, UnfitFileError, unread
from engine.domain.errors import ConnectorError

BATCH_ROWS, BATCH_BYTES = 5_000, 4 * 2**20
"""Most rows that are held at once, and about as many bytes of larger ones."""
PAGE_ROWS, PAGE_BYTES = 1_024, 256 * 2**20
"""Rows that writers put into a page at least, and most bytes of it: it is unpacked as a whole."""
FIRST_ROWS = 16
"""Rows that show how large those of their group are."""
UNFIT = "a text in it is not UTF-8, or a time in it is out of range"


def parquet_rows(file: IO[bytes], path: str, skip: int) -> Iterator[Message]:
    """Yield number and payload of each row, the first `skip` rows left out.

    Times become texts in ISO 8601, to the nanosecond; spans of time are seconds. Rows of a group
    that cannot be read are one message with the reason.

    Raises:
        ConnectorError: pyarrow is not installed.
        UnfitFileError: it is not a Parquet file.
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
    except (arrow.ArrowException, OSError) as error:
        if isinstance(error, OSError) and not is_damage(error):
            raise
        raise UnfitFileError(f"it is not a Parquet file: {error}") from None
    number = 0
    for group in range(opened.metadata.num_row_groups):
        count = opened.metadata.row_group(group).num_rows
        if number + count > skip:
            for message in _rows(arrow, opened, group, number):
                if message[0] >= skip:
                    yield message
        number += count


def _rows(arrow: Any, opened: Any, group: int, first: int) -> Iterator[Message]:
    """Yield the rows of a group, and one message for those that cannot be read."""
    number, last = first, first + opened.metadata.row_group(group).num_rows - 1
    why = _too_large(opened.metadata.row_group(group))
    if why:
        yield unread(first, last, why)
        return
    try:
        for batch in opened.iter_batches(_rows_at_once(opened, group), row_groups=[group]):
            for payload in _payloads(arrow, batch):
                yield (number, payload, None) if payload else unread(number, number, UNFIT)
                number += 1
    except Exception as error:
        if not (isinstance(error, arrow.ArrowException) or is_damage(error)):
            raise
        yield unread(number, last, f"the row group is damaged: {error}")


def _payloads(arrow: Any, batch: Any) -> Iterator[bytes]:
    """Yield rows as JSON; an empty text for each that has no form there."""
    try:
        rows = _readable(arrow, batch).to_pylist(maps_as_pydicts="lossy")
    except (ValueError, OverflowError, arrow.ArrowException):
        if batch.num_rows == 1:
            yield b""
            return
        for row in range(batch.num_rows):
            yield from _payloads(arrow, batch.slice(row, 1))
        return
    for row in rows:
        yield orjson.dumps(row, default=plain)


def _too_large(group: Any) -> str:
    """Return why a group takes too much memory; an empty text if it does not."""
    for place in range(group.num_columns):
        column = group.column(place)
        size, rows = column.total_uncompressed_size, max(1, group.num_rows)
        if size * min(rows, PAGE_ROWS) > PAGE_BYTES * rows:
            found = f"{size} bytes of {column.path_in_schema} in {rows} rows"
            advice = "leave the column out, or write fewer rows a row group"
            return f"{found} take too much memory: {advice}"
    return ""


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
