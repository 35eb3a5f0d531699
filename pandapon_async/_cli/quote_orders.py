"""``pandapon quote`` of a booking file: all offers into a file, what a person has taken in it into a booking file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from .._config.settings import Settings
from .._errors import RequestError
from .._files.booking import Booking
from .._files.bookings import BookingFile
from .._files.filled import CHOSEN, check_filled, filled
from .._files.findings import FileError, Finding
from .._quotes.offers import Offer, QuotedOrder, offers_of, unmatched
from .._quotes.offers_file import check_offers, read_choices, write_offers
from ..api.logistics import FreightBookingRequest
from .plan import Accounts
from .previewing import obstacles
from .shared import FAILED, Failed, command_text, labelled, new_table, show_table, tell, write_out
from .sums import sums_of

if TYPE_CHECKING:
    from .._config.profiles import VendorProfile
    from .._quotes.quote import Quote
    from .._quotes.rates import Rates

_SHOWN = 20


@attrs.define(kw_only=True)
class QuotedFile:
    """The orders of a booking file, as they are quoted.

    Attributes:
        source: the file.
        profiles: the accounts that are asked; a row that names one of them is quoted there only.
        kept: files that must not be replaced.
        again: the options that the next command needs, too.
        orders: those that can be quoted, by reference.
        mistakes: why the others can't.
    """

    source: BookingFile
    profiles: Sequence[VendorProfile]
    settings: Settings
    kept: Sequence[Path]
    again: Sequence[str] = ()
    orders: dict[str, QuotedOrder] = attrs.field(factory=dict[str, QuotedOrder])
    mistakes: list[Finding] = attrs.field(factory=list[Finding])

    def __attrs_post_init__(self) -> None:
        accounts = Accounts(self.profiles, None)
        for booking in self.source:
            found = obstacles(booking)
            if not found:
                found = self._taken_in(booking, accounts)
            self.mistakes += found
        if not self.orders:
            if self.mistakes:
                raise FileError.of(self.source.name, self.mistakes)
            raise FileError(f"{self.source.name}: holds no order")
        for said in (*self.source.said, *self.mistakes[:_SHOWN]):
            tell(f"{self.source.name}: {said}")
        if len(self.mistakes) > _SHOWN:
            tell(f"{self.source.name}: and {len(self.mistakes) - _SHOWN} more problems")

    def _taken_in(self, booking: Booking, accounts: Accounts) -> tuple[Finding, ...]:
        reference, request = booking.pair()
        assert isinstance(request, FreightBookingRequest)
        if booking.account is not None:
            accounts.of(booking)
        if reference in self.orders:
            why = f"the order {reference} is in the file more than once: quote it in a file of its own"
            return (Finding.of("cell", booking.line, None, why=why),)
        try:
            self.orders[reference] = QuotedOrder.of(reference, booking.account, request)
        except RequestError as error:
            why = f"can't be quoted: {error.message}"
            return (Finding.of("cell", booking.line, None, why=why),)
        return ()

    # --- offers ---

    def check(self, out: Path | None) -> None:
        """Refuse what can't be written, before anything is asked."""
        if out is not None:
            check_offers(out, self._kept)

    def show(self, quotes: Sequence[Quote], rates: Rates, out: Path | None, *, as_json: bool) -> None:
        """Decide, print what is taken, and write the offers.

        Raises:
            Failed: an order has no offer that is taken, a request failed, or the file has mistakes.
        """
        offers = offers_of(list(self.orders.values()), quotes, self.settings.quotes, rates)
        for name in unmatched(self.settings.quotes, offers, [profile.name for profile in self.profiles]):
            tell(f"Warning: {self.settings.path}: [quotes] {name}: no offer has that name")
        taken = [offer for offer in offers if offer.is_taken]
        if not as_json and taken:
            (_show_taken if out is None or len(taken) <= _SHOWN else _show_services)(taken)
        if out is not None:
            path = write_offers(out, offers, self._kept)
            told = tell if as_json else write_out
            told(
                f"{len(offers):,} offers of {len(self.orders):,} orders in {path}: those with an x under take are taken"
            )
            told(f"then: {command_text('quote', self.source.path, *self.again, '--chosen', path, '--orders', 'FILE')}")
        missing = len(self.orders) - len(taken)
        failed = sum(quote.error is not None for quote in quotes)
        if missing or failed or self.mistakes:
            counts = ((missing, "orders have no offer that is taken"), (failed, "requests failed"))
            told_of = [f"{count:,} {what}" for count, what in counts if count]
            told_of += [f"{len({one.line for one in self.mistakes}):,} lines can't be quoted"] if self.mistakes else []
            raise Failed("; ".join(told_of), FAILED)

    @property
    def _kept(self) -> tuple[Path, ...]:
        return (self.source.path, *self.kept)

    # --- the choice ---

    def write_orders(self, chosen: Path, orders: Path) -> None:
        """Write the booking file again, with account and service of what was taken.

        What couldn't be quoted is written as it came: it isn't lost, and every command names it.

        Raises:
            FileError: the choice has mistakes, or the path can't be written.
            Failed: some orders couldn't be quoted.
        """
        check_filled(orders, self.source, CHOSEN, (*self.kept, chosen))
        names = [profile.name for profile in self.profiles]
        choices = read_choices(chosen, self.orders, names, str(self.source.path))
        with filled(orders, self.source, CHOSEN, (*self.kept, chosen)) as writer:
            for booking, is_quoted in self._all():
                if not is_quoted:
                    writer.add(booking, None)
                    continue
                choice = choices[booking.pair()[0]]
                values = (choice.account, choice.service_id, choice.company, choice.category)
                writer.add(booking, dict(zip(CHOSEN, values, strict=True)))
        path = writer.output.path
        labelled("Orders", f"{len(choices):,} in {path}")
        if against := sum(not choice.is_advised for choice in choices.values()):
            labelled("By hand", f"{against:,} are taken though the note says why not")
        write_out(f"then: {command_text('book', path, *self.again, '--preview', '--out', 'FILE')}")
        if self.mistakes:
            raise Failed(f"{len({one.line for one in self.mistakes}):,} lines were written as they came", FAILED)

    def _all(self) -> Iterator[tuple[Booking, bool]]:
        """Each booking, and whether it was quoted."""
        seen: set[str] = set()
        for booking in self.source:
            reference = None if obstacles(booking) else booking.pair()[0]
            is_quoted = reference in self.orders and reference not in seen
            if reference is not None:
                seen.add(reference)
            yield booking, is_quoted


