"""CSV as people have it: comma, semicolon, tab or what ``sep=`` says; any encoding; line ends of every kind.

What can't be decoded or parsed comes through as it was, with its finding, so that it can be written as it was.
"""

from __future__ import annotations

import csv
import functools
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final

import attrs

from .encodings import NUL, Encoding, encoding_of
from .findings import EncodingError, FileError, Finding
from .tables import Row

DELIMITERS: Final = ",;\t"
MAX_LINE: Final = 4 * 2**20
"""The longest line, in characters, that is read into memory."""
_SEPARATOR = re.compile(r"sep=(.)\s*", re.I)


@attrs.frozen
class Dialect:
    """How a CSV file is written: by which a problems file is written like its input."""

    encoding: Encoding
    delimiter: str
    says_separator: bool = False


class CsvTable:
    """A CSV file, read row by row in constant memory.

    Args:
        path: the file.
        name: its name in errors.
        encoding: None: as it says itself, else UTF-8.

    Attributes:
        dialect: how it is written.
        columns: how many cells its rows have, once somebody knows; without that, fewer broken rows are seen.

    Raises:
        FileError: it can't be read.
        EncodingError: in that encoding.
    """

    said: tuple[str, ...] = ()

    def __init__(self, path: Path, name: str, encoding: str | None = None) -> None:
        self.path = path
        self.name = name
        found = encoding_of(path, name, encoding)
        with found.opened(path) as file:
            first = _Lines(file).first()
        said = _SEPARATOR.fullmatch(first)
        delimiter = said[1] if said else max(DELIMITERS, key=first.count)
        self.columns: int | None = None
        self.dialect = Dialect(found, delimiter, said is not None)

    def rows(self) -> Iterator[Row]:
        """All rows that aren't blank."""
        with self.dialect.encoding.opened(self.path) as file:
            lines = _Lines(file)
            if self.dialect.says_separator:
                lines.first()
            yield from self._rows(lines)

    def _rows(self, lines: _Lines) -> Iterator[Row]:
        reader = csv.reader(lines, delimiter=self.dialect.delimiter, strict=True)
        consumed, read = lines.consumed, reader.__next__
        is_blank = False
        while True:
            consumed.clear()
            line = lines.count + 1
            why: Finding | None = None
            try:
                cells = read()
            except StopIteration:
                return
            except csv.Error as error:
                why, cells = Finding.of("not-csv", line, why=_reason(error)), []
            if why is None and len(consumed) > 1 and self._is_swallowed(cells):
                why = Finding.of("inside-cell", line)
            if why is not None:
                cells = consumed[0].rstrip("\r\n").split(self.dialect.delimiter)
                lines.unread(consumed[1:])
            elif lines.is_too_long:
                lines.is_too_long = False
                why = Finding.of("too-long", line, most=str(MAX_LINE))
            elif not any(map(str.strip, cells)):
                is_blank = True
                continue
            row = _row(line, cells, consumed, why)
            row.is_after_blank, is_blank = is_blank, False
            yield row

    def _is_swallowed(self, cells: list[str]) -> bool:
        """Whether a record of several lines is made of rows, by a quotation mark too many; then each line is a row again."""
        if self.columns is None or len(cells) == self.columns:
            return any("\n" in cell and cell.count(self.dialect.delimiter) >= len(cells) - 1 > 0 for cell in cells)
        return True


def _row(line: int, cells: list[str], consumed: list[str], why: Finding | None) -> Row:
    text = consumed[0] if len(consumed) == 1 else "".join(consumed)
    if why is not None:
        return Row(line, [cell.strip().strip('"') for cell in cells], cells, finding=why)
    row = Row(line, [plain(cell) for cell in cells] if "'" in text else cells, cells)
    if '"' in text:
        stray = {number: "stray-quote" for number, cell in enumerate(cells) if _is_stray(cell, text)}
        row.damage = stray or row.damage
    return row


