"""What readers of all formats have in common: rows of cells with their line numbers, and what a file is, whatever its name."""

from __future__ import annotations

import errno
import os
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Final, Literal, Protocol

import attrs

from .encodings import encoding_of
from .findings import FileError, Finding

Format = Literal["csv", "json", "xlsx", "xls", "ods"]
_NOTHING: Final[Mapping[int, str]] = {}


@attrs.define
class Row:
    """One row of a table.

    Attributes:
        line: where it begins; in a workbook, the number of the row.
        cells: its cells as text.
        source: its cells as they came, to be written as they came.
        damage: codes of what the reader saw of a cell that its text can't show, by the cell's number from 0.
        finding: why it isn't a row.
        is_after_blank: a blank row stands above it.
        is_hidden: whoever saved it last didn't see it.
    """

    line: int
    cells: Sequence[str]
    source: Sequence[object]
    damage: Mapping[int, str] = _NOTHING
    finding: Finding | None = None
    is_after_blank: bool = False
    is_hidden: bool = False


class Table(Protocol):
    """A sheet of rows; each iteration reads it again."""

    @property
    def said(self) -> Sequence[str]:
        """What was understood and isn't written in it, a sentence each."""
        ...

    def rows(self) -> Iterator[Row]:
        """All its rows that aren't blank, the header and what stands above it included."""
        ...


_MAGIC: Final = (
    (b"%PDF", "PDF"),
    (b"\x1f\x8b", "gzip"),
    (b"Rar!", "RAR"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ", "xz"),
    (b"\x89PNG", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF8", "GIF"),
    (b"SQLite format 3", "SQLite: `pandapon journal`"),
    (b"{\\rtf", "RTF"),
)
_OLE: Final = b"\xd0\xcf\x11\xe0"
_SUFFIXES: Final[Mapping[str, tuple[str, ...]]] = {
    "csv": ("csv", "json"),
    "tsv": ("csv", "json"),
    "txt": ("csv", "json"),
    "json": ("json",),
    "jsonl": ("json",),
    "ndjson": ("json",),
    "xlsx": ("xlsx",),
    "xlsm": ("xlsx",),
    "xls": ("xls",),
    "ods": ("ods",),
}
_NAMES: Final = {
    "csv": "text (CSV)",
    "json": "JSON",
    "xlsx": "an Excel workbook (xlsx)",
    "xls": "an old Excel workbook (xls)",
    "ods": "a LibreOffice workbook (ods)",
}


def open_to_read(path: Path, name: str | None = None) -> BinaryIO:
    """Open a file in binary mode.

    Raises:
        FileError: it can't be read.
    """
    if _is_passing(path):
        why = "it is a pipe or a device, and is read more than once: save it as a file, or, where stdin is read, give it there as -"
        raise FileError.whole(name or path, "not-readable", why=why)
    try:
        return path.open("rb")
    except OSError as error:
        codes = {errno.ENOENT: "not-there", errno.EISDIR: "is-folder", errno.EACCES: "not-allowed"}
        code = "is-folder" if os.path.isdir(path) else codes.get(error.errno or 0)
        if code is None:
            raise FileError.whole(name or path, "not-readable", why=error.strerror or "") from None
        raise FileError.whole(name or path, code) from None


def _is_passing(path: Path) -> bool:
    """Whether a path names no file of a folder where something can be kept beside it, such as what a shell makes of a redirection."""
    # Not by Path's, which raise for a name that is too long.
    is_special = os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)
    folder = path.absolute().parent
    return is_special or str(folder) in ("/dev", "/dev/fd") or folder.parts[1:2] == ("proc",)


def format_of(path: Path, name: str, encoding: str | None) -> tuple[Format, tuple[str, ...]]:
    """What a file is by its content, and what is to be said where its name says something else.

    Raises:
        FileError: it can't be read, is empty, or is nothing that holds bookings.
    """
    with open_to_read(path, name) as file:
        head = file.read(4096)
    if not head.strip():
        raise FileError.whole(name, "no-booking")
    for magic, what in _MAGIC:
        if head.startswith(magic):
            raise FileError.whole(name, "other-kind", what=what)
    found = _by_content(path, name, head, encoding)
    suffix = path.suffix.lstrip(".").lower()
    if found in _SUFFIXES.get(suffix, (found,)):
        return found, ()
    return found, (f"it is {_NAMES[found]}, whatever its name, and was read as such",)


def _by_content(path: Path, name: str, head: bytes, encoding: str | None) -> Format:
    if head.startswith(b"PK\x03\x04"):
        return _zipped(path, name)
    return "xls" if head.startswith(_OLE) else _text(path, name, encoding)


def _zipped(path: Path, name: str) -> Format:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.namelist()
            kind = archive.read("mimetype") if "mimetype" in members else b""
    except (OSError, zipfile.BadZipFile, RuntimeError):
        raise FileError.whole(name, "damaged-file") from None
    if "xl/workbook.xml" in members:
        return "xlsx"
    if b"opendocument.spreadsheet" in kind:
        return "ods"
    what = "xlsb" if "xl/workbook.bin" in members else "ZIP"
    what = "DOCX" if "word/document.xml" in members else what
    what = "Numbers" if any(one.endswith(".iwa") for one in members) else what
    raise FileError.whole(name, "other-kind", what=what)


def _text(path: Path, name: str, declared: str | None) -> Format:
    with encoding_of(path, name, declared).opened(path) as file:
        start = file.read(2**16).lstrip("\ufeff \t\r\n")
    if not start:
        raise FileError.whole(name, "no-booking")
    if start.startswith("<"):
        raise FileError.whole(name, "web-page")
    return "json" if start.startswith(("{", "[")) else "csv"
