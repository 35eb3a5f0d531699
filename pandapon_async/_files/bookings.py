"""Booking files: JSON lines or CSV, checked booking by booking in constant memory.

JSON lines: each line the request body as the vendor documents it, with an optional top-level ``"reference"``. CSV: columns are
dotted wire names, one row a line item, the rows of one reference adjacent, what belongs to the whole booking equal in them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

import attrs

from .._errors import RequestError
from .._journal.rows import DerivedReference
from .._models.converters import from_wire, to_wire
from .._models.digest import digest_of
from .._models.jsonio import JsonError, fault_in, is_object, loads
from ..api.logistics import FreightBookingRequest
from .columns import REFERENCE, REJECTED, column_of, layout, list_name, put, template, value_of
from .csv_sheet import FileError, Mistake, Sheet, SheetRow, open_to_read, read_lines

MOST_MISTAKES: Final = 100


@attrs.frozen
class Booking:
    """One booking of a file: what it asks for, or why it can't be read.

    Attributes:
        line: the line it begins on.
        reference: the caller's reference; None: none was given.
        request: what it asks for; None if there are mistakes.
        mistakes: what is wrong with it.
        source: what stood in the file: the line's bytes, or the rows.
    """

    line: int
    reference: str | None
    request: FreightBookingRequest | None
    mistakes: tuple[Mistake, ...]
    source: bytes | tuple[SheetRow, ...] = attrs.field(repr=False)

    def pair(self) -> tuple[str, FreightBookingRequest]:
        """Reference and request; a reference that wasn't given is made from the request, as a job makes it."""
        assert self.request is not None
        if self.reference is not None:
            return self.reference, self.request
        return DerivedReference(self.request.natural_reference() or digest_of(to_wire(self.request))), self.request


class BookingFile:
    """A file of bookings on disk; each iteration reads it anew.

    Args:
        path: the file.
        name: what errors call it; its path unless given.

    Attributes:
        columns: the header of a CSV file; None: it is JSON lines.
        delimiter: what stands between its cells.

    Raises:
        FileError: it can't be read, holds nothing, or its header can't be one.
    """

    def __init__(self, path: str | os.PathLike[str], name: str | None = None) -> None:
        self.path = Path(path)
        self.name = name or str(path)
        self.columns: tuple[str, ...] | None = None
        self.delimiter = ","
        with self._opened() as file:
            start = file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
            if not start:
                raise FileError(f"{self.name}: holds no booking")
            if start.startswith(b"["):
                raise FileError(f"{self.name}: is one JSON array; write one booking a line (JSON lines)")
            if not start.startswith(b"{"):
                sheet = self._sheet(file)
                self.columns, self.delimiter = sheet.columns, sheet.delimiter

    def _opened(self) -> BinaryIO:
        return open_to_read(self.path, self.name)

    def _sheet(self, file: BinaryIO) -> Sheet:
        file.seek(0)
        sheet = Sheet(file, self.name)
        sheet.require((*template(), *REJECTED))
        return sheet

    def __iter__(self) -> Iterator[Booking]:
        with self._opened() as file:
            yield from _json_bookings(file) if self.columns is None else _sheet_bookings(self._sheet(file))

    def check(self) -> tuple[int, list[Mistake], int]:
        """Read it all: how many bookings are good, the first hundred mistakes, and how many bookings have some."""
        good = bad = 0
        mistakes: list[Mistake] = []
        for booking in self:
            if not booking.mistakes:
                good += 1
                continue
            bad += 1
            mistakes += booking.mistakes[: max(0, MOST_MISTAKES - len(mistakes))]
        return good, mistakes, bad


def read_bookings(path: str | os.PathLike[str]) -> Iterator[tuple[str, FreightBookingRequest]]:
    """The bookings of a file (JSON lines or CSV), as pairs for `BookingJob.run`.

    The whole file is checked before the first is given, then read again, so it must be a file and no pipe. Memory doesn't
    grow with it.

    Raises:
        FileError: names the first mistakes by line and column; nothing was given.
    """
    file = BookingFile(path)
    good, mistakes, _ = file.check()
    if mistakes:
        raise FileError.of(file.name, mistakes)
    if not good:
        raise FileError(f"{file.name}: holds no booking")
    for booking in file:
        if booking.mistakes:
            raise FileError.of(file.name, booking.mistakes)  # it was changed since it was checked
        yield booking.pair()


