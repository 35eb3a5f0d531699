"""Rejects files: what could not be booked, in the input's own format, to be corrected and read back."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from .._models.jsonio import JsonError, dumps, is_object, loads
from .bookings import Booking, BookingFile
from .columns import REJECTED
from .csv_sheet import Mistake, SheetRow, SheetWriter, open_private

if TYPE_CHECKING:
    from typing_extensions import Self


class RejectsWriter:
    """Writes bookings of a file with ``line,column,error``; the rejects file is created with the first one.

    A line that isn't JSON is stored in a member ``"text"``, to be replaced by its correction.
    """

    def __init__(self, path: Path, source: BookingFile) -> None:
        self._path = path
        self._source = source
        self._file: Any = None
        self._sheet: SheetWriter | None = None
        self.count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, booking: Booking, mistakes: tuple[Mistake, ...]) -> None:
        """Write one booking with its mistakes."""
        if self._file is None:
            self._file = open_private(self._path)
            if self._source.columns is not None:
                columns = (*(name for name in self._source.columns if name not in REJECTED), *REJECTED)
                self._sheet = SheetWriter(self._file, columns, self._source.delimiter)
        self.count += 1
        if self._sheet is None:
            self._file.write(_json_line(booking, mistakes))
            return
        assert isinstance(booking.source, tuple)
        for row in booking.source:
            self._sheet.row(self._cells(row, [mistake for mistake in mistakes if mistake.line == row.line]))

    def _cells(self, row: SheetRow, mistakes: list[Mistake]) -> list[str]:
        columns = self._source.columns or ()
        raw = [*row.raw, *[""] * (len(columns) - len(row.raw))]
        kept = [row.cells.get(name, cell) for name, cell in zip(columns, raw, strict=False) if name not in REJECTED]
        cells = _described(mistakes)
        return [*kept, str(row.line), cells[1], cells[2]]


def _described(mistakes: list[Mistake]) -> tuple[str, str, str]:
    """The cells line, column and error for mistakes in one place."""
    columns = [mistake.column or "" for mistake in mistakes]
    if len(mistakes) == 1:
        return str(mistakes[0].line), columns[0], mistakes[0].text
    named = [f"{mistake.column}: {mistake.text}" if mistake.column else mistake.text for mistake in mistakes]
    return str(mistakes[0].line) if mistakes else "", " ".join(filter(None, columns)), "; ".join(named)


def _json_line(booking: Booking, mistakes: tuple[Mistake, ...]) -> bytes:
    line, column, error = _described(list(mistakes))
    details = {"line": int(line) if line else booking.line, "column": column or None, "error": error}
    assert isinstance(booking.source, bytes)
    try:
        members = loads(booking.source)
    except JsonError:
        members = None
    if not is_object(members):
        members = {"text": booking.source.decode("utf-8", "replace").rstrip("\r\n")}
    return dumps({**members, **details}) + b"\n"