def _show_taken(taken: Sequence[Offer]) -> None:
    grid = new_table()
    for column in ("reference", "destination", "goods", "account", "service"):
        grid.add_column(column, overflow="fold")
    grid.add_column("price", justify="right", no_wrap=True)
    for offer in taken:
        order = offer.order
        grid.add_row(order.reference, order.destination, order.goods, offer.account, _service(offer), str(offer.price))
    show_table(grid)
    labelled("Sum", sums_of(offer.price for offer in taken))


def _show_services(taken: Sequence[Offer]) -> None:
    """How many orders each service takes, and for how much; the file has them one by one."""
    services: dict[tuple[str, str], list[Offer]] = {}
    for offer in taken:
        services.setdefault((offer.account, _service(offer)), []).append(offer)
    grid = new_table()
    grid.add_column("account", overflow="fold")
    grid.add_column("service", overflow="fold")
    for column in ("orders", "price"):
        grid.add_column(column, justify="right", no_wrap=True)
    for (account, service), offers in sorted(services.items()):
        grid.add_row(account, service, f"{len(offers):,}", sums_of(offer.price for offer in offers))
    show_table(grid)
    labelled("Sum", sums_of(offer.price for offer in taken))


def _service(offer: Offer) -> str:
    return " ".join(filter(None, (offer.company, offer.category))) or offer.service_id or "?"
