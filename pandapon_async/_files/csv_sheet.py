"""CSV as spreadsheets write it: comma, semicolon or tab; UTF-8 with or without BOM. Findings have line and column."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import attrs

from .._errors import suggestion
from .findings import FileError, Finding

DAMAGED = "was altered by a spreadsheet (format the column as text and enter it again)"
_DAMAGED = re.compile(r"[+-]?\d+(?:[.,]\d+)?[eE][+-]?\d+|#(?:NAME\?|REF!|VALUE!|N/A|NUM!|DIV/0!|NULL!)|#{3,}")
DELIMITERS = ",;\t"
MAX_LINE_BYTES = 4 * 2**20
"""The longest line, in bytes, that is read into memory."""


@attrs.frozen
class SheetRow:
    """One row: the line on which it begins, its non-empty cells by column, and all cells as read."""

    line: int
    cells: dict[str, str]
    raw: tuple[str, ...]
    findings: tuple[Finding, ...] = ()


class Sheet:
    """A CSV file, read row by row in constant memory.

    Args:
        file: open in binary mode, at its beginning.
        name: its name in errors.

    Raises:
        FileError: the header is missing or invalid.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._lines = _Lines(file)
        self.name = name
        first = next(iter(self._lines), "")
        self.delimiter = max(DELIMITERS, key=first.count) if first else ","
        self._lines.unread(first)
        self._reader = csv.reader(self._lines, delimiter=self.delimiter, strict=True)
        try:
            header = next(self._reader, None) or ()
        except csv.Error as error:
            raise self._error(None, f"not CSV: {_reason(error)}") from None
        self.columns = tuple(plain(cell).strip() for cell in header)
        if self._lines.mistake:
            raise self._error(None, self._lines.mistake)
        self._check_columns()

    def _check_columns(self) -> None:
        if not any(self.columns):
            raise self._error(None, "there is no header")
        for number, column in enumerate(self.columns, start=1):
            if not column:
                raise self._error(str(number), "has no name")
            if self.columns.index(column) != number - 1:
                raise self._error(_shown(column), "is in the header twice")

    def require(self, known: Iterable[str], required: Iterable[str] = ()) -> None:
        """Reject a header with unknown columns, or without required ones.

        Raises:
            FileError: names the column.
        """
        known = tuple(known)
        for column in self.columns:
            if column not in known:
                raise self._error(_shown(column), f"is unknown{suggestion(column, known)}")
        for column in required:
            if column not in self.columns:
                raise self._error(column, "is missing")

    def _error(self, column: str | None, text: str) -> FileError:
        return FileError.of(self.name, [Finding.of("cell", 1, column, why=text)])

    def __iter__(self) -> Iterator[SheetRow]:
        while True:
            line = self._reader.line_num + 1
            self._lines.mistake = ""
            self._lines.consumed.clear()
            try:
                raw = next(self._reader, None)
            except csv.Error as error:
                yield from self._unreadable(line, _reason(error))
                continue
            if raw is None:
                return
            if self._lines.mistake:
                yield SheetRow(line, {}, tuple(raw), (Finding.of("cell", line, None, why=self._lines.mistake),))
            elif any(raw):
                yield self._row(line, raw)

    def _unreadable(self, line: int, reason: str) -> Iterator[SheetRow]:
        """The lines consumed by a broken record (an unclosed quote consumes many), each split into its apparent cells."""
        texts = [f"not CSV: {reason}", f"is inside a cell that begins on line {line}"]
        for index, text in enumerate(self._lines.consumed):
            raw = text.rstrip("\r\n").split(self.delimiter)
            yield attrs.evolve(
                self._row(line + index, raw),
                findings=(Finding.of("cell", line + index, None, why=texts[min(index, 1)]),),
            )

    def _row(self, line: int, raw: list[str]) -> SheetRow:
        cells = {column: plain(cell) for column, cell in zip(self.columns, raw, strict=False) if cell}
        findings: tuple[Finding, ...] = ()
        if any(raw[len(self.columns) :]):
            findings = (
                Finding.of("cell", line, str(len(self.columns) + 1), why="a cell is beyond the header's columns"),
            )
        return SheetRow(line, cells, tuple(raw), findings)


