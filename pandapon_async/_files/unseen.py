"""What the reader of workbooks doesn't tell: cells that hold an error, formulas without a value, hidden rows.

It gives an empty text for an error, and an empty cell means something else. So each format is looked through for these by its own
marks; where they can't be placed, the workbook is refused.
"""

from __future__ import annotations

import re
import struct
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from html import unescape
from pathlib import Path
from typing import Any, Final, cast
from xml.parsers import expat

import attrs

from .tables import Format

Cells = dict[int, tuple[str, str]]
"""Cells of a row by their number from 0: the code of the damage, and the text of the cell, if the reader doesn't give it."""
_PIECE: Final = 2**20
_ANY_ERROR: Final = "#N/A"


class UnreadableError(Exception):
    """It is damaged, or written as nobody writes it."""


_DAMAGED: Final = (OSError, LookupError, ValueError, struct.error, zipfile.BadZipFile, expat.ExpatError)


@attrs.frozen
class Unseen:
    """What isn't told of a sheet, by row from 1: damaged cells, and which rows that hold something are hidden."""

    cells: dict[int, Cells] = attrs.field(factory=dict[int, Cells])
    hidden: set[int] = attrs.field(factory=set[int])

    def add(self, row: int, column: int, code: str, text: str) -> None:
        """Note a damaged cell."""
        self.cells.setdefault(row, {})[column] = (code, text)


def unseen_in(path: Path, kind: Format, sheets: Sequence[str], sheet: str) -> Unseen:
    """What isn't told of one of a workbook's sheets.

    Raises:
        UnreadableError: it can't be found out, or not where.
    """
    found = Unseen()
    try:
        if kind == "xls":
            _look_through_xls(path, sheets.index(sheet), found)
            return found
        with zipfile.ZipFile(path) as archive:
            if kind == "ods":
                _look_through_ods(archive, sheet, found)
            else:
                _look_through_xlsx(archive, sheet, found)
    except _DAMAGED as error:
        raise UnreadableError from error
    return found


def has_password(path: Path, kind: Format) -> bool:
    """Whether it is encrypted, which the reader takes for damaged; damaged XML, on which it can hang, is looked for, too.

    Raises:
        UnreadableError: it is damaged.
    """
    try:
        if kind == "xls":
            with _container(path) as ole:
                return ole.exists("EncryptedPackage") or any(kind == _FILEPASS for kind, *_ in _records(_book(ole), 0))
        with zipfile.ZipFile(path) as archive:
            if kind == "ods" and b"encryption-data" in archive.read("META-INF/manifest.xml"):
                return True
            for name in archive.namelist():
                if name == "content.xml" or (name.startswith("xl/") and name.endswith((".xml", ".rels"))):
                    with archive.open(name) as file:
                        expat.ParserCreate().ParseFile(file)
            return False
    except _DAMAGED as error:
        raise UnreadableError from error


# --- xlsx --------------------------------------------------------------------------------------------------------------

_ROW = re.compile(rb"<(?:\w+:)?row\b([^>]*)>")
_CELL = re.compile(rb"<(?:\w+:)?c\b([^>]*?)(?:/>|>(.*?)</(?:\w+:)?c>)", re.S)
_PLACE = re.compile(rb"""\br=["']([A-Z]{1,3})([0-9]{1,7})["']""")
_NUMBER = re.compile(rb"""\br=["']([0-9]{1,7})["']""")
_IS_ERROR = re.compile(rb"""\bt=["']e["']""")
_IS_TEXT = re.compile(rb"""\bt=["']str["']""")
_IS_HIDDEN = re.compile(rb"""\bhidden=["'](?:1|true)["']""")
_FORMULA = re.compile(rb"<(?:\w+:)?f\b[^>]*>([^<]*)")
_VALUE = re.compile(rb"<(?:\w+:)?v>([^<]+)")


def _look_through_xlsx(archive: zipfile.ZipFile, sheet: str, found: Unseen) -> None:
    with archive.open(_member_of(archive, sheet)) as file:
        for piece in _pieces(file):
            if b"hidden=" in piece:
                for row in _ROW.finditer(piece):
                    if _IS_HIDDEN.search(row[1]) and not row[1].endswith(b"/"):
                        found.hidden.add(int(_placed(_NUMBER, row[1])[1]))
            if _IS_ERROR.search(piece) or _FORMULA.search(piece):
                _find_in_cells(piece, found)


