"""The dialect of CSV: as set in the pipeline file, otherwise detected."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from connectors.formats.csv_units import rows_of_units
from pynomaly.plugins import Settings

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", " ": "blanks"}
MOST_BEFORE = 100
"""Lines before the header that are looked through for it."""
_EXCEL = re.compile(r"sep=(.)", re.IGNORECASE)
"""A first line that names the delimiter for Excel."""
_LOG_FIELDS = re.compile(r"#(?:Fields:[ \t]*|fields\t)(.+)")
"""The comment that names the columns of logs as W3C and Zeek define them."""
SAMPLE_LINES = 200
NO_CHARACTER = "\N{REPLACEMENT CHARACTER}"
_COMMA_NUMBER = re.compile(
    r"\s*[+-]?[0-9]{1,3}(?:(?:[.'\u2019 \u00a0\u202f][0-9]{3})*|[0-9]*),[0-9]+\s*"
)
_POINT_NUMBER = re.compile(r"\s*[+-]?[0-9]+\.[0-9]+\s*")
Sign = Annotated[str, StringConstraints(min_length=1, max_length=1)]


class CsvSettings(Settings):
    """How CSV is written; what is not given is found out from the first lines, and logged."""

    delimiter: Sign | None = None
    """Sign between cells, such as ";"."""
    decimal: Literal[".", ","] | None = None
    """Decimal sign of numbers."""
    quote: Sign = '"'
    """Sign around cells that hold delimiters or line ends."""
    names: tuple[str, ...] | None = Field(default=None, min_length=1)
    """Names of the columns, if no header line has them."""
    skip: int = Field(default=0, ge=0)
    """Lines before the header to leave out."""
    skip_after: int | None = Field(default=None, ge=0)
    """Rows right below the header to leave out, such as their units; null finds it out."""
    comment: str | None = Field(default=None, min_length=1)
    """Prefix of lines that are left out, such as "#"."""
    trim: bool = True
    """Whether blanks around cells are left out."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How CSV is written.

    Attributes:
        delimiter, decimal, quote: signs.
        names: of the columns.
        has_header: whether the names came from a line of their own.
        comment: what lines that are left out begin with; empty: none are.
        trim: whether blanks around cells are left out.
        hint: what to do if a column is missing, for rejects.
        before: lines before the header, blank ones and comments not counted.
        after: rows right below the header that are not data, such as units.
        repeated: names that the header repeats, and what those columns are called instead.
    """

    delimiter: str
    decimal: str
    quote: str
    names: tuple[str, ...]
    has_header: bool
    comment: str
    trim: bool
    hint: str
    before: int = 0
    after: int = 0
    repeated: tuple[tuple[str, str], ...] = ()

    def cells(self, line: str) -> list[str]:
        """Return the cells of one line, without line ends inside of quotes."""
        return _cells(line, self.delimiter, self.quote, self.trim)

    def __str__(self) -> str:
        names = self.delimiter.join(self.names)
        where = f", header after {self.before} other lines" if self.before else ""
        where += f", {self.after} rows of units below it" if self.after else ""
        signs = f"delimiter {self.delimiter!r}, decimal sign {self.decimal!r}"
        return f"CSV, {signs}{where}, columns {names}"


def find_dialect(
    lines: Sequence[str],
    settings: CsvSettings,
    wanted: Collection[str] = (),
    texts: Collection[str] = (),
) -> Dialect:
    """Return the dialect of a text by its first lines, those to be skipped left out.

    Args:
        lines: without their ends.
        settings: what is known.
        wanted: names of columns that the event mapping reads.
        texts: those of them that are not numbers.
    """
    if settings.names is None:
        settings = _with_commented_header(lines, _with_fields_of_log(lines, settings), wanted)
    lines = [line for line in lines if line.strip() and not _is_comment(line, settings)]
    excel = _EXCEL.fullmatch(lines[0].strip()) if lines else None
    before = 1 if excel else 0
    delimiter = settings.delimiter or (excel[1] if excel else None)
    if delimiter is None:
        delimiter = _delimiter(lines, settings, wanted)
    rows = [_cells(line, delimiter, settings.quote, settings.trim) for line in lines]
    if settings.names is None:
        before = _header(rows, before, wanted)
    given = settings.names or _names(rows[before:], wanted)
    names = _distinct(given)
    body = rows[before:] if settings.names else rows[before + 1 :]
    decimal = settings.decimal or _decimal(body, names, texts, delimiter)
    header = lines[before] if lines[before:] and not settings.names else ""
    after = settings.skip_after or 0
    # A cell with line ends would be counted twice.
    is_plain = not any(line.count(settings.quote) % 2 for line in lines[before : before + 9])
    if settings.skip_after is None and settings.names is None and is_plain:
        after = rows_of_units([row for row in body if any(row) and tuple(row) != names])
    return Dialect(
        delimiter,
        decimal,
        settings.quote,
        names,
        settings.names is None,
        settings.comment or "",
        settings.trim,
        _hint(names, delimiter, header),
        before,
        after,
        tuple((old, new) for old, new in zip(given, names, strict=True) if old != new),
    )


def _header(rows: Sequence[Sequence[str]], before: int, wanted: Collection[str]) -> int:
    """Return which row is the header: the first of those that have most of what is wanted.

    If nothing is, the first that is as wide as most rows are.
    """
    if not wanted:
        widths = [len(row) for row in rows[before:]]
        # A row of one cell may be a part of a cell with line ends.
        common = Counter(width for width in widths if width > 1).most_common(1)
        return before + widths.index(common[0][0]) if common else before
    counts = [len(_uncommented(row, wanted) & set(wanted)) for row in rows[before:MOST_BEFORE]]
    return before + counts.index(max(counts)) if counts else before


def _uncommented(row: Sequence[str], wanted: Collection[str]) -> set[str]:
    return set(_names([row], wanted))


def _names(rows: Sequence[Sequence[str]], wanted: Collection[str]) -> tuple[str, ...]:
    """Return the names of the columns in the first of some rows.

    A header that is marked as a comment is one without its mark. Where each row has a cell more,
    the first of them is the row's own name, which R writes without a column's.
    """
    if not rows or not rows[0]:
        return ()
    first, *others = rows[0]
    bare = first.lstrip("#% ")
    names = (bare if first not in wanted and bare in wanted else first, *others)
    longer = [row for row in rows[1:] if len(row) == len(names) + 1]
    if longer and len(longer) == len(rows) - 1 and any(row[-1] for row in longer):
        return ("", *names)
    return names


def _distinct(names: Sequence[str]) -> tuple[str, ...]:
    """Return names of columns; if one comes again, it has its number behind it: temp_2."""
    found: list[str] = []
    for name in names:
        number, new = 1, name
        while name and (new in found or (number > 1 and new in names)):
            number += 1
            new = f"{name}_{number}"
        found.append(new)
    return tuple(found)


def _with_fields_of_log(lines: Sequence[str], settings: CsvSettings) -> CsvSettings:
    """Return the settings of a log that names its columns in a comment, as W3C's and Zeek's do."""
    fields = next(filter(None, map(_LOG_FIELDS.match, lines[:MOST_BEFORE])), None)
    if fields is None:
        return settings
    sign = settings.delimiter or ("\t" if "\t" in fields[1] else " ")
    names = tuple(fields[1].strip().split(None if sign == " " else sign))
    found = {"delimiter": sign, "comment": settings.comment or "#", "names": names}
    return settings.model_copy(update=found)


def _with_commented_header(
    lines: Sequence[str], settings: CsvSettings, wanted: Collection[str]
) -> CsvSettings:
    """Return the settings of a file whose header is a comment, as HAProxy writes it."""
    if settings.names is not None or settings.comment is None or not wanted:
        return settings
    best, most = settings, 0
    for line in lines[:MOST_BEFORE]:
        is_comment = _is_comment(line, settings)
        bare = line.removeprefix(settings.comment) if is_comment else line
        for sign in [settings.delimiter] if settings.delimiter else DELIMITERS:
            names = tuple(_cells(bare.strip(), sign, settings.quote, trim=True))
            if len(set(names) & set(wanted)) > most:
                most = len(set(names) & set(wanted))
                found = {"delimiter": sign, "names": names}
                # Any other header is found later.
                best = settings.model_copy(update=found) if is_comment else settings
    return best


def _is_comment(line: str, settings: CsvSettings) -> bool:
    return settings.comment is not None and line.startswith(settings.comment)


def _delimiter(lines: Sequence[str], settings: CsvSettings, wanted: Collection[str]) -> str:
    """Return the sign that cuts most lines alike, or the one that gives names that are wanted."""
    best, most = ",", (0, 0.0, 1)
    for sign in DELIMITERS:
        if sign == " " and most[1] > 0:
            # Texts and times have blanks, too.
            break
        rows = [_cells(line, sign, settings.quote, settings.trim) for line in lines]
        if not rows:
            break
        known = 0
        header = rows[_header(rows, 0, wanted)]
        if settings.names is None and wanted:
            rows = rows[rows.index(header) :]
            known = len(_uncommented(header, wanted) & set(wanted))
        width = len(settings.names or header)
        alike = Counter(len(row) == width for row in rows)[True] / len(rows)
        fit = (known, alike, width)
        # Decimal commas may cut lines into as many cells as what is between these.
        if width > 1 and (fit > most or (fit == most and best == ",")):
            best, most = sign, fit
    return best


def _decimal(
    rows: Sequence[Sequence[str]], names: Sequence[str], texts: Collection[str], delimiter: str
) -> str:
    if delimiter == ",":
        return "."
    cells = [
        cell for row in rows for name, cell in zip(names, row, strict=False) if name not in texts
    ]
    points = any(_POINT_NUMBER.fullmatch(cell) for cell in cells)
    commas = any(_COMMA_NUMBER.fullmatch(cell) for cell in cells)
    return "," if commas and not points else "."


def _hint(names: Sequence[str], delimiter: str, header: str) -> str:
    text = f"the columns are {', '.join(names)}"
    if NO_CHARACTER in text:
        return f"{text}: the header is not UTF-8, set source.file.encoding, such as cp1252"
    found = [sign for sign in DELIMITERS if sign != " " and sign != delimiter and sign in header]
    if len(names) == 1 and found:
        word = DELIMITERS[found[0]]
        return f"{text}: {word} are in the header, set csv.delimiter: {found[0]!r}"
    return f"{text} (delimiter {delimiter!r})"


def _cells(line: str, delimiter: str, quote: str, trim: bool) -> list[str]:
    if delimiter == " ":
        line = line.strip()
    reader = csv.reader([line], delimiter=delimiter, quotechar=quote, skipinitialspace=trim)
    try:
        row = next(reader, [])
    except csv.Error:
        return [line]
    return [cell.strip() for cell in row] if trim else row
