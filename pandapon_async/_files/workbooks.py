"""Workbooks: xlsx, xls and ods are read by python-calamine, xlsx is written by XlsxWriter (both of the extra ``sheets``).

Excel keeps 15 digits of a number, and turns what it takes for one into one. So the type of each cell counts: a number in an id
column is what was typed only if it is whole and short enough, and what we write into id columns is text.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Sequence, Set
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from .findings import FileError
from .tables import Format, Row
from .unseen import Cells, UnreadableError, has_password, unseen_in

if TYPE_CHECKING:
    from python_calamine import CalamineSheet, CalamineWorkbook

_EXACT: Final = 10**15
"""Numbers below have all their digits; Excel shows and keeps no more than 15."""
_MARK: Final = "pandapon-async"


def missing_extra(what: str) -> FileError:
    """The error of a format for which a package is missing."""
    return FileError.whole(what, "needs-sheets")


class WorkbookTable:
    """One sheet of a workbook. Its cells stay in memory (in the reader's compact form) until this is dropped.

    Args:
        path: the file.
        name: its name in errors.
        kind: what it is.
        wanted: the name of the sheet; None: the only visible one that isn't empty.
        needed: among several of those the only one whose first row has these columns.

    Raises:
        FileError: it can't be read, has a password, or nobody can tell which sheet is meant.
    """

    def __init__(
        self, path: Path, name: str, kind: Format, wanted: str | None = None, needed: Iterable[str] = ()
    ) -> None:
        self.name = name
        self.said: tuple[str, ...] = ()
        try:
            import olefile  # type: ignore[import-untyped]  # noqa: F401
            import python_calamine
        except ImportError:
            raise missing_extra(name) from None
        try:
            if has_password(path, kind):
                raise FileError.whole(name, "password")
            with path.open("rb") as file:  # by its content, whatever its name
                book = python_calamine.CalamineWorkbook.from_filelike(file)
            self._sheet = self._chosen(book, wanted, {*needed})
            self._unseen = unseen_in(path, kind, book.sheet_names, self._sheet.name)
        except FileError:
            raise
        except BaseException as error:
            is_panic = type(error).__name__ == "PanicException"  # the reader's own assertions, on a damaged xls
            if not is_panic and not isinstance(error, (python_calamine.CalamineError, UnreadableError, OSError)):
                raise
            raise FileError.whole(name, "damaged-file") from error

    def _chosen(self, book: CalamineWorkbook, wanted: str | None, needed: Set[str]) -> CalamineSheet:
        visible = [
            one.name for one in book.sheets_metadata if str(one.visible).endswith(".Visible") and _is_worksheet(one)
        ]
        if wanted is not None:
            if wanted not in book.sheet_names:
                raise FileError.whole(self.name, "no-sheet", sheet=wanted, names=", ".join(book.sheet_names))
            return book.get_sheet_by_name(wanted)
        filled = [sheet for one in visible if (sheet := book.get_sheet_by_name(one)).start is not None]
        filled = [sheet for sheet in filled if not _is_table_of_words(sheet)]
        if not filled:
            raise FileError.whole(self.name, "no-booking")
        if needed and len(filled) > 1:
            filled = [one for one in filled if needed <= _first_row(one)] or filled
        if len(filled) > 1:
            raise FileError.whole(self.name, "several-sheets", names=", ".join(sheet.name for sheet in filled))
        if len(book.sheet_names) > 1:
            self.said = (f"its sheet {filled[0].name!r} was read, the others aren't meant, are empty or hidden",)
        return filled[0]

    def rows(self) -> Iterator[Row]:
        """All rows that aren't blank."""
        damage, is_blank = self._unseen.cells, False
        begin = (
            0 if self._sheet.start is None else self._sheet.start[1]
        )  # the reader leaves out blank columns before it
        first = min((begin, *(min(cells) for cells in damage.values())))
        before = [""] * (begin - first)
        for line, values in enumerate(self._all_values(), start=1):
            found = damage.get(line)
            if found is None and not any(value != "" for value in values):
                is_blank = True
                continue
            row = _row(line, [*before, *values] if before else values, found, first)
            row.is_after_blank, is_blank = is_blank, False
            row.is_hidden = line in self._unseen.hidden
            yield row

    def _all_values(self) -> Iterator[list[Any]]:
        """The rows up to the last that holds anything, be it only an error."""
        count = 0
        for values in self._sheet.iter_rows():
            count += 1
            yield values
        for _ in range(count, max(self._unseen.cells, default=0)):
            yield []


def _row(line: int, values: list[Any], damage: Cells | None, first: int) -> Row:
    """A row; ``first``: the number of its first cell in the sheet."""
    cells: list[str] = []
    found: dict[int, str] = {}
    for column, (code, word) in (damage or {}).items():
        index = column - first
        values += [""] * (index + 1 - len(values))
        values[index] = word or values[index]
        found[index] = code
    for index, value in enumerate(values):
        if isinstance(value, str):
            cells.append(value)
            continue
        text, damage_code = text_of(value)
        cells.append(text)
        if damage_code is not None:
            found.setdefault(index, damage_code)
    return Row(line, cells, values, found)


def text_of(value: Any) -> tuple[str, str | None]:
    """A cell that isn't text as text, and the code of its damage: in the column of an id or a name it isn't what was typed."""
    if isinstance(value, bool):
        return ("TRUE" if value else "FALSE"), "truth"
    if isinstance(value, (int, float)):
        if abs(value) >= _EXACT:
            return f"{value:.15g}", "rounded"
        return (str(int(value)) if value == int(value) else f"{value:.15g}"), None
    return str(value), "date"


def _first_row(sheet: CalamineSheet) -> Set[str]:
    rows = ([str(value).strip() for value in values] for values in sheet.iter_rows())
    return {*next((row for row in rows if any(row)), ())}


def _is_worksheet(metadata: Any) -> bool:
    return str(metadata.typ).endswith(".WorkSheet")


# --- writing -----------------------------------------------------------------------------------------------------------


class WorkbookWriter:
    """Writes one sheet of an xlsx workbook, row by row in constant memory; its columns are formatted as text.

    Args:
        file: open in binary mode.
        columns: the header.

    Raises:
        FileError: XlsxWriter isn't installed.
    """

    def __init__(self, file: BinaryIO, columns: Sequence[str]) -> None:
        try:
            import xlsxwriter  # type: ignore[import-untyped]
        except ImportError:
            raise missing_extra("xlsx") from None
        options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        self._book: Any = xlsxwriter.Workbook(file, options)
        self._book.set_properties({"author": _MARK})
        text = self._book.add_format({"num_format": "@"})
        self._text = text
        self._amount = self._book.add_format({"num_format": "0.00##"})
        self._dates: dict[type, Any] = {
            datetime.datetime: self._book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
            datetime.date: self._book.add_format({"num_format": "yyyy-mm-dd"}),
            datetime.time: self._book.add_format({"num_format": "hh:mm:ss"}),
            datetime.timedelta: self._book.add_format({"num_format": "[h]:mm:ss"}),
        }
        self._sheet: Any = self._book.add_worksheet()
        self._sheet.set_column(0, max(0, len(columns) - 1), 16, text)
        self._at = 0
        self.row(columns)
        self._sheet.freeze_panes(1, 0)

    def row(self, cells: Iterable[object]) -> None:
        """Write one row: text as text, amounts of money as numbers with two decimals, other cells as what they are."""
        for column, cell in enumerate(cells):
            if isinstance(cell, bool):
                self._sheet.write_boolean(self._at, column, cell)
            elif isinstance(cell, (int, float)):
                self._sheet.write_number(self._at, column, cell)
            elif isinstance(cell, Decimal):
                self._sheet.write_number(self._at, column, float(cell), self._amount)
            elif type(cell) in self._dates:
                self._sheet.write_datetime(self._at, column, cell, self._dates[type(cell)])
            elif cell != "":
                self._sheet.write_string(self._at, column, str(cell), self._text)
        self._at += 1

    def words(self, rows: Iterable[Sequence[str]]) -> None:
        """A second sheet that says what else a column may be called."""
        sheet = self._book.add_worksheet(WORDS_SHEET)
        sheet.set_column(0, 0, 28)
        sheet.set_column(1, 1, 120)
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)

    def close(self) -> None:
        """Write the workbook; afterwards the file is whole."""
        self._book.close()


WORDS_SHEET: Final = "other names"


def _is_table_of_words(sheet: CalamineSheet) -> bool:
    return bool(sheet.name == WORDS_SHEET)
