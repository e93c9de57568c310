"""The messages of one file: lines of JSON, rows of CSV or of Parquet."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import PurePosixPath
from typing import Literal

from connectors.files.lines import Readable, bounded_lines
from connectors.files.parquet import parquet_rows
from connectors.files.streams import as_utf8, is_damage, open_plain, open_stream, unpacked_name
from connectors.formats.csv_dialect import SAMPLE_LINES, CsvSettings, Dialect, find_dialect
from connectors.formats.csv_rows import CsvRows, Row
from engine.domain.reject import Finding

logger = logging.getLogger("pynomaly.files")

ANYTHING = {".txt", ".dat", ".data", ".asc", ""}
"""Suffixes that do not name a format."""
SAMPLE_BYTES = 4_096
Format = Literal["ndjson", "csv", "parquet"]
Message = tuple[int, bytes, Finding | None]
"""Number and payload, and what is wrong with it."""


@dataclass(frozen=True)
class Reading:
    """How a file is read.

    Attributes:
        format: None detects it by the name.
        encoding: None detects it by the byte order mark; without one it is UTF-8.
        csv: the dialect, as far as it is known.
        fields, texts: names of columns that the event mapping reads, and reads as texts.
        max_bytes: of one message.
    """

    format: Format | None = None
    encoding: str | None = None
    csv: CsvSettings = field(default_factory=CsvSettings)
    fields: frozenset[str] = frozenset()
    texts: frozenset[str] = frozenset()
    max_bytes: int = 2**20


class FileMessages:
    """The messages of one file, from one of them on.

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
        kind = self._reading.format or format_of(self._path) or self._sniffed()
        if kind == "parquet":
            with open_plain(self._path) as file:
                for number, payload in parquet_rows(file, self._path, skip):
                    yield number, payload, None
            return
        try:
            with open_stream(self._path) as file:
                rows = self._csv(file) if kind == "csv" else self._lines(file)
                for number, (payload, finding) in enumerate(rows):
                    if number >= skip and payload:
                        yield number, payload, finding
        except Exception as error:
            if not is_damage(error):
                raise
            self.damage = (
                f"{self._path} is cut off or damaged: {error}. What comes before that was read; "
                "put a whole file in its place, and the next run goes on after it"
            )

    def _sniffed(self) -> Format:
        """Return the format of a file whose name has none: CSV unless it begins like JSON."""
        with open_stream(self._path) as file:
            begin = as_utf8(file, self._reading.encoding).read(SAMPLE_BYTES).lstrip()
        found: Format = "csv" if begin and begin[:1] not in b"{[" else "ndjson"
        logger.info("%s: its name has no known format: read as %s", self._path, found)
        return found

    def close(self) -> None:
        """Close the file."""
        self._messages.close()

    def _lines(self, file: Readable) -> Iterator[Row]:
        stream = as_utf8(file, self._reading.encoding)
        return ((line.strip(), None) for line in bounded_lines(stream, self._reading.max_bytes))

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


def format_of(path: str) -> Format | None:
    """Return the format by a file's name; None if the name has none."""
    suffix = PurePosixPath(unpacked_name(path)).suffix.lower()
    if suffix == ".parquet":
        return "parquet"
    if suffix in ANYTHING:
        return None
    return "csv" if suffix in (".csv", ".tsv") else "ndjson"