def _is_stray(cell: str, text: str) -> bool:
    """Whether a cell has a quotation mark and isn't quoted: every program quotes such a cell, so another mark was lost."""
    return '"' in cell and '"' + cell.replace('"', '""') + '"' not in text


class _Lines(Iterator[str]):
    """The lines of a file; of one that is too long its beginning, and ``is_too_long`` is set."""

    def __init__(self, file: io.TextIOWrapper) -> None:
        self._read = functools.partial(file.readline, MAX_LINE)
        self._unread: list[str] = []
        self.is_too_long = False
        self.consumed: list[str] = []
        self.count = 0

    def unread(self, texts: list[str]) -> None:
        """Give these lines again."""
        self.count -= len(texts)
        self._unread += reversed(texts)

    def __next__(self) -> str:
        text = self._unread.pop() if self._unread else self._read()
        if not text:
            raise StopIteration
        self.count += 1
        if "\0" in text:
            text = text.replace("\0", NUL)
        if len(text) >= MAX_LINE and not text.endswith(("\n", "\r")):
            self.is_too_long = True
            while len(rest := self._read()) >= MAX_LINE and not rest.endswith(("\n", "\r")):
                pass
            text = text[:1000] + "\n"
        self.consumed.append(text)
        return text

    def first(self) -> str:
        """The first line that isn't blank; or nothing."""
        return next((text for text in self if text.strip()), "")


def _reason(error: csv.Error) -> str:
    return "a cell is longer than 128 KiB" if "field limit" in str(error) else str(error)


_FORMULA: Final = r"=+\-@\t\r\n＝＋－＠"
_BEGIN: Final = r"(?:^|(?<=[,;\t\r\n]))"
_COULD_BE = re.compile(rf"{_BEGIN}(?='*[{_FORMULA}])")
_WAS = re.compile(rf"{_BEGIN}'(?='*[{_FORMULA}])")


def neutral(text: str) -> str:
    """The text as a cell that no spreadsheet evaluates, be its separator a comma, a semicolon or a tab.

    An apostrophe precedes anything that could start a formula, behind a separator inside the cell, too.
    """
    return _COULD_BE.sub("'", text)


def plain(cell: str) -> str:
    """The text from which `neutral` made a cell."""
    return _WAS.sub("", cell) if "'" in cell else cell


class CsvWriter:
    """Writes CSV, neutralising formula-like cells; by default in UTF-8 with a byte order mark.

    Args:
        file: open in binary mode.
        columns: the header.
        dialect: how it is to be written.
    """

    def __init__(self, file: BinaryIO, columns: Sequence[str], dialect: Dialect | None = None) -> None:
        self._file = file
        self._dialect = dialect or Dialect(Encoding("utf-8", b"\xef\xbb\xbf"), ",")
        self._text = io.StringIO(newline="")
        self._writer = csv.writer(self._text, delimiter=self._dialect.delimiter)
        file.write(self._dialect.encoding.bom)
        if self._dialect.says_separator:
            file.write(self._dialect.encoding.encode(f"sep={self._dialect.delimiter}\r\n"))
        self.row(columns)

    def close(self) -> None:
        """There is no end to be written."""

    def row(self, cells: Iterable[object]) -> None:
        """Write one row; what its encoding can't hold is written as ``?``."""
        self._writer.writerow([neutral(str(cell)).replace("\0", NUL) for cell in cells])
        text = self._text.getvalue()
        self._text.seek(0)
        self._text.truncate()
        try:
            self._file.write(self._dialect.encoding.encode(text))
        except UnicodeEncodeError:
            self._file.write(text.replace(NUL, "\ufffd").encode(self._dialect.encoding.name, "replace"))


def read_header(path: Path) -> Sequence[str]:
    """The first row of a CSV file; nothing if there is none."""
    for encoding in (None, "latin-1"):  # our own titles are ASCII, whatever the encoding of an input's
        try:
            return next((row.cells for row in CsvTable(path, str(path), encoding).rows()), ())
        except EncodingError:
            continue
        except (FileError, OSError):
            break
    return ()
