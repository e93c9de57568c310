"""Exports: all that a list has, as lines of JSON, as CSV, or as Parquet."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, Literal, TypeVar

from fastapi.responses import StreamingResponse

from engine.application.control.caller import Caller
from engine.application.control_ports import UnitOfWork
from engine.domain.control.page import Page, Position
from engine.presentation.api.parquet import ColumnType, parquet_of
from engine.presentation.api.services import Services

T = TypeVar("T")
F = TypeVar("F")
"""A filter."""
EXPORT_PAGE = 500
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""Characters that begin a formula in spreadsheets; some take those of full width for them too."""
ExportFormat = Literal["ndjson", "csv", "parquet"]


@dataclass(frozen=True, slots=True)
class Export(Generic[T]):
    """What is exported of an item.

    Attributes:
        columns: of CSV and Parquet, with their types; Parquet has the document as well.
        document: returns it as JSON.
        cells: returns the columns of CSV.
        values: returns the columns of Parquet: times in ns since 1970.
    """

    columns: Mapping[str, ColumnType]
    document: Callable[[T], bytes]
    cells: Callable[[T], Mapping[str, Any]]
    values: Callable[[T], Mapping[str, Any]]

    def reply(self, found: Iterator[T], wanted: ExportFormat) -> StreamingResponse:
        """Return the reply with all items.

        Raises:
            ConflictError: Parquet is wanted, and pyarrow is not installed.
        """
        if wanted == "csv":
            return StreamingResponse(self._csv(found), media_type="text/csv")
        if wanted == "parquet":
            rows = ({**self.values(one), "document": self.document(one).decode()} for one in found)
            parts = parquet_of(rows, {**self.columns, "document": ColumnType.TEXT})
            return StreamingResponse(parts, media_type="application/vnd.apache.parquet")
        lines = (self.document(one) + b"\n" for one in found)
        return StreamingResponse(lines, media_type="application/x-ndjson")

    def _csv(self, found: Iterator[T]) -> Iterator[str]:
        yield _row(tuple(self.columns))
        for one in found:
            cells = self.cells(one)
            yield _row(tuple(cells.get(name, "") for name in self.columns))


def all_of(
    services: Services,
    caller: Caller,
    find: Callable[[UnitOfWork, Caller, F, Position | None, int], Page[T]],
    wanted: F,
) -> Iterator[T]:
    """Yield all items a page at a time, so that no transaction lasts as long as the export."""
    behind: Position | None = None
    while True:
        with services.store.reading() as work:
            page = find(work, caller, wanted, behind, EXPORT_PAGE)
        yield from page.items
        behind = page.next
        if behind is None:
            return


def _row(cells: tuple[object, ...]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow([_harmless(cell) for cell in cells])
    return line.getvalue()


def _harmless(cell: object) -> object:
    if isinstance(cell, StrEnum):
        return cell.value
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell
