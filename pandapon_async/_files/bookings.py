"""Booking files: JSON, CSV or a workbook, checked booking by booking in constant memory.

JSON: each object is a request body as the vendor documents it, with an optional top-level ``"reference"`` and ``"account"``.
Tables: columns are dotted wire names, or what people call them; one row per line item.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from ..api.logistics import FreightBookingRequest
from .booking import Booking
from .columns import SHIPMENT
from .findings import MAX_FINDINGS, Checked, FileError, Finding
from .json_bookings import JsonBookings
from .reading import Reading
from .table_bookings import TableBookings
from .tables import Format, format_of


class BookingFile:
    """A booking file on disk; each iteration reads it again, and ends if the file isn't what it was at first.

    So what was checked, shown and agreed to is what is sent, though nothing of it is kept in memory.

    Args:
        path: the file.
        name: its name in errors; default: the path.
        reading: how it is to be read.

    Attributes:
        format: what it is, whatever its name.
        columns: the header of a table, without the columns of a problems file; None for JSON.
        said: what was understood and isn't written in it, a sentence each.
        corrected: what is made of all of them when they are read, such as those that were corrected in a problems file.
        revised: what is made of each booking after that, such as one whose preview was renewed.
        state: what tells whether the file is still the one that it was at first.
        carried: the states of problems files of which whatever is written of this one has all again: what was corrected there was
            read with it, or was written of it.

    Raises:
        EncodingError: it is text in another encoding; carries a guess.
        FileError: it can't be read, is empty, or its header is invalid.
    """

    def __init__(self, path: str | os.PathLike[str], name: str | None = None, reading: Reading | None = None) -> None:
        self.path = Path(path)
        self.name = name or str(path)
        self.reading = reading or Reading()
        self.state = state_of(self.path)
        self.carried: set[tuple[int, ...] | None] = set()
        self.format: Format
        self.format, said = format_of(self.path, self.name, self.reading.encoding)
        self.bookings: JsonBookings | TableBookings = self._opened()
        self.columns = self.bookings.columns
        self.said = (*said, *self.bookings.said)
        self.corrected: Callable[[Iterable[Booking]], Iterator[Booking]] | None = None
        self.revised: Callable[[Booking], Booking] | None = None

    def _opened(self) -> JsonBookings | TableBookings:
        if self.format == "json":
            return JsonBookings(self.path, self.name, self.reading)
        return TableBookings(self.path, self.name, self.format, self.reading)

    def __iter__(self) -> Iterator[Booking]:
        return self.unrevised() if self.revised is None else map(self.revised, self.unrevised())

    def unrevised(self) -> Iterator[Booking]:
        """The bookings without what was looked up since."""
        self._require_same()
        for booking in self.bookings if self.corrected is None else self.corrected(self.bookings):
            self._require_same()  # after its rows were read, before it is handed on
            yield booking
        self._require_same()

    def _require_same(self) -> None:
        if state_of(self.path) != self.state:
            raise FileError.whole(self.name, "file-changed")

    def check(self) -> Checked:
        """Read the whole file, and count."""
        good = wrong = held = more = previewed = 0
        findings: list[Finding] = []
        columns: Counter[str] = Counter()
        names: dict[str, str] = {}
        for booking in self:
            good += not booking.findings
            previewed += booking.previewed is not None
            if booking.findings:
                is_wrong = booking.is_wrong
                wrong += is_wrong
                held += not is_wrong
                fitting = booking.findings[: MAX_FINDINGS - len(findings)]
                findings += fitting
                more += len(booking.findings) - len(fitting)
                columns.update({one.column for one in booking.findings if one.column and one.kind == "wrong"})
            if booking.country_name is not None and isinstance(booking.request, FreightBookingRequest):
                address = booking.request.receiver_address
                names[booking.country_name] = (address and address.country) or ""
        everywhere = [name for name, count in columns.items() if count == good + wrong + held > 1]
        return Checked(
            good=good,
            wrong=wrong,
            held=held,
            previewed=previewed,
            findings=tuple(findings),
            more=more,
            wrong_everywhere=tuple(everywhere),
            said=(*self.said, *_said_of_countries(names)),
        )


def state_of(path: Path) -> tuple[int, ...] | None:
    """What tells whether a file is still the one it was, without reading it; None: it is gone."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns


def _said_of_countries(names: Mapping[str, str]) -> Iterable[str]:
    if names:
        yield "names of countries were read as codes: " + ", ".join(f"{name} = {code}" for name, code in names.items())


def read_bookings(path: str | os.PathLike[str]) -> Iterator[tuple[str, FreightBookingRequest]]:
    """The bookings of a file (JSON, CSV, or a workbook with the extra ``sheets``), as pairs for `BookingJob.run`.

    The whole file is checked before the first booking is yielded, then read again, so it can't be a pipe. Memory doesn't
    grow with it, but for a workbook's cells.

    Raises:
        FileError: the first findings, with line and column; what only looks wrong (is held) counts too. No booking was yielded.
    """
    file = BookingFile(path)
    checked = file.check()
    if checked.findings:
        raise FileError.of(file.name, checked.findings, checked.more)
    if not checked.good:
        raise FileError.whole(file.name, "no-booking")
    for booking in file:
        if booking.shipment != 1:
            raise FileError(
                f"{file.name}: line {booking.line}, column {SHIPMENT}: a pair has none: `pandapon book` takes it"
            )
        reference, request = booking.pair()
        assert isinstance(request, FreightBookingRequest)
        yield reference, request
