"""Records of an Avro file as JSON objects."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import IO, Any

import orjson

from connectors.files.avro_blocks import blocks
from connectors.files.plain import plain
from connectors.formats.avro_arrays import check_arrays
from engine.domain.errors import ConnectorError


def avro_rows(file: IO[bytes], path: str, skip: int) -> Iterator[tuple[int, bytes]]:
    """Yield number and payload of each record, the first `skip` records left out.

    Times become texts in ISO 8601, and bytes become texts.

    Raises:
        ConnectorError: fastavro is not installed, or it is not an Avro file.
        EOFError: the file is cut off or damaged.
    """
    try:
        fastavro = import_module("fastavro")
    except ModuleNotFoundError:
        advice = "pip install 'pynomaly-engine[formats]'"
        raise ConnectorError(f"{path}: reading Avro needs the package fastavro: {advice}") from None
    try:
        opened = fastavro.reader(file)
    except EOFError:
        raise
    except Exception as error:  # noqa: BLE001 - fastavro raises anything on damaged bytes
        raise ConnectorError(f"{path} is not an Avro file that can be read: {error}") from None
    try:
        for number, payload in enumerate(_payloads(fastavro, opened, file)):
            if number >= skip:
                yield number, payload
    except ConnectorError as error:
        raise ConnectorError(f"{path}: {error}") from None


def _payloads(fastavro: Any, opened: Any, file: IO[bytes]) -> Iterator[bytes]:
    """Yield records as JSON.

    Raises:
        ConnectorError: what unpacks them is not installed.
        EOFError: one of them is cut off or damaged.
    """
    try:
        known: dict[str, Any] = {}
        found = orjson.loads(opened.metadata["avro.schema"])
        schema = fastavro.parse_schema(found, named_schemas=known)
        check_arrays(schema, known)
        for count, block in blocks(file, opened.metadata.get("avro.codec", "null")):
            for _ in range(count):
                record = fastavro.schemaless_reader(block, schema, None)
                yield orjson.dumps(record, default=plain)
    except (EOFError, ConnectorError):
        raise
    except Exception as error:  # noqa: BLE001 - fastavro raises anything on damaged bytes
        raise EOFError(f"a record cannot be read ({type(error).__name__}: {error})") from None
