"""CSV in a message: one row or several, with or without a header."""

from __future__ import annotations

from typing import Any

import orjson

from connectors.formats.csv_dialect import CsvSettings, Dialect, find_dialect
from connectors.formats.csv_rows import CsvRows
from engine.domain.batch import Headers
from engine.domain.format import FormatError

MAX_BYTES = 2**27


class CsvMessage:
    """The plug-in behind `format: {csv: {names: [...]}}`."""

    Settings = CsvSettings
    name = "csv"
    many = True

    def __init__(self, settings: CsvSettings, text_fields: frozenset[str]) -> None:
        self._settings = settings
        self._texts = text_fields
        self._dialect: Dialect | None = None

    def decode(self, payload: bytes, headers: Headers) -> Any:
        """Return the rows as documents; a broken one is a text, and is rejected alone."""
        lines = payload.removeprefix(b"\xef\xbb\xbf").splitlines()[self._settings.skip :]
        texts = [line.decode("utf-8", "replace") for line in lines]
        if self._settings.names is None or self._settings.delimiter is None or not self._dialect:
            self._dialect = find_dialect(texts[:200], self._settings, (), self._texts)
        if not self._dialect.names:
            raise FormatError("the payload has no header: set names")
        rows = CsvRows(self._dialect, self._texts, MAX_BYTES).rows(iter(lines))
        found: list[Any] = []
        for row, finding in rows:
            if row:
                found.append(
                    orjson.loads(row) if finding is None else row.decode("utf-8", "replace")
                )
        return found
