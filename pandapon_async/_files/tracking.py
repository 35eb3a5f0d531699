"""Tracking numbers back into the shop's file: the input as it came, with what became of each item beside it.

One row an item; an item in two parcels has two rows, each with its quantity. A booking's rows may stand anywhere in the input, and
its order is kept.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from datetime import tzinfo
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol

import attrs

from ..api.logistics import FreightBookingRequest
from .csv_table import CsvWriter
from .findings import FileError
from .json_bookings import JsonBookings
from .json_out import ObjectWriter, members_of
from .parcels import ItemKey, Parcel, Piece, allotted, pieces_of
from .resolutions import contact_columns, contact_of, time_text
from .sheets import open_table, writer_like
from .table_bookings import TableBookings
from .tables import format_of
from .workbooks import WorkbookWriter

if TYPE_CHECKING:
    from .._journal.rows import JournalRow
    from .booking import Booking
    from .bookings import BookingFile
    from .tables import Row

TRACKING: Final = (
    "state", "order_id", "carrier", "tracking_number", "tracking_link", "quantity_in_parcel", "booked_at", "why",
)  # fmt: skip
"""The columns that are added."""
LAYOUTS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "amazon": {
            "order-id": "reference",
            "order-item-id": "",
            "quantity": "quantity_in_parcel",
            "ship-date": "booked_on",
            "carrier-code": "Other",
            "carrier-name": "carrier",
            "tracking-number": "tracking_number",
            "ship-method": "",
        },
        "shopify": {
            "Order Name": "reference",
            "Tracking Number": "tracking_number",
            "Tracking Company": "carrier",
            "Tracking URL": "tracking_link",
        },
        "woocommerce": {
            "order_id": "reference",
            "tracking_provider": "carrier",
            "tracking_number": "tracking_number",
            "date_shipped": "booked_on",
            "status_shipped": "1",
        },
    }
)
"""Examples of what shops and their plug-ins read: their columns, each with one of our values, or with what always stands there."""


@attrs.frozen
class Handed:
    """One row of a tracking file: which row of the input (None: an item that none names), and the values beside it."""

    booking: Booking
    row: Row | None
    values: Mapping[str, str]


def handed_rows(
    booking: Booking, shipments: Sequence[JournalRow], known: JournalRow | None, why: str, zone: tzinfo
) -> list[Handed]:
    """The rows of one order of the input.

    Args:
        booking: as the input has it.
        shipments: its bookings in the journal; what is done of them is in parcels.
        known: the one that tells how it stands; None: the journal has none.
        why: it isn't booked.
        zone: of the times.
    """
    rows: Sequence[Row | None] = booking.source if isinstance(booking.source, tuple) else (None,)
    pieces = [piece for row in shipments if row.state == "done" for piece in pieces_of(row)]
    given, rest = allotted(_items(booking, len(rows)), pieces)
    found: list[Handed] = []
    for row, mine in zip(rows, given, strict=True):
        each: list[Piece | None] = [*mine] or [None]
        found += [Handed(booking, row, _values(known, piece, why, zone)) for piece in each]
    return found + [Handed(booking, None, _values(known, piece, why, zone)) for piece in rest]


def _items(booking: Booking, rows: int) -> list[tuple[ItemKey, int | None]]:
    """What each row orders; where that can't be told row by row, nothing: then only the parcels are handed back."""
    lines = booking.request.line_items if isinstance(booking.request, FreightBookingRequest) else ()
    if len(lines) == rows:
        return [(ItemKey(line.item_id or "", line.sku_id or ""), line.quantity) for line in lines]
    return [(ItemKey("", ""), None)] * rows


def _values(known: JournalRow | None, piece: Piece | None, why: str, zone: tzinfo) -> dict[str, str]:
    parcel = Parcel() if piece is None else piece.parcel
    booked = known is not None and known.state in ("done", "void")
    cells = (
        "" if known is None else known.state,
        "" if known is None else known.order_id or "",
        parcel.carrier,
        parcel.number,
        parcel.link,
        "" if piece is None or piece.quantity is None else str(piece.quantity),
        time_text(known.done_at, zone) if known is not None and booked else "",
        "" if booked else why,
    )
    return dict(zip(TRACKING, cells, strict=True))


# --- in the input's own form -------------------------------------------------------------------------------------------


class TrackingWriter(Protocol):
    """Writes the rows of bookings, in the order of the input."""

    def add(self, rows: Sequence[Handed], known: JournalRow | None) -> None: ...
    def close(self) -> None: ...