def _pieces(file: Any) -> Iterator[bytes]:
    """The XML, cut behind ends of rows."""
    rest = b""
    while piece := file.read(_PIECE):
        whole, end, tail = (rest + piece).rpartition(b"row>")
        yield whole + end
        rest = tail
    yield rest


def _find_in_cells(piece: bytes, found: Unseen) -> None:
    for cell in _CELL.finditer(piece):
        attributes, content = cell[1], cell[2] or b""
        value = _VALUE.search(content)
        if _IS_ERROR.search(attributes):
            code, text = "error-word", value[1] if value else _ANY_ERROR.encode()
        elif value is None and (formula := _FORMULA.search(content)) and not _IS_TEXT.search(attributes):
            code, text = "no-value", b"=" + formula[1]
        else:
            continue
        place = _placed(_PLACE, attributes)
        found.add(int(place[2]), _number_of(place[1]), code, unescape(text.decode("utf-8", "replace")))


def _placed(pattern: re.Pattern[bytes], attributes: bytes) -> re.Match[bytes]:
    place = pattern.search(attributes)
    if place is None:  # may be left out; then only counting all cells would tell
        raise ValueError("an error without its place")
    return place


def _number_of(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number - 1


def _member_of(archive: zipfile.ZipFile, sheet: str) -> str:
    """The member of the archive that holds a sheet."""
    book = archive.read("xl/workbook.xml").decode("utf-8", "replace")
    relations = archive.read("xl/_rels/workbook.xml.rels").decode("utf-8", "replace")
    ids = [one.get("id") for one in _tags("sheet", book) if one.get("name") == sheet]
    (target,) = (one.get("Target", "") for one in _tags("Relationship", relations) if one.get("Id") in ids)
    member = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    return {name.lower(): name for name in archive.namelist()}[member.lower()]


def _tags(name: str, xml: str) -> Iterator[Mapping[str, str]]:
    """The attributes of elements."""
    for tag in re.findall(rf"<(?:\w+:)?{name}\b[^>]*>", xml):
        pairs = re.findall(r"""(?:\w+:)?(\w+)=(?:"([^"]*)"|'([^']*)')""", tag)
        yield {name: unescape(double or single) for name, double, single in pairs}


# --- ods ---------------------------------------------------------------------------------------------------------------

_MARKS = re.compile(rb"""value-type=["']error|visibility=|formula=|<\w+:(?:tab|line-break)\b""")


def _look_through_ods(archive: zipfile.ZipFile, sheet: str, found: Unseen) -> None:
    with archive.open("content.xml") as file:
        before = b""
        while piece := file.read(_PIECE):
            if _MARKS.search(before + piece):
                break
            before = piece[-32:]
        else:
            return
    with archive.open("content.xml") as file:
        _OdsScan(sheet, found).read(file)


class _OdsScan:
    """Looks for the marks in one table of an ods document, in constant memory."""

    def __init__(self, sheet: str, found: Unseen) -> None:
        self._sheet = sheet
        self._found = found
        self._is_inside = self._is_hidden = self._is_filled = False
        self._notes = 0
        self._row = self._column = 0
        self._here: Cells = {}
        self._repeated = [1, 1]  # rows, cells
        self._code: str | None = None
        self._text = ""

    def read(self, file: Any) -> None:
        """Read the whole document."""
        parser = expat.ParserCreate()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.ParseFile(file)

    def _start(self, tag: str, given: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        attributes = {key.rpartition(":")[2]: value for key, value in given.items()}
        if name == "table":
            self._is_inside = attributes.get("name") == self._sheet
        elif name == "table-row":
            self._is_hidden = attributes.get("visibility", "visible") != "visible"
            self._is_filled, self._column, self._here = False, 0, {}
            self._repeated[0] = int(attributes.get("number-rows-repeated", "1"))
        elif name in ("table-cell", "covered-table-cell"):
            self._repeated[1] = int(attributes.get("number-columns-repeated", "1"))
            is_error = any(key.endswith("value-type") and value == "error" for key, value in given.items())
            is_unknown = "formula" in attributes and "value-type" not in attributes
            self._code = "error-word" if is_error else "no-value" if is_unknown else None
            self._is_filled = self._is_filled or "value-type" in attributes or self._code is not None
            self._text = "=" + attributes["formula"].partition("=")[2] if is_unknown else ""
        elif name == "annotation":
            self._notes += 1
        elif name in ("tab", "line-break") and not self._notes:
            self._code = self._code or "control-character"

    def _characters(self, text: str) -> None:
        if self._code == "error-word" and not self._notes:
            self._text += text

    def _without_text(self) -> str:
        return _ANY_ERROR if self._code == "error-word" else ""

    def _end(self, tag: str) -> None:
        name = tag.rpartition(":")[2]
        if name == "annotation":
            self._notes -= 1
        elif name in ("table-cell", "covered-table-cell"):
            if self._code is not None:
                for column in range(self._column, self._column + self._repeated[1]):
                    self._here[column] = (self._code, self._text.strip() or self._without_text())
            self._column, self._code = self._column + self._repeated[1], None
        elif name == "table-row" and self._is_inside:
            first, self._row = self._row + 1, self._row + self._repeated[0]
            if self._here or (self._is_hidden and self._is_filled):
                rows = range(first, self._row + 1)
                self._found.cells.update({row: self._here for row in rows if self._here})
                self._found.hidden.update(rows if self._is_hidden else ())


# --- xls ---------------------------------------------------------------------------------------------------------------

_BOF, _EOF, _FILEPASS, _BOUNDSHEET, _ROW_RECORD = 0x0809, 0x000A, 0x002F, 0x0085, 0x0208
_BOOLERR, _FORMULA_RECORD = 0x0205, 0x0006
_IS_ZERO_HIGH, _NO_NUMBER, _ERROR = 0x20, 0xFFFF, 2
_ERRORS: Final = {
    0x00: "#NULL!",
    0x07: "#DIV/0!",
    0x0F: "#VALUE!",
    0x17: "#REF!",
    0x1D: "#NAME?",
    0x24: "#NUM!",
}


def _container(path: Path) -> Any:
    import olefile  # type: ignore[import-untyped]

    opened: Any = olefile.OleFileIO(str(path))
    return opened


def _book(ole: Any) -> bytes:
    return cast("bytes", ole.openstream("Workbook" if ole.exists("Workbook") else "Book").read())


def _look_through_xls(path: Path, sheet: int, found: Unseen) -> None:
    with _container(path) as ole:
        data = _book(ole)
    begins = [struct.unpack_from("<I", data, at)[0] for kind, at, _ in _records(data, 0) if kind == _BOUNDSHEET]
    depth = 0
    for kind, at, size in _records(data, begins[sheet]):
        depth += (kind == _BOF) - (kind == _EOF)
        if depth == 1:  # a chart in the sheet is a stream of its own
            _find_in_record(kind, data[at : at + size], found)


def _records(data: bytes, at: int) -> Iterator[tuple[int, int, int]]:
    """The records of one stream: kind, where its content begins, and its size."""
    depth = 0
    while True:
        kind, size = struct.unpack_from("<HH", data, at)
        yield kind, at + 4, size
        depth += (kind == _BOF) - (kind == _EOF)
        if not depth:
            return
        at += 4 + size


def _find_in_record(kind: int, record: bytes, found: Unseen) -> None:
    if kind == _ROW_RECORD:
        row, first, last, *_, flags = struct.unpack_from("<HHHHHHH", record)
        if flags & _IS_ZERO_HIGH and last > first:
            found.hidden.add(row + 1)
    elif kind == _BOOLERR:
        row, column, _, value, is_error = struct.unpack_from("<HHHBB", record)
        if is_error:
            found.add(row + 1, column, "error-word", _ERRORS.get(value, _ANY_ERROR))
    elif kind == _FORMULA_RECORD:
        row, column, _, what, _, value, _, _, _, mark = struct.unpack_from("<HHHBBBBBBH", record)
        if mark == _NO_NUMBER and what == _ERROR:
            found.add(row + 1, column, "error-word", _ERRORS.get(value, _ANY_ERROR))
