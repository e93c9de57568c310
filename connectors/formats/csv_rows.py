"""Rows of CSV as JSON objects; a broken row is reported, and the next one is read."""

from __future__ import annotations

import csv
import math
import re
from collections import deque
from collections.abc import Iterator
from itertools import islice

import orjson

from connectors.formats.csv_dialect import NO_CHARACTER, Dialect
from engine.domain.reject import Finding, RejectReason

INTEGER = re.compile(r"\s*[+-]?[0-9]{1,18}\s*", re.ASCII)
NUMBER = re.compile(r"\s*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?\s*", re.ASCII)
GROUPED = re.compile(r"\s*[+-]?[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]+\s*", re.ASCII)
_BY_BLANKS = re.compile(r"\s*[+-]?[0-9]{1,3}(?:['\u2019 \u00a0\u202f][0-9]{3})+(?:[.,][0-9]+)?\s*")
_BLANKS = str.maketrans("", "", "'\u2019 \u00a0\u202f")
NOT_NUMBERS = {"nan", "NaN", "NAN"}
"""Cells that mean that there is no number."""
MOST_LINES = 64
"""Most lines of one row: more of them mean that a quote was never closed."""

Row = tuple[bytes, Finding | None]
"""A row as JSON, and what is wrong with it; then it is the row's text."""


class OpenQuoteError(Exception):
    """A quoted cell spans too many lines, or does not end."""


class CsvRows:
    """Reads the rows of one text.

    Args:
        dialect: delimiter, quotes, header.
        texts: names of columns whose cells stay texts.
        max_bytes: largest size of a row.
    """

    def __init__(self, dialect: Dialect, texts: frozenset[str], max_bytes: int) -> None:
        self.dialect = dialect
        self._texts = texts
        self._max_bytes = max_bytes
        # The csv module knows one limit for all of its readers.
        csv.field_size_limit(max(csv.field_size_limit(), max_bytes + 2))

    def rows(self, lines: Iterator[bytes]) -> Iterator[Row]:
        """Yield the rows below the header; blank lines and comments are not rows.

        A row of units counts as an empty row: it has a number and no values.
        """
        yield from self._rows(lines, self.dialect.has_header)

    def only_rows(self, lines: Iterator[bytes]) -> Iterator[Row]:
        """Yield the rows of lines that have no header."""
        yield from self._rows(lines, False)

    def _rows(self, lines: Iterator[bytes], has_header: bool) -> Iterator[Row]:
        before = self.dialect.before if has_header else 0
        feed = _Feed(islice(self._of_interest(lines), before, None), self._max_bytes)
        if has_header:
            self._next(self._reader(feed), feed)
        reader = self._reader(feed)
        units = self.dialect.after if has_header else 0
        while True:
            row = self._next(reader, feed)
            if row is None:
                return
            if isinstance(row, str):
                # The quote of a row does not end: the lines after the first are read again.
                reader = self._reader(feed)
                detail = f"a cell begins with {self.dialect.quote} that is never closed"
                yield _bytes(row), (RejectReason.BAD_ROW, detail)
            elif any(cells := [cell.strip() for cell in row]) and not (
                self.dialect.has_header and tuple(cells) == self.dialect.names
            ):
                # A row of empty cells is a blank line; files put together repeat their header.
                yield self._row(row, feed) if units <= 0 else (b"", None)
                units -= 1

    def object_of(self, line: str) -> dict[str, str | int | float | None]:
        """Return one line as an object by the names of the columns."""
        return self._object(self.dialect.cells(line))

    def _of_interest(self, lines: Iterator[bytes]) -> Iterator[str]:
        for line in lines:
            if line.strip() and not (
                self.dialect.comment and line.startswith(self.dialect.comment.encode())
            ):
                text = line.decode("utf-8", "surrogateescape").replace("\0", NO_CHARACTER)
                yield text.strip() if self.dialect.delimiter == " " else text

    def _reader(self, feed: _Feed) -> Iterator[list[str]]:
        return csv.reader(
            feed,
            delimiter=self.dialect.delimiter,
            quotechar=self.dialect.quote,
            skipinitialspace=self.dialect.trim,
        )

    def _next(self, reader: Iterator[list[str]], feed: _Feed) -> list[str] | str | None:
        """Return the next row; the text of its first line if it has no end; None at the end."""
        feed.begin()
        try:
            row = next(reader)
        except StopIteration:
            return None
        except (csv.Error, OpenQuoteError):
            return feed.give_back()
        if feed.ended and self._is_open(feed.text()):
            return feed.give_back()
        return row

    def _is_open(self, text: str) -> bool:
        """Whether the last row ends within quotes."""
        strict = csv.reader(
            text.splitlines(keepends=True),
            delimiter=self.dialect.delimiter,
            quotechar=self.dialect.quote,
            skipinitialspace=self.dialect.trim,
            strict=True,
        )
        try:
            list(strict)
        except csv.Error as error:
            return "end of data" in str(error)
        return False

    def _row(self, row: list[str], feed: _Feed) -> Row:
        extra = [cell for cell in row[len(self.dialect.names) :] if cell.strip()]
        if extra:
            count, expected = len(row), len(self.dialect.names)
            detail = f"the row has {count} cells, the header {expected}; {self.dialect.hint}"
            return _bytes(feed.text().rstrip("\r\n")), (RejectReason.BAD_ROW, detail)
        try:
            return orjson.dumps(self._object(row)), None
        except TypeError:
            detail = "the row is not UTF-8: set source.file.encoding, such as cp1252"
            text = self.dialect.delimiter.join(row)
            return _bytes(text), (RejectReason.BAD_UTF8, detail)

    def _object(self, row: list[str]) -> dict[str, str | int | float | None]:
        found: dict[str, str | int | float | None] = {}
        for name, cell in zip(self.dialect.names, row, strict=False):
            text = cell.strip() if self.dialect.trim else cell
            if name and text:
                found[name] = text if name in self._texts else _cell(text, self.dialect.decimal)
        return found


class _Feed:
    """The lines for one reader, which notes those of the row that is being read."""

    def __init__(self, lines: Iterator[str], max_bytes: int) -> None:
        self._lines = lines
        self._again: deque[str] = deque()
        self._taken: list[str] = []
        self._size = 0
        self._max_bytes = max_bytes
        self.ended = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self._taken) >= MOST_LINES or self._size > self._max_bytes:
            raise OpenQuoteError
        line = self._again.popleft() if self._again else next(self._lines, None)
        if line is None:
            self.ended = True
            raise StopIteration
        self._taken.append(line)
        self._size += len(line)
        return line + "\n"

    def begin(self) -> None:
        """Begin a row."""
        self._taken, self._size, self.ended = [], 0, False

    def text(self) -> str:
        """Return the lines of the row."""
        return "\n".join(self._taken)

    def give_back(self) -> str:
        """Return the row's first line; those after it come again."""
        first, *rest = self._taken
        self._again.extendleft(reversed(rest))
        return first


def _cell(text: str, decimal: str) -> str | int | float | None:
    if INTEGER.fullmatch(text):
        return int(text)
    if _BY_BLANKS.fullmatch(text):
        text = text.translate(_BLANKS)
    number = text
    if decimal == ",":
        number = text.replace(".", "") if GROUPED.fullmatch(text) else text.replace(".", "x")
        number = number.replace(",", ".")
    if NUMBER.fullmatch(number) and math.isfinite(found := float(number)):
        return found
    return None if text in NOT_NUMBERS else text


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
