"""Workbooks: xlsx, xls and ods are read by python-calamine, xlsx is written by XlsxWriter (both of the extra ``sheets``).

Excel keeps 15 digits of a number, and turns what it takes for one into one. So the type of each cell counts: a number in an id
column is what was typed only if it is whole and short enough, and what we write into id columns is text.
"""

from __future__ import annotations

import datetime
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from .findings import FileError
from .tables import Format, Row

if TYPE_CHECKING:
    from python_calamine import CalamineSheet, CalamineWorkbook

_EXACT: Final = 10**15
"""Numbers below have all their digits; Excel shows and keeps no more than 15."""
_CELL = re.compile(rb"<(?:\w+:)?c\b([^>]*?)(?:/>|>(.*?)</(?:\w+:)?c>)", re.S)
_PLACE = re.compile(rb'\br="([A-Z]{1,3})([0-9]{1,7})"')
_MARK: Final = "pandapon-async"


def missing_extra(what: str) -> FileError:
    """The error of a format for which a package is missing."""
    return FileError(f"{what}: workbooks need the extra packages of `pip install 'pandapon-async[sheets]'`")


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
        book = _opened(path, name)
        self._sheet = self._chosen(book, wanted, {*needed})
        self._damage = _damage_in(path, self._sheet.name) if kind == "xlsx" else {}

    def _chosen(self, book: CalamineWorkbook, wanted: str | None, needed: Set[str]) -> CalamineSheet:
        visible = [
            one.name for one in book.sheets_metadata if str(one.visible).endswith(".Visible") and _is_worksheet(one)
        ]
        if wanted is not None:
            if wanted not in book.sheet_names:
                raise FileError(
                    f"{self.name}: has no sheet {wanted!r}; it has {', '.join(map(repr, book.sheet_names))}"
                )
            return book.get_sheet_by_name(wanted)
        filled = [sheet for one in visible if (sheet := book.get_sheet_by_name(one)).start is not None]
        filled = [sheet for sheet in filled if not _is_table_of_words(sheet)]
        if not filled:
            raise FileError(f"{self.name}: holds no booking")
        if needed and len(filled) > 1:
            filled = [one for one in filled if needed <= _first_row(one)] or filled
        if len(filled) > 1:
            names = ", ".join(repr(sheet.name) for sheet in filled)
            raise FileError(
                f"{self.name}: has several sheets ({names}): save the one that is meant as a workbook of its own"
            )
        if len(book.sheet_names) > 1:
            self.said = (f"its sheet {filled[0].name!r} was read, the others aren't meant, are empty or hidden",)
        return filled[0]

    def rows(self) -> Iterator[Row]:
        """All rows that aren't blank."""
        is_blank = False
        for line, values in enumerate(self._sheet.iter_rows(), start=1):
            damage = self._damage.get(line)
            if damage is None and not any(value != "" for value in values):
                is_blank = True
                continue
            row = _row(line, values, damage)
            row.is_after_blank, is_blank = is_blank, False
            yield row


_Damage = dict[int, tuple[str, str]]
"""What the reader doesn't tell of a row's cells: by number, the code and the text of the cell."""


def _row(line: int, values: list[Any], damage: _Damage | None) -> Row:
    cells: list[str] = []
    found: dict[int, str] = {}
    for index, (code, word) in (damage or {}).items():
        values += [""] * (index + 1 - len(values))
        values[index] = word
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


def _opened(path: Path, name: str) -> CalamineWorkbook:
    try:
        import python_calamine
    except ImportError:
        raise missing_extra(name) from None
    try:
        with path.open("rb") as file:  # by its content, whatever its name
            return python_calamine.CalamineWorkbook.from_filelike(file)
    except python_calamine.PasswordError:
        raise FileError(f"{name}: has a password: save it without one") from None
    except (python_calamine.CalamineError, OSError, ValueError) as error:
        raise FileError(f"{name}: is a damaged workbook, or none that can be read ({type(error).__name__})") from None


# --- what the reader doesn't tell --------------------------------------------------------------------------------------


def _damage_in(path: Path, sheet: str) -> dict[int, _Damage]:
    """The cells of an xlsx sheet that hold an error, or a formula without its value: by row from 1, then column from 0.

    The reader gives an empty text for both, and an empty cell may be meant.
    """
    found: dict[int, _Damage] = {}
    with zipfile.ZipFile(path) as archive:
        member = _member_of(archive, sheet)
        if member is None:
            return found
        with archive.open(member) as file:
            for piece in _pieces(file):
                if b't="e"' in piece or b"<f" in piece or b":f" in piece:
                    _find_damage(piece, found)
    return found


def _pieces(file: Any) -> Iterator[bytes]:
    """The XML, cut behind ends of rows."""
    rest = b""
    while piece := file.read(2**20):
        whole, end, tail = (rest + piece).rpartition(b"row>")
        yield whole + end
        rest = tail
    yield rest


def _find_damage(piece: bytes, found: dict[int, _Damage]) -> None:
    for cell in _CELL.finditer(piece):
        attributes, content = cell[1], cell[2] or b""
        is_error = b't="e"' in attributes
        if not is_error and not (
            re.search(rb"<(?:\w+:)?f\b", content) and not re.search(rb"<(?:\w+:)?v>[^<]", content)
        ):
            continue
        place = _PLACE.search(attributes)
        if place is not None and (is_error or b't="str"' not in attributes):
            word = re.search(rb"<(?:\w+:)?v>([^<]*)", content) if is_error else None
            text = word[1].decode("utf-8", "replace") if word else ""
            found.setdefault(int(place[2]), {})[_number_of(place[1])] = ("error-word" if is_error else "no-value", text)


def _number_of(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number - 1


def _member_of(archive: zipfile.ZipFile, sheet: str) -> str | None:
    """The member of the archive that holds a sheet."""
    try:
        book = archive.read("xl/workbook.xml").decode("utf-8", "replace")
        relations = archive.read("xl/_rels/workbook.xml.rels").decode("utf-8", "replace")
    except KeyError:
        return None
    for tag in re.findall(r"<(?:\w+:)?sheet\b[^>]*>", book):
        attributes = _attributes(tag)
        if attributes.get("name") != sheet:
            continue
        for relation in re.findall(r"<(?:\w+:)?Relationship\b[^>]*>", relations):
            if (one := _attributes(relation)).get("Id") == attributes.get("id"):
                target = one.get("Target", "")
                member = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
                return member if member in archive.namelist() else None
    return None


def _attributes(tag: str) -> Mapping[str, str]:
    from html import unescape

    return {name: unescape(value) for name, value in re.findall(r'(?:\w+:)?(\w+)="([^"]*)"', tag)}


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
