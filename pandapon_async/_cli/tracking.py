"""``pandapon tracking``: tracking numbers back into the shop's file."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from .._config.profiles import zone_of
from .._config.settings import Settings, find_settings
from .._errors import ConfigError, suggestion
from .._files.findings import FileError
from .file_options import ReadingOptions, reading_options
from .journals import files_of, journal_place
from .reasons import finding_line
from .record import person
from .shared import BAD_INPUT, Failed, OnceEach, write_out
from .words import Words, words_for

if TYPE_CHECKING:
    from .._files.booking import Booking
    from .._files.bookings import BookingFile
    from .._files.tracking import Handed
    from .._journal.journal import Journal
    from .._journal.places import Place
    from .._journal.rows import JournalRow

_path = click.Path(dir_okay=False, path_type=Path)


@click.command("tracking", cls=OnceEach, short_help="Write tracking numbers back into the shop's file.")
@click.argument("file", type=_path)
@click.option("--out", type=_path, required=True, metavar="F", help="Where to write.")
@click.option("--journal", type=journal_place, metavar="PATH or URL", help="The journal; default: as of pandapon book.")
@click.option("--vendor", metavar="NAME", help="The account, if several have booked the same order numbers.")
@click.option(
    "--layout", metavar="NAME", help="Only the columns that a shop reads: amazon, shopify, woocommerce, or yours."
)
@click.option("--new", "only_new", is_flag=True, help="Only what wasn't handed back yet, or has changed since.")
@click.option("--contact", is_flag=True, help="With the receivers, from the journal.")
@click.option("--by", metavar="NAME", help="Who does it; your login unless given.")
@reading_options
def command(file: Path, out: Path, journal: Place | None, vendor: str | None, **options: Any) -> None:
    """Write FILE once more, with what became of each order: state, the vendor's order no., carrier, tracking number and link.

    It is written in FILE's own format and encoding, with its columns and its order of rows. Each item has a row; one that is in two
    parcels has two, with the quantity in each. What isn't booked has the reason instead. The journal notes what was handed back,
    so that --new has only what the shop doesn't know yet: new numbers, and bookings that were cancelled or replaced since.

    A layout has only rows with a tracking number, and only the columns that a shop reads; yours stand in [layouts.NAME] of
    pandapon.toml, each column with one of our values (reference, order_id, carrier, tracking_number, tracking_link,
    quantity_in_parcel, booked_at, booked_on, state), a kept column's name, or a text.
    """
    from .._files.bookings import BookingFile
    from .._journal.journal import Journal
    from .journals import choose_journal

    settings = find_settings(file.parent)
    words = words_for(settings)
    reading = ReadingOptions(**{name: options.pop(name) for name in attrs.fields_dict(ReadingOptions)})
    source = BookingFile(file, None, reading.reading(settings))
    chosen = choose_journal(journal, settings, file.parent, words, new_journal=False, makes=False)
    if not chosen.has_rows:
        raise Failed(words("journal.nothing_booked", path=chosen.path), BAD_INPUT)
    with Journal.open(chosen.location) as opened:
        account_of: Callable[[Booking], str | None] = lambda booking: booking.account or vendor  # noqa: E731
        work = HandingBack(
            source=source, journal=opened, settings=settings, account_of=account_of, words=words, **options
        )
        count, path = work.write(out)
    none = "tracking.nothing_new" if work.only_new else "tracking.nothing"
    write_out(words("tracking.handed", count=f"{count:,}", path=path) if count else words(none))
    if work.left:
        write_out(words("tracking.left" if work.layout else "tracking.left_why", count=f"{work.left:,}"))


@attrs.define(kw_only=True)
class HandingBack:
    """One file on its way back to the shop; ``left``: how many of its orders have nothing to hand back."""

    source: BookingFile
    journal: Journal
    settings: Settings
    layout: str | None = None
    only_new: bool = False
    contact: bool = False
    by: str | None = None
    account_of: Callable[[Booking], str | None] = attrs.field(default=lambda booking: booking.account)
    words: Words = attrs.field(factory=Words)
    left: int = 0

    def write(self, out: Path) -> tuple[int, Path]:
        """How many orders were handed back, and where."""
        from .._files.outputs import check_output, replaced
        from .._files.tracking import is_tracking, tracking_writer, writes_workbook
        from .._journal.journal import write_down

        layout = self._layout()
        check_output(out, (self.source.path, *files_of(self.journal)), lambda path: is_tracking(path, layout))
        is_workbook = writes_workbook(out, self.source, layout)
        handed: list[tuple[JournalRow, Mapping[str, str]]] = []
        with contextlib.ExitStack() as stack:
            output = None
            writer = None
            for rows, known in self._handed():
                if writer is None:
                    output = stack.enter_context(replaced(out))
                    writer = tracking_writer(
                        output.file, self.source, layout, contact=self.contact, is_workbook=is_workbook
                    )
                writer.add(rows, known)
                if known is not None and known.state in ("done", "void"):
                    handed.append((known, {"handed": known.as_handed, "note": out.name}))
                else:
                    self.left += 1
            if writer is not None:
                writer.close()
        if handed:
            write_down(self.journal, handed, self.by or person() or "?")
        return len(handed), out if output is None else output.path

    def _layout(self) -> Mapping[str, str] | None:
        from .._files.tracking import LAYOUTS

        if self.layout is None:
            return None
        known = {**LAYOUTS, **self.settings.layouts}
        if self.layout not in known:
            raise ConfigError(
                f"--layout: there is no {self.layout!r}{suggestion(self.layout, known)}; there are: {', '.join(known)}"
            )
        return known[self.layout]

    def _handed(self) -> Iterator[tuple[list[Handed], JournalRow | None]]:
        from .._files.tracking import handed_rows

        zone = zone_of(self.settings.time_zone)
        for booking in self.source:
            shipments = self._shipments(booking)
            newest = next(
                (row for row in reversed(shipments) if row.state != "void"), shipments[-1] if shipments else None
            )
            if self.only_new and not (newest and newest.state in ("done", "void") and _is_news(newest)):
                continue
            yield handed_rows(booking, shipments, newest, self._why(booking, newest), zone), newest

    def _shipments(self, booking: Booking) -> list[JournalRow]:
        """The order's rows in the journal, in the order of their shipments.

        Raises:
            FileError: several accounts have it, and none was named.
        """
        from .._journal.journal import shipments_of

        reference = booking.reference or (booking.pair()[0] if booking.request is not None else None)
        if reference is None:
            return []
        found = shipments_of(self.journal, reference, _OPERATION, self.account_of(booking))
        names = sorted({row.account for row in found})
        if len(names) > 1:
            raise FileError(
                f"line {booking.line}: {reference} is booked at several accounts ({', '.join(names)}): say which one is meant, with "
                "--vendor NAME or in a column account"
            )
        return found

    def _why(self, booking: Booking, row: JournalRow | None) -> str:
        from .day_report import reason_of

        words = self.words
        if row is not None:
            return words.said(reason_of(row)) or words(f"state.{row.state}")
        return "; ".join(finding_line(one, words) for one in booking.findings) or words("tracking.not_yet")


_OPERATION = "logistics.book_freight"


def _is_news(row: JournalRow) -> bool:
    return row.handed != row.as_handed and not (row.state == "void" and row.handed is None)