# --- JSON lines --------------------------------------------------------------------------------------------------------


def _json_bookings(file: BinaryIO) -> Iterator[Booking]:
    for number, (line, mistake) in enumerate(read_lines(file), start=1):
        if mistake:
            yield _bad(number, None, mistake, line[:1000])
        elif line.strip():
            yield _json_booking(number, line)


def _json_booking(number: int, line: bytes) -> Booking:
    try:
        members = loads(line)
    except JsonError as error:
        return _bad(number, *_where(line, error), line)
    if not is_object(members):
        return _bad(number, None, "expected a JSON object", line)
    reference = members.pop(REFERENCE, None)
    if reference is not None and (not isinstance(reference, str) or not reference):
        return _bad(number, REFERENCE, "expected text that isn't empty", line)
    for name in REJECTED:
        members.pop(name, None)
    return _booking(number, reference, members, line)


def _bad(number: int, column: str | None, text: str, line: bytes) -> Booking:
    return Booking(number, None, None, (Mistake(number, column, text),), line)


def _where(line: bytes, error: JsonError) -> tuple[str | None, str]:
    """The column (a number) at which a line stops being JSON, and why."""
    fault = fault_in(line.rstrip())
    return (None, str(error)) if fault is None else (str(fault.column), fault.text)


def _booking(
    number: int, reference: str | None, members: dict[str, Any], source: bytes | tuple[SheetRow, ...]
) -> Booking:
    """A booking of wire JSON; ``number`` is the line that its mistakes name."""
    try:
        request = from_wire(FreightBookingRequest, members)
        if not (reference or request.natural_reference() or "").isprintable():
            raise RequestError("a reference, or what stands for it, must be printable", field=REFERENCE)
    except RequestError as error:
        text = error.message.removeprefix(f"{error.field}: ")
        column = error.field if isinstance(source, bytes) else column_of(error.field)
        line = number if isinstance(source, bytes) else _line_of(source, error.field)
        return Booking(number, reference, None, (Mistake(line, column, text),), source)
    return Booking(number, reference, request, (), source)


def _line_of(rows: tuple[SheetRow, ...], field: str | None) -> int:
    """The line of the row that a wire path such as ``lineItems[2].quantity`` came from."""
    inside = (field or "").removeprefix(f"{list_name()}[").partition("]")[0]
    index = int(inside) if inside.isdigit() else 0
    return rows[min(index, len(rows) - 1)].line


# --- CSV ---------------------------------------------------------------------------------------------------------------


def _sheet_bookings(sheet: Sheet) -> Iterator[Booking]:
    group: list[SheetRow] = []
    for row in sheet:
        if group and not _together(group[-1], row):
            yield _of_rows(tuple(group))
            group = []
        group.append(row)
    if group:
        yield _of_rows(tuple(group))


def _together(one: SheetRow, other: SheetRow) -> bool:
    reference = one.cells.get(REFERENCE)
    return reference is not None and reference == other.cells.get(REFERENCE)


def _of_rows(rows: tuple[SheetRow, ...]) -> Booking:
    first = rows[0]
    mistakes = [mistake for row in rows for mistake in row.mistakes]
    members: dict[str, Any] = {}
    items: list[dict[str, Any]] = []
    for row in rows:
        item: dict[str, Any] = {}
        mistakes += _read_row(row, first, members, item)
        if item:
            items.append(item)
    if items:
        members[list_name()] = items
    reference = first.cells.get(REFERENCE)
    if mistakes:
        return Booking(first.line, reference, None, tuple(mistakes), rows)
    return _booking(first.line, reference, members, rows)


def _read_row(row: SheetRow, first: SheetRow, members: dict[str, Any], item: dict[str, Any]) -> Iterable[Mistake]:
    """Put a row's cells where they belong; what belongs to the whole booking is taken from its first row."""
    for name, column in layout().items():
        cell = row.cells.get(name)
        if not column.of_item and row is not first:
            if cell != first.cells.get(name):
                yield Mistake(row.line, name, f"differs from line {first.line} of the same booking")
            continue
        if cell is None:
            continue
        value = value_of(column, cell, row.line)
        if isinstance(value, Mistake):
            yield value
        else:
            put(item if column.of_item else members, column, value)