def tracking_writer(
    file: BinaryIO, source: BookingFile, layout: Mapping[str, str] | None, *, contact: bool, is_workbook: bool
) -> TrackingWriter:
    """What writes a tracking file: by a layout, or in the form of the input."""
    if layout is not None:
        sheet = WorkbookWriter(file, tuple(layout)) if is_workbook else CsvWriter(file, tuple(layout))
        return _ByLayout(sheet, layout)
    bookings = source.bookings
    if isinstance(bookings, JsonBookings):
        return _Objects(file, bookings)
    return _Rows(file, bookings, contact=contact)


class _Rows:
    """A table with our columns behind its own."""

    def __init__(self, file: BinaryIO, bookings: TableBookings, *, contact: bool) -> None:
        self._bookings = bookings
        self._contact = contact
        columns = (*bookings.columns, *TRACKING, *(contact_columns() if contact else ()))
        self._sheet = writer_like(bookings.table, file, columns)
        self._waiting: list[tuple[int, int, list[object]]] = []
        self._count = 0

    def add(self, rows: Sequence[Handed], known: JournalRow | None) -> None:
        self._write(rows[0].booking.line)
        last: Row | None = None
        contact = contact_of(known.body if known is not None else None) if self._contact else ()
        named = len(self._bookings.columns)
        for one in rows:
            last = one.row or last
            assert last is not None
            others = self._bookings.others(last)
            if one.row is None:  # an item that no row names: only whose it is, and the parcel
                others = [cell if index in self._names else "" for index, cell in enumerate(others)]
            cells = [*others[:named], *one.values.values(), *contact, *others[named:]]
            self._count += 1
            heapq.heappush(self._waiting, (last.line, self._count, cells))

    @property
    def _names(self) -> set[int]:
        return {one.index for one in self._bookings.titles if one.name in ("reference", "account")}

    def _write(self, before: int | None) -> None:
        """The rows above a line: bookings come in the order of their first rows, so none of those is still to come."""
        while self._waiting and (before is None or self._waiting[0][0] < before):
            self._sheet.row(heapq.heappop(self._waiting)[2])

    def close(self) -> None:
        self._write(None)
        self._sheet.close()


class _Objects:
    """Objects with what became of them as further members; the parcels in a list."""

    def __init__(self, file: BinaryIO, bookings: JsonBookings) -> None:
        self._objects = ObjectWriter(file, bookings)

    def add(self, rows: Sequence[Handed], known: JournalRow | None) -> None:
        source = rows[0].booking.source
        assert isinstance(source, str)
        first = rows[0].values
        about = {name: first[name] for name in ("state", "order_id", "booked_at", "why") if first[name]}
        parcels = [
            {name: one.values[name] for name in TRACKING[2:6] if one.values[name]}
            for one in rows
            if one.values["tracking_number"]
        ]
        self._objects.write({**members_of(source), **about, "parcels": parcels})

    def close(self) -> None:
        self._objects.close()


class _ByLayout:
    """What a shop reads: only what has a tracking number."""

    def __init__(self, sheet: CsvWriter | WorkbookWriter, layout: Mapping[str, str]) -> None:
        self._sheet = sheet
        self._layout = layout

    def add(self, rows: Sequence[Handed], known: JournalRow | None) -> None:
        for one in rows:
            if one.values["tracking_number"] and known is not None:
                self._sheet.row(list(self._cells(one, known)))

    def _cells(self, one: Handed, known: JournalRow) -> Iterable[str]:
        values = {**one.values, "reference": known.reference, "booked_on": one.values["booked_at"][:10], "": ""}
        kept = one.booking.kept
        for name in self._layout.values():
            yield values.get(name, kept.get(name, name))

    def close(self) -> None:
        self._sheet.close()


def writes_workbook(out: Path, source: BookingFile, layout: Mapping[str, str] | None) -> bool:
    """Whether a workbook is written.

    Raises:
        FileError: the name says another format.
    """
    named = out.suffix.lower() in (".xlsx", ".xls", ".ods", ".xlsm")
    if named and out.suffix.lower() != ".xlsx":
        raise FileError(f"{out}: workbooks are written as .xlsx")
    if layout is None and named != (source.format in ("xlsx", "xls", "ods")):
        wanted = "no workbook: name it like the input" if named else "a workbook: name it .xlsx"
        raise FileError(f"{out}: the file of {source.name} is written as {wanted}")
    return named


def is_tracking(path: Path, layout: Mapping[str, str] | None) -> bool:
    """Whether a file is an earlier tracking file."""
    wanted = set(TRACKING if layout is None else layout)
    try:
        kind, _ = format_of(path, str(path), None)
        if kind == "json":
            return '"parcels": [' in path.read_text("utf-8", "replace")
        header = next(open_table(path, str(path), kind).rows(), None)
    except (FileError, UnicodeError):
        return False
    return header is not None and wanted <= set(header.cells)
