"""Problems files: what could not be booked, in the input's own format, to be corrected and read back."""

from __future__ import annotations

import contextlib
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from .._models.jsonio import JsonError, dumps, is_object, loads
from .bookings import Booking, BookingFile
from .columns import PROBLEM
from .csv_sheet import DELIMITERS, SheetRow, SheetWriter
from .findings import Finding
from .outputs import check_output, replaced

if TYPE_CHECKING:
    from typing_extensions import Self


def is_problems(first: bytes) -> bool:
    """Whether a file that begins with this line is a problems file."""
    text = first.decode("utf-8", "replace").strip()
    if not text.startswith("{"):
        return any(tuple(cell.strip('"') for cell in text.split(one)[-5:]) == PROBLEM for one in DELIMITERS)
    try:
        members = loads(first)
    except JsonError:
        return False
    return is_object(members) and {*PROBLEM} <= members.keys()


class ProblemsWriter:
    """Writes bookings of a file with ``line,column,code,problem,decision``.

    The file is created with the first one, once all are written.

    A line that isn't JSON is stored in a member ``"text"``, to be replaced by its correction.
    """

    def __init__(self, path: Path, source: BookingFile) -> None:
        self._path = path
        self._source = source
        self._stack = contextlib.ExitStack()
        self._file: Any = None
        self._sheet: SheetWriter | None = None
        self.count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def add(self, booking: Booking, mistakes: tuple[Finding, ...]) -> None:
        """Write one booking with its mistakes.

        Raises:
            FileError: something else has come to the path meanwhile.
        """
        if self._file is None:
            check_output(self._path, (self._source.path,), is_problems)
            self._file = self._stack.enter_context(replaced(self._path))
            if self._source.columns is not None:
                columns = (*(name for name in self._source.columns if name not in PROBLEM), *PROBLEM)
                self._sheet = SheetWriter(self._file, columns, self._source.delimiter)
        self.count += 1
        if self._sheet is None:
            self._file.write(_json_line(booking, mistakes))
            return
        assert isinstance(booking.source, tuple)
        for row in booking.source:
            self._sheet.row(self._cells(row, [mistake for mistake in mistakes if mistake.line == row.line]))

    def _cells(self, row: SheetRow, mistakes: list[Finding]) -> list[str]:
        columns = self._source.columns or ()
        raw = [*row.raw, *[""] * (len(columns) - len(row.raw))]
        kept = [row.cells.get(name, cell) for name, cell in zip(columns, raw, strict=False) if name not in PROBLEM]
        cells = _described(mistakes)
        return [*kept, str(row.line), cells[1], " ".join(one.code for one in mistakes), cells[2], ""]


def _described(mistakes: list[Finding]) -> tuple[str, str, str]:
    """The cells line, column and error for mistakes in one place."""
    columns = [mistake.column or "" for mistake in mistakes]
    if len(mistakes) == 1:
        return str(mistakes[0].line), columns[0], mistakes[0].text
    named = [f"{mistake.column}: {mistake.text}" if mistake.column else mistake.text for mistake in mistakes]
    return str(mistakes[0].line) if mistakes else "", " ".join(filter(None, columns)), "; ".join(named)


def _json_line(booking: Booking, mistakes: tuple[Finding, ...]) -> bytes:
    line, column, error = _described(list(mistakes))
    codes = " ".join(one.code for one in mistakes)
    details = {
        "line": int(line) if line else booking.line,
        "column": column or None,
        "code": codes,
        "problem": error,
        "decision": "",
    }
    assert isinstance(booking.source, bytes)
    try:
        members = loads(booking.source)
    except JsonError:
        members = None
    if not is_object(members):
        members = {"text": booking.source.decode("utf-8", "replace").rstrip("\r\n")}
    return dumps({**members, **details}) + b"\n"
