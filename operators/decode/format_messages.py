"""Payloads of a format plug-in as messages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import orjson

from engine.domain.batch import Bools, Headers, Int64s, RawBatch
from engine.domain.errors import PynomalyError
from engine.domain.format import ColumnFormat, Format, FormatError
from engine.domain.mapping import EventMapping
from engine.domain.names import ELEMENT_HEADER
from operators.decode.column_sections import (
    FEWEST,
    ColumnSections,
    Section,
    in_order,
    joined,
    rows_of,
)
from operators.decode.columns import Table, can_be_columns
from operators.decode.decoded import Decoded
from operators.decode.reading import reader

_ADDRESS = re.compile(r"(?:from )?<[^<>]* at 0x[0-9a-f]+>")
"""Of an object in memory: a reject that is read again must be the same."""


class FormatMessages:
    """Decodes payloads one by one; what cannot be decoded becomes an error of its batch."""

    def __init__(self, read: Format, mapping: EventMapping) -> None:
        self._format = read
        self._max_bytes = mapping.max_bytes
        self._paths = frozenset(mapping.paths)
        is_flat = mapping.explode is None and can_be_columns(self._paths)
        columns = read if is_flat and isinstance(read, ColumnFormat) else None
        self._sections = None if columns is None else ColumnSections(columns, self._paths)
        self._readers = {path: reader(path) for path in self._paths}

    def decode(self, raw: Sequence[RawBatch]) -> tuple[list[RawBatch], Decoded, Bools]:
        """Return the batches with their errors, the documents, and what says nothing."""
        sections = self._cut(raw)
        if len(sections) == 1 and sections[0].columns is not None:
            n = sections[0].end
            table = Table(sections[0].columns, n)
            return list(raw), Decoded(table, np.arange(n)), np.zeros(n, np.bool_)
        in_columns = rows_of(sections)
        is_read = np.zeros(sum(map(len, raw)), np.bool_)
        is_read[in_columns] = True
        documents: list[Any] = []
        rows: list[int] = []
        passed: list[bool] = []
        noted = []
        for batch in raw:
            errors = dict(batch.errors or {})
            for row, payload in enumerate(batch.values):
                place = len(passed)
                passed.append(False)
                if is_read[place]:
                    continue
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
        found = Decoded(documents, np.array(rows, np.int64))
        if len(in_columns):
            found = self._together(sections, in_columns, found)
        return noted, found, np.array(passed, np.bool_)

    def _cut(self, raw: Sequence[RawBatch]) -> Sequence[Section]:
        """Return sections of the payloads that can be read in columns, and of others."""
        count = sum(map(len, raw))
        if self._sections is None or count < FEWEST or any(batch.errors for batch in raw):
            return ()
        payloads = [payload for batch in raw for payload in batch.values if payload]
        if len(payloads) < count or max(map(len, payloads)) > self._max_bytes:
            return ()
        return self._sections.of(payloads)

    def _together(
        self, sections: Sequence[Section], in_columns: Int64s, one_by_one: Decoded
    ) -> Decoded:
        """Return what was read in columns and what was read one by one, in order."""
        parts = [section.columns for section in sections if section.columns is not None]
        rows = in_columns
        if len(one_by_one.rows):
            parts.append({path: r(one_by_one.messages) for path, r in self._readers.items()})
            rows = np.concatenate([in_columns, one_by_one.rows])
        columns, order = joined(parts), np.argsort(rows)
        if len(one_by_one.rows):
            columns = {path: in_order(column, order) for path, column in columns.items()}
        return Decoded(Table(columns, len(rows)), rows[order])

    def _document(self, payload: bytes, batch: RawBatch, row: int) -> Any:
        try:
            return document_of(self._format, payload, batch.headers(row))
        except FormatError as error:
            return error
        except PynomalyError:
            raise
        except Exception as error:  # noqa: BLE001 - libraries raise anything on crafted bytes
            return FormatError(f"the payload is not {self._format.name}: {error_text(error)}")


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
