"""Booking files: JSON lines or CSV, checked booking by booking in constant memory.

JSON lines: each line is a request body as the vendor documents it, with an optional top-level ``"reference"``. CSV: columns are
dotted wire names, one row per line item; the rows of a reference are adjacent and agree on everything but the item.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import attrs

from .._errors import RequestError
from .._journal.rows import DerivedReference
from .._models.converters import from_wire, to_wire
from .._models.digest import digest_of
from .._models.jsonio import JsonError, fault_in, is_object, loads
from ..api.logistics import FreightBookingRequest
from .columns import PROBLEM, REFERENCE, column_of, layout, list_name, put, template, value_of
from .csv_sheet import Sheet, SheetRow, open_to_read, read_lines
from .findings import MAX_FINDINGS, Checked, FileError, Finding
from .reading import Reading


@attrs.frozen
class Booking:
    """One booking in a file: its request, or why it can't be read.

    Attributes:
        line: the line on which it begins.
        reference: the caller's reference; None if not given.
        request: None if it is wrong.
        findings: what is wrong or held, in file order; a booking without any is good.
        source: the original content, for `ProblemsWriter`.
        account: the account's name, from a column ``account``; None if not given.
        kept: the cells of the kept columns, by their names in the file; never sent.
        approved: the codes of what a person has decided to book all the same, in a problems file.
    """

    line: int
    reference: str | None
    request: FreightBookingRequest | None
    findings: tuple[Finding, ...]
    source: bytes | tuple[SheetRow, ...] = attrs.field(repr=False)
    account: str | None = None
    kept: Mapping[str, str] = attrs.field(factory=dict[str, str], repr=False)
    approved: frozenset[str] = frozenset()

    @property
    def is_wrong(self) -> bool:
        """Whether it can't be sent; what has findings and isn't wrong is held."""
        return any(finding.kind == "wrong" for finding in self.findings)

    def pair(self) -> tuple[str, FreightBookingRequest]:
        """Reference and request; a missing reference is derived from the request, as a job does."""
        assert self.request is not None
        if self.reference is not None:
            return self.reference, self.request
        return DerivedReference(self.request.natural_reference() or digest_of(to_wire(self.request))), self.request


class BookingFile:
    """A booking file on disk; each iteration reads it again.

    Args:
        path: the file.
        name: its name in errors; default: the path.
        reading: how it is to be read.

    Attributes:
        columns: the header of a sheet; None for JSON.
        delimiter: the separator between cells.

    Raises:
        EncodingError: it is text in another encoding; carries a guess.
        FileError: it can't be read, is empty, or its header is invalid.
    """

    def __init__(self, path: str | os.PathLike[str], name: str | None = None, reading: Reading | None = None) -> None:
        self.path = Path(path)
        self.name = name or str(path)
        self.reading = reading or Reading()
        self.columns: tuple[str, ...] | None = None
        self.delimiter = ","
        with self._opened() as file:
            start = file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
            if not start:
                raise FileError(f"{self.name}: holds no booking")
            if start.startswith(b"["):
                raise FileError(f"{self.name}: is a JSON array; write one booking per line (JSON lines)")
            if not start.startswith(b"{"):
                sheet = self._sheet(file)
                self.columns, self.delimiter = sheet.columns, sheet.delimiter

    def _opened(self) -> BinaryIO:
        return open_to_read(self.path, self.name)

    def _sheet(self, file: BinaryIO) -> Sheet:
        file.seek(0)
        sheet = Sheet(file, self.name)
        sheet.require((*template(), *PROBLEM))
        return sheet

    def __iter__(self) -> Iterator[Booking]:
        with self._opened() as file:
            yield from _json_bookings(file) if self.columns is None else _sheet_bookings(self._sheet(file))

    def check(self) -> Checked:
        """Read the whole file, and count."""
        good = wrong = held = more = 0
        findings: list[Finding] = []
        for booking in self:
            good += not booking.findings
            wrong += booking.is_wrong
            held += bool(booking.findings) and not booking.is_wrong
            fitting = booking.findings[: MAX_FINDINGS - len(findings)]
            findings += fitting
            more += len(booking.findings) - len(fitting)
        return Checked(
            good=good, wrong=wrong, held=held, findings=tuple(findings), more=more, wrong_everywhere=(), said=()
        )


def read_bookings(path: str | os.PathLike[str]) -> Iterator[tuple[str, FreightBookingRequest]]:
    """The bookings of a file (JSON lines or CSV), as pairs for `BookingJob.run`.

    The whole file is checked before the first booking is yielded, then read again, so it can't be a pipe. Memory doesn't
    grow with it.

    Raises:
        FileError: the first mistakes, with line and column; no booking was yielded.
    """
    file = BookingFile(path)
    checked = file.check()
    if checked.findings:
        raise FileError.of(file.name, checked.findings, checked.more)
    if not checked.good:
        raise FileError(f"{file.name}: holds no booking")
    for booking in file:
        if booking.findings:
            raise FileError.of(file.name, booking.findings)  # it was modified after the check
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
        return _bad(number, REFERENCE, "expected non-empty text", line)
    for name in PROBLEM:
        members.pop(name, None)
    return _booking(number, reference, members, line)


def _bad(number: int, column: str | None, text: str, line: bytes) -> Booking:
    return Booking(number, None, None, (Finding.of("cell", number, column, why=text),), line)


def _where(line: bytes, error: JsonError) -> tuple[str | None, str]:
    """The column number at which a line stops being JSON, and why."""
    fault = fault_in(line.rstrip())
    return (None, str(error)) if fault is None else (str(fault.column), fault.text)


def _booking(
    number: int, reference: str | None, members: dict[str, Any], source: bytes | tuple[SheetRow, ...]
) -> Booking:
    """A booking from wire JSON; ``number`` is the line number for its mistakes."""
    try:
        request = from_wire(FreightBookingRequest, members)
        if not (reference or request.natural_reference() or "").isprintable():
            raise RequestError("a reference, or its substitute, must be printable", field=REFERENCE)
    except RequestError as error:
        text = error.message.removeprefix(f"{error.field}: ")
        column = error.field if isinstance(source, bytes) else column_of(error.field)
        line = number if isinstance(source, bytes) else _line_of(source, error.field)
        return Booking(number, reference, None, (Finding.of("cell", line, column, why=text),), source)
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
        if group and not _same_booking(group[-1], row):
            yield _booking_of_rows(tuple(group))
            group = []
        group.append(row)
    if group:
        yield _booking_of_rows(tuple(group))


def _same_booking(one: SheetRow, other: SheetRow) -> bool:
    reference = one.cells.get(REFERENCE)
    return reference is not None and reference == other.cells.get(REFERENCE)


def _booking_of_rows(rows: tuple[SheetRow, ...]) -> Booking:
    first = rows[0]
    mistakes = [mistake for row in rows for mistake in row.findings]
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


def _read_row(row: SheetRow, first: SheetRow, members: dict[str, Any], item: dict[str, Any]) -> Iterable[Finding]:
    """Put a row's cells into ``members`` and ``item``; values for the whole booking come from its first row."""
    for name, column in layout().items():
        cell = row.cells.get(name)
        if not column.of_item and row is not first:
            if cell != first.cells.get(name):
                yield Finding.of("cell", row.line, name, why=f"differs from line {first.line} of the same booking")
            continue
        if cell is None:
            continue
        value = value_of(column, cell, row.line)
        if isinstance(value, Finding):
            yield value
        else:
            put(item if column.of_item else members, column, value)
