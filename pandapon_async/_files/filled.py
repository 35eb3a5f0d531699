"""A booking file written again, row by row as it came, with some of our columns filled in."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

from .._models.jsonio import is_array, is_object
from .booking import Booking
from .bookings import BookingFile
from .columns import REFERENCE, layout, list_name, put
from .findings import FileError
from .headers import ACCOUNT, folded
from .json_bookings import JsonBookings
from .json_out import ObjectWriter, members_of
from .outputs import Output, check_output, replaced
from .previewed import PREVIEWED
from .problems import check_format
from .sheets import writer_like
from .table_bookings import TableBookings

SERVICE: Final = ("freightInfo.serviceId", "freightInfo.companyName", "freightInfo.serviceCategory")
CHOSEN: Final = (ACCOUNT, *SERVICE)
"""The columns of a choice."""
PREVIEW: Final = (ACCOUNT, "renderId", *PREVIEWED)
"""The columns of a preview."""


class FilledWriter:
    """Writes bookings of a file: in its format, and with the values of further columns; made by `filled`.

    A column that the file has keeps its title and its place; the others come last.
    """

    def __init__(self, output: Output, source: BookingFile, names: Sequence[str]) -> None:
        self.output = output
        self._names = names
        bookings = source.bookings
        self._writer = (
            _Objects(output.file, bookings)
            if isinstance(bookings, JsonBookings)
            else _Rows(output.file, bookings, names)
        )

    def add(self, booking: Booking, values: Mapping[str, str] | None) -> None:
        """Write one booking; what ``values`` has no text for is written as blank. None: it is written as it came."""
        filled = {} if values is None else {name: values.get(name, "") for name in self._names}
        self._writer.add(booking, filled)

    def close(self) -> None:
        """Write the end."""
        self._writer.close()


@contextlib.contextmanager
def filled(
    path: Path, source: BookingFile, names: Sequence[str], kept: Iterable[Path]
) -> Generator[FilledWriter, None, None]:
    """A file to which bookings of another are written; what is there is replaced once all is written.

    Args:
        path: where.
        source: the other file.
        names: our columns that are filled in.
        kept: other files that must not be replaced.

    Raises:
        FileError: the path belongs to another format, or to something else.
    """
    check_filled(path, source, names, kept)
    with replaced(path) as output:
        writer = FilledWriter(output, source, names)
        yield writer
        writer.close()


def check_filled(path: Path, source: BookingFile, names: Sequence[str], kept: Iterable[Path]) -> None:
    """Refuse a path to which `filled` could not write."""
    check_format(path, source, "the bookings")
    check_output(path, (source.path, *kept), lambda there: _is_filled(there, source, names))


def _is_filled(path: Path, source: BookingFile, names: Sequence[str]) -> bool:
    """Whether a file may be an earlier one of the same kind."""
    try:
        there = BookingFile(path, reading=source.reading).bookings
        if isinstance(there, TableBookings):
            return {*names} <= {title.name for title in there.titles}
        first = next(iter(there), None)
    except (FileError, UnicodeError):
        return False
    return first is not None and first.account is not None and (first.previewed is not None or names == CHOSEN)


class _Rows:
    def __init__(self, file: BinaryIO, bookings: TableBookings, names: Sequence[str]) -> None:
        self._bookings = bookings
        places = {title.name: title.index for title in bookings.titles if title.name is not None}
        added = [name for name in names if name not in places]
        self._named = len(bookings.columns)
        self._places = {**places, **{name: self._named + number for number, name in enumerate(added)}}
        self._width = self._named + len(added)
        columns = (*bookings.columns, *added)
        self._sheet = writer_like(bookings.table, file, columns)

    def add(self, booking: Booking, values: Mapping[str, str]) -> None:
        assert isinstance(booking.source, tuple)
        reference = self._places.get(REFERENCE)
        for row in booking.source:
            others = self._bookings.others(row)
            cells = [*others[: self._named], *[""] * (self._width - self._named), *others[self._named :]]
            # A row that only has an item belongs to the order above as long as the order's own cells stay blank.
            is_continued = reference is not None and not "".join(row.cells[reference : reference + 1]).strip()
            for name, value in values.items():
                if not is_continued or (name in layout() and layout()[name].of_item):
                    cells[self._places[name]] = value
            self._sheet.row(cells)

    def close(self) -> None:
        self._sheet.close()


class _Objects:
    def __init__(self, file: BinaryIO, bookings: JsonBookings) -> None:
        self._objects = ObjectWriter(file, bookings)
        self._mapped = bookings.mapped

    def add(self, booking: Booking, values: Mapping[str, str]) -> None:
        assert isinstance(booking.source, str)
        members = members_of(booking.source)
        theirs = {ours: name for name in members if (ours := self._mapped.get(folded(name))) is not None}
        for name, value in values.items():
            column = layout().get(name)
            if column is not None and column.of_item:
                items: Any = members.get(list_name())
                for item in items if is_array(items) else ():
                    if is_object(item):
                        put(item, column, value or None)
            elif value:
                members[theirs.get(name, name)] = value
            else:
                members.pop(theirs.get(name, name), None)
        self._objects.write(members)

    def close(self) -> None:
        self._objects.close()
