"""A table with its header: CSV or workbook, opened by what it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final

import attrs

from .._errors import suggestion
from .csv_table import CsvTable, CsvWriter, read_header
from .findings import FileError, Finding
from .tables import Format, Row, Table, format_of, open_to_read
from .workbooks import WorkbookTable, WorkbookWriter

_LOOKED_AT: Final = 10


def open_table(
    path: Path,
    name: str,
    kind: Format,
    *,
    encoding: str | None = None,
    sheet: str | None = None,
    needed: Iterable[str] = (),
) -> Table:
    """The rows of a file of that format; ``needed``: as `WorkbookTable` has it.

    Raises:
        FileError: it can't be read.
    """
    return CsvTable(path, name, encoding) if kind == "csv" else WorkbookTable(path, name, kind, sheet, needed)


def header_in(path: Path) -> Sequence[str]:
    """The first row of a CSV file or a workbook; nothing if there is none."""
    try:
        kind, _ = format_of(path, str(path), None)
        if kind in ("csv", "json"):
            return read_header(path)
        return next((row.cells for row in WorkbookTable(path, str(path), kind).rows()), ())
    except FileError:
        return ()


def writer_like(table: Table, file: BinaryIO, columns: Sequence[str]) -> CsvWriter | WorkbookWriter:
    """Writes a table of the same kind; a workbook's is xlsx, whatever kind of workbook it was."""
    return CsvWriter(file, columns, table.dialect) if isinstance(table, CsvTable) else WorkbookWriter(file, columns)


def header_of(table: Table, recognised: Callable[[Sequence[str]], int]) -> tuple[Row | None, tuple[str, ...]]:
    """The header, and what is to be said if it isn't the first row.

    Args:
        table: the rows.
        recognised: how many cells of a row are names of columns; above a header with two of them, titles are passed over.
    """
    rows: list[Row] = []
    for row in table.rows():
        rows.append(row)
        if recognised(row.cells) >= 2 or len(rows) == _LOOKED_AT:
            break
    if not rows:
        return None, ()
    if len(rows) > 1 and recognised(rows[-1].cells) >= 2 and not recognised(rows[0].cells):
        return rows[-1], (f"the header is line {rows[-1].line}, what stands above it was passed over",)
    return rows[0], ()


def shape(row: Row, columns: int) -> Finding | None:
    """What is wrong with the number of a row's cells; a workbook has no wrong number, only cells beside its columns."""
    cells = len(row.cells)
    if cells == columns or row.finding is not None:
        return row.finding
    code = "cells-missing" if cells < columns else "cells-extra"
    return Finding.of(code, row.line, cells=str(cells), columns=str(columns))


@attrs.frozen
class SheetRow:
    """One row: the line on which it begins, its non-empty cells by column, and why it can't be used."""

    line: int
    cells: dict[str, str]
    findings: tuple[Finding, ...] = ()


class Sheet:
    """A table whose columns have exactly our names; empty columns behind the last one, which spreadsheets leave, are none.

    Args:
        path: the file.
        needed: columns by whose names its sheet is known where a workbook has several.

    Raises:
        FileError: it can't be read; the header is missing or invalid.
    """

    def __init__(self, path: Path, needed: Iterable[str] = ()) -> None:
        self.name = str(path)
        with open_to_read(path) as file:
            if not file.read(4096).strip():
                raise self._error("no-header", None)
        kind, _ = format_of(path, self.name, None)
        if kind == "json":
            raise FileError.whole(path, "json-no-table")
        self._table = open_table(path, self.name, kind, needed=needed)
        self._header = next(self._table.rows(), None)
        self.columns = _without_blank_end(self._header.cells if self._header else ())
        if self._header is not None and self._header.finding is not None:
            raise FileError.of(self.name, [self._header.finding])
        if not any(self.columns):
            raise self._error("no-header", None)
        for number, column in enumerate(self.columns, start=1):
            if not column:
                raise self._error("no-name", str(number))
            if self.columns.index(column) != number - 1:
                raise self._error("double-column", shown(column), other="another of that name")

    def require(self, known: Iterable[str], required: Iterable[str] = ()) -> None:
        """Reject a header with unknown columns, or without required ones.

        Raises:
            FileError: names the column.
        """
        known = tuple(known)
        for column in self.columns:
            if column not in known:
                raise self._error("unknown-column", shown(column), near=suggestion(column, known))
        for column in required:
            if column not in self.columns:
                raise self._error("missing-column", column)

    def _error(self, code: str, column: str | None, **facts: str) -> FileError:
        return FileError.of(self.name, [Finding.of(code, 1, column, **facts)])

    def __iter__(self) -> Iterator[SheetRow]:
        rows = self._table.rows()
        next(rows, None)
        for row in rows:
            yield SheetRow(row.line, dict(self._cells(row)), tuple(self._findings(row)))

    def _cells(self, row: Row) -> Iterator[tuple[str, str]]:
        for column, cell in zip(self.columns, row.cells, strict=False):
            if cell:
                yield column, cell

    def _findings(self, row: Row) -> Iterator[Finding]:
        if row.finding is not None:
            yield row.finding
        elif any(row.cells[len(self.columns) :]):
            found = shape(row, len(self.columns))
            assert found is not None
            yield found
        for index, code in row.damage.items():
            if index < len(self.columns):
                yield Finding.of(code, row.line, self.columns[index])
        for column, cell in zip(self.columns, row.cells, strict=False):
            if not cell.isascii() and any("\ud800" <= char <= "\udfff" for char in cell):
                yield Finding.of("not-text", row.line, column, encoding="UTF-8")


def _without_blank_end(cells: Sequence[str]) -> tuple[str, ...]:
    columns = [cell.strip() for cell in cells]
    while columns and not columns[-1]:
        columns.pop()
    return tuple(columns)


def shown(title: str) -> str:
    """A column's name for a sentence."""
    return title if len(title) <= 60 and title.isprintable() else repr(title[:60])
