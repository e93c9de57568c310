"""Records of an Avro file as JSON objects."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import IO, Any

import orjson

from connectors.files.plain import plain
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
        records = fastavro.reader(file)
    except EOFError:
        raise
    except Exception as error:  # noqa: BLE001 - fastavro raises anything on damaged bytes
        raise ConnectorError(f"{path} is not an Avro file that can be read: {error}") from None
    for number, payload in enumerate(_payloads(records)):
        if number >= skip:
            yield number, payload


def _payloads(records: Any) -> Iterator[bytes]:
    """Yield records as JSON.

    Raises:
        EOFError: one of them is cut off or damaged.
    """
    try:
        for record in records:
            yield orjson.dumps(record, default=plain)
    except EOFError:
        raise
    except Exception as error:  # noqa: BLE001 - fastavro raises anything on damaged bytes
        raise EOFError(f"a record cannot be read ({type(error).__name__}: {error})") from None