class _Lines(Iterator[str]):
    """The lines of a UTF-8 file; an undecodable line is returned with replacement characters, and ``mistake`` is set."""

    def __init__(self, file: BinaryIO) -> None:
        self._lines = read_lines(file)
        self._unread: list[str] = []
        self.mistake = ""
        self.consumed: list[str] = []

    def unread(self, line: str) -> None:
        """Return this line again next."""
        if line:
            self._unread.append(line)

    def __next__(self) -> str:
        text = self._unread.pop() if self._unread else self._next()
        self.consumed.append(text)
        return text

    def _next(self) -> str:
        line, mistake = next(self._lines)
        self.mistake = self.mistake or mistake
        return self._text(line)

    def _text(self, line: bytes) -> str:
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError as error:
            self.mistake = self.mistake or f"not UTF-8 at byte {error.start + 1}; save the file as UTF-8"
            text = line.decode("utf-8", "replace")
        if "\0" in text:
            self.mistake = self.mistake or "contains a NUL"
            text = text.replace("\0", "\ufffd")
        return text


def open_to_read(path: Path, name: str | None = None) -> BinaryIO:
    """Open a file in binary mode.

    Raises:
        FileError: it can't be read.
    """
    try:
        return path.open("rb")
    except OSError as error:
        raise FileError(f"{name or path}: can't be read: {error.strerror}") from None


def read_lines(file: BinaryIO) -> Iterator[tuple[bytes, str]]:
    """A file's lines, without a BOM, each with its mistake or ``""``; a line that is too long is truncated."""
    is_first = True
    while line := file.readline(MAX_LINE_BYTES):
        mistake = ""
        if is_first:
            line = line.removeprefix(b"\xef\xbb\xbf")
            if line.startswith((b"\xff\xfe", b"\xfe\xff")):
                mistake = "the file is UTF-16; save it as UTF-8"
        if len(line) == MAX_LINE_BYTES and not line.endswith(b"\n"):
            mistake = f"longer than {MAX_LINE_BYTES} bytes"
            while len(file.readline(MAX_LINE_BYTES)) == MAX_LINE_BYTES:
                pass
        is_first = False
        yield line, mistake


def is_damaged(cell: str) -> bool:
    """Whether a cell is a long number in scientific notation (``2.04E+15``), or a spreadsheet's own error value."""
    return _DAMAGED.fullmatch(cell.strip()) is not None


def _reason(error: csv.Error) -> str:
    return "a cell is longer than 128 KiB" if "field limit" in str(error) else str(error)


def _shown(column: str) -> str:
    return column if len(column) <= 60 and column.isprintable() else repr(column[:60])


class SheetWriter:
    """Writes CSV in UTF-8 with BOM, neutralising formula-like cells.

    Args:
        file: open in binary mode.
        columns: the header.
        delimiter: the separator between cells.
    """

    def __init__(self, file: BinaryIO, columns: Sequence[str], delimiter: str = ",") -> None:
        self._file = file
        self._text = io.StringIO()
        self._writer = csv.writer(self._text, delimiter=delimiter)
        file.write(b"\xef\xbb\xbf")
        self.row(columns)

    def row(self, cells: Iterable[str]) -> None:
        """Write one row."""
        self._writer.writerow([neutral(cell).replace("\0", "\ufffd") for cell in cells])
        self._file.write(self._text.getvalue().encode("utf-8", "replace"))
        self._text.seek(0)
        self._text.truncate()


def open_private(path: Path) -> BinaryIO:
    """Create or truncate a file; a new one is readable only by its owner, since it will hold receivers' data."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    return os.fdopen(descriptor, "wb")


_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def neutral(text: str) -> str:
    """The text as a cell that no spreadsheet evaluates: an apostrophe precedes anything that could start a formula."""
    return f"'{text}" if text.lstrip("'").startswith(_FORMULA) else text


def plain(cell: str) -> str:
    """The text from which `neutral` made a cell."""
    return cell[1:] if cell.startswith("'") and cell.lstrip("'").startswith(_FORMULA) else cell
