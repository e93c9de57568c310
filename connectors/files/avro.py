"""Records of an Avro file as JSON objects."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from importlib import import_module
from typing import IO, Any

import orjson

from connectors.files.avro_blocks import Problem, blocks
from connectors.files.plain import plain
from connectors.files.remote import UnreachableError
from connectors.files.unreadable import Message, UnfitFileError, unread
from connectors.formats.avro_arrays import check_arrays
from engine.domain.errors import ConnectorError, PynomalyError


def avro_rows(file: IO[bytes], path: str, skip: int) -> Iterator[Message]:
    """Yield number and payload of each record, the first `skip` records left out.

    Times become texts in ISO 8601, and bytes become texts. A block that cannot be read is one
    message with the reason.

    Raises:
        ConnectorError: fastavro is not installed, or nothing that unpacks the blocks.
        UnfitFileError: it is not an Avro file.
        EOFError: it is cut off.
    """
    try:
        fastavro = import_module("fastavro")
    except ModuleNotFoundError:
        advice = "pip install 'pynomaly-engine[formats]'"
        raise ConnectorError(f"{path}: reading Avro needs the package fastavro: {advice}") from None
    try:
        opened = fastavro.reader(file)
        schema = _schema(fastavro, opened)
    except PynomalyError:
        raise
    except Exception as error:  # noqa: BLE001 - fastavro raises anything on damaged bytes
        raise UnfitFileError(f"it is not an Avro file: {error}") from None
    number = 0
    try:
        for count, block in blocks(file, opened.metadata.get("avro.codec", "null")):
            rows = _records(fastavro, schema, number, count, block)
            number = yield from _behind(skip, rows)
    except (UnfitFileError, UnreachableError):
        raise
    except ConnectorError as error:
        raise ConnectorError(f"{path}: {error}") from None


def _schema(fastavro: Any, opened: Any) -> Any:
    known: dict[str, Any] = {}
    found = orjson.loads(opened.metadata["avro.schema"])
    schema = fastavro.parse_schema(found, named_schemas=known)
    check_arrays(schema, known)
    return schema


def _behind(skip: int, rows: Generator[Message, None, int]) -> Generator[Message, None, int]:
    """Yield the messages from a number on; return what the generator of all returns."""
    while True:
        try:
            message = next(rows)
        except StopIteration as end:
            return int(end.value)
        if message[0] >= skip:
            yield message


def _records(
    fastavro: Any, schema: Any, first: int, count: int, block: IO[bytes] | Problem
) -> Generator[Message, None, int]:
    """Yield the records of a block as JSON, and one message for those that cannot be read.

    Returns:
        The number of the first record behind them.
    """
    last, number = first + count - 1, first
    if isinstance(block, Problem):
        yield unread(first, last, block.text)
        return first + count
    try:
        for number in range(first, first + count):
            record = fastavro.schemaless_reader(block, schema, None)
            yield number, orjson.dumps(record, default=plain), None
    except Exception as error:  # noqa: BLE001 - fastavro raises anything on damaged bytes
        yield unread(number, last, f"a record is damaged ({type(error).__name__}: {error})")
        return first + count
    if block.read(1):
        yield unread(first + count, first + count, "a block has more bytes than records")
        return first + count + 1
    return first + count
