"""Payloads of a format plug-in as messages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import orjson

from engine.domain.batch import Bools, Headers, RawBatch
from engine.domain.errors import PynomalyError
from engine.domain.format import ColumnFormat, Format, FormatError
from engine.domain.mapping import EventMapping
from engine.domain.names import ELEMENT_HEADER
from operators.decode.columns import Table, can_be_columns
from operators.decode.decoded import Decoded

_ADDRESS = re.compile(r"(?:from )?<[^<>]* at 0x[0-9a-f]+>")
"""Of an object in memory: a reject that is read again must be the same."""
FEWEST = 16
"""Payloads that are worth to be read in columns."""


class FormatMessages:
    """Decodes payloads one by one; what cannot be decoded becomes an error of its batch."""

    def __init__(self, read: Format, mapping: EventMapping) -> None:
        self._format = read
        self._max_bytes = mapping.max_bytes
        self._paths = frozenset(mapping.paths)
        is_flat = mapping.explode is None and can_be_columns(self._paths)
        self._columns = read if is_flat and isinstance(read, ColumnFormat) else None

    def decode(self, raw: Sequence[RawBatch]) -> tuple[list[RawBatch], Decoded, Bools]:
        """Return the batches with their errors, the documents, and what says nothing."""
        table = self._table(raw)
        if table is not None:
            n = len(table)
            return list(raw), Decoded(table, np.arange(n)), np.zeros(n, np.bool_)
        documents: list[Any] = []
        rows: list[int] = []
        passed: list[bool] = []
        noted = []
        for batch in raw:
            errors = dict(batch.errors or {})
            for row, payload in enumerate(batch.values):
                place = len(passed)
                passed.append(False)
                if not payload or len(payload) > self._max_bytes or row in errors:
                    continue
                found = self._document(payload, batch, row)
                if isinstance(found, FormatError):
                    errors[row] = found.finding
                elif found is None:
                    passed[place] = True
                else:
                    documents.append(found)
                    rows.append(place)
            noted.append(replace(batch, errors=errors) if errors else batch)
        return noted, Decoded(documents, np.array(rows, np.int64)), np.array(passed, np.bool_)

    def _table(self, raw: Sequence[RawBatch]) -> Table | None:
        """Return the columns of all payloads, if they can be read at once."""
        count = sum(map(len, raw))
        if self._columns is None or count < FEWEST or any(batch.errors for batch in raw):
            return None
        payloads = [payload for batch in raw for payload in batch.values if payload]
        if len(payloads) < count or max(map(len, payloads)) > self._max_bytes:
            return None
        columns = self._columns.columns(payloads, self._paths)
        return None if columns is None else Table(columns, count)

    def _document(self, payload: bytes, batch: RawBatch, row: int) -> Any:
        try:
            return document_of(self._format, payload, batch.headers(row))
        except FormatError as error:
            return error
        except PynomalyError:
            raise
        except Exception as error:  # noqa: BLE001 - libraries raise anything on crafted bytes
            return FormatError(f"the payload is no {self._format.name}: {error_text(error)}")


def document_of(read: Format, payload: bytes, headers: Headers) -> Any:
    """Return the document that a payload holds.

    An element of a message that was a dead letter comes back as JSON, whatever the message was.

    Raises:
        FormatError: it is not of the format.
    """
    if headers and any(name == ELEMENT_HEADER for name, _ in headers):
        try:
            return orjson.loads(payload)
        except orjson.JSONDecodeError as error:
            raise FormatError(f"the element is not JSON: {error.msg}") from None
    return read.decode(payload, headers)


def error_text(error: Exception) -> str:
    """Return what an error of a library says, as a reject may repeat it."""
    text = " ".join(_ADDRESS.sub("", str(error)).split())
    return f"{type(error).__name__} {text}"[:200]
