"""The messages of one file: JSON, lines, and rows of CSV, Parquet or Avro."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import IO

from connectors.files.avro import avro_rows
from connectors.files.json_documents import json_payloads
from connectors.files.kinds import SAMPLE_BYTES, Format, format_by_content, format_of
from connectors.files.lines import Readable, bounded_lines
from connectors.files.parquet import parquet_rows
from connectors.files.streams import as_utf8, is_damage, is_refused, open_plain, open_stream
from connectors.files.unreadable import Message, UnfitFileError
from connectors.formats.csv_dialect import SAMPLE_LINES, CsvSettings, Dialect, find_dialect
from connectors.formats.csv_rows import CsvRows, Row
from engine.domain.reject import RejectReason

logger = logging.getLogger("pynomaly.files")

ROWS: dict[str, Callable[[IO[bytes], str, int], Iterator[Message]]] = {
    "parquet": parquet_rows,
    "avro": avro_rows,
}
"""Formats that are not text."""


@dataclass(frozen=True)
class Reading:
    """How a file is read.

    Attributes:
        format: None detects it by the name, or by what the file begins with.
        is_lines: whether each line is a message, of a format of its own.
        encoding: None detects it by the byte order mark; without one it is UTF-8.
        csv: the dialect, as far as it is known.
        fields, texts: names of columns that the event mapping reads, and reads as texts.
        max_bytes: of one message.
    """

    format: Format | None = None
    is_lines: bool = False
    encoding: str | None = None
    csv: CsvSettings = field(default_factory=CsvSettings)
    fields: frozenset[str] = frozenset()
    texts: frozenset[str] = frozenset()
    max_bytes: int = 2**20

    def kind(self, path: str) -> Format | None:
        """Return the format of a file by settings and name; None if neither says it."""
        by_name = format_of(path)
        if self.format is None and self.is_lines and by_name not in ROWS:
            return "ndjson"
        return self.format or by_name


class FileMessages:
    """The messages of one file, from one of them on.

    What cannot be read is a message with the reason, and the last one.

    Attributes:
        hint: what to do if a column is missing.
        damage: why the file cannot be read further; an empty text if it can.
    """

    def __init__(self, path: str, reading: Reading, skip: int) -> None:
        self.hint = ""
        self.damage = ""
        self._path = path
        self._reading = reading
        self._messages = self._read(skip)

    def __iter__(self) -> Iterator[Message]:
        return self._messages

    def _read(self, skip: int) -> Generator[Message]:
        number = skip - 1
        try:
            for message in self._readable(skip):
                number = message[0]
                yield message
        except Exception as error:
            if is_refused(error) or isinstance(error, UnfitFileError):
                self.damage = f"{self._path} cannot be read: {error}"
            elif is_damage(error):
                before = "What comes before that was read"
                self.damage = f"{self._path} is cut off or damaged: {error}. {before}"
            else:
                raise
        if self.damage:
            yield number + 1, b"", (RejectReason.UNREADABLE, self.damage)

    def _readable(self, skip: int) -> Iterator[Message]:
        kind = self._reading.kind(self._path) or self._sniffed()
        if kind in ROWS:
            with open_plain(self._path) as plain:
                for number, payload, finding in ROWS[kind](plain, self._path, skip):
                    if finding is not None:
                        finding = finding[0], f"{self._path}: {finding[1]}"
                    yield number, payload, finding
            return
        with open_stream(self._path) as file:
            rows = self._csv(file) if kind == "csv" else self._json(file)
            for number, (payload, finding) in enumerate(rows):
                if number >= skip and payload:
                    yield number, payload, finding

    def _sniffed(self) -> Format:
        """Return the format of a file whose name has none."""
        with open_stream(self._path) as file:
            stream, begin = as_utf8(file, self._reading.encoding), b""
            while len(begin) < SAMPLE_BYTES and (chunk := stream.read(SAMPLE_BYTES)):
                begin += chunk
        found = format_by_content(begin)
        logger.info("%s: its name has no known format: read as %s", self._path, found)
        return found

    def close(self) -> None:
        """Close the file."""
        self._messages.close()

    def _json(self, file: Readable) -> Iterator[Row]:
        stream = as_utf8(file, self._reading.encoding)
        return ((found, None) for found in json_payloads(stream, self._reading.max_bytes))

    def _csv(self, file: Readable) -> Iterator[Row]:
        reading = self._reading
        stream = as_utf8(file, reading.encoding)
        lines = islice(bounded_lines(stream, reading.max_bytes), reading.csv.skip, None)
        first = list(islice(lines, SAMPLE_LINES))
        dialect = self._dialect(first)
        self.hint = dialect.hint
        found = CsvRows(dialect, reading.texts, reading.max_bytes)
        return found.rows(line for some in (first, lines) for line in some)

    def _dialect(self, first: list[bytes]) -> Dialect:
        reading = self._reading
        texts = [line.decode("utf-8", "replace") for line in first]
        dialect = find_dialect(texts, reading.csv, reading.fields, reading.texts)
        logger.info("%s: %s", self._path, dialect)
        if any(name in reading.fields for name, _ in dialect.repeated):
            logger.warning(
                "%s has columns of the same name: of several called %s, the first is read; %s",
                self._path,
                ", ".join(sorted({name for name, _ in dialect.repeated})),
                ", ".join(f"{new} is another" for _, new in dialect.repeated),
            )
        missing = sorted(reading.fields - set(dialect.names))
        if missing:
            dotted = [n for n in dialect.names if any(n.startswith(f"{m}.") for m in missing)]
            hint = f'; a column with a dot is written ["{dotted[0]}"]' if dotted else ""
            logger.warning(
                "%s has no column %s that the event mapping reads; %s%s",
                *(self._path, ", ".join(missing), dialect.hint, hint),
            )
        return dialect
