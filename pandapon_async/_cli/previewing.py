"""Asking previews of many bookings: the render id, fee and time of each, or why there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import attrs

from .._errors import RequestError
from .._files.booking import Booking
from .._files.findings import Finding
from .._files.previewed import Previewed
from .._manager import SessionManager
from .._models.base import members_of
from .._models.converters import from_wire, to_wire
from .._models.fields import wire_name
from .._models.operation import VendorRequest
from .._quotes.quote import Quote
from .._quotes.requests import SweepRequest
from .._quotes.sweep import QuoteSweep
from .._session import client_of
from ..api.logistics import FreightPreviewRequest, RenderItem
from .reasons import reason_of
from .words import Words

if TYPE_CHECKING:
    from .._config.profiles import VendorProfile

Key = tuple[str, str, int]
"""An account, and a reference at it."""
_ITEM = frozenset(wire_name(member) for member, _ in members_of(RenderItem))
_LATER = ("no-render-id",)
"""What is held for want of a preview."""


@attrs.frozen
class Answer:
    """What became of one: a render id and what was previewed, or ``error``; ``raw``: the whole reply."""

    render_id: str | None = None
    previewed: Previewed | None = None
    error: str | None = None
    raw: Any = attrs.field(default=None, repr=False)


def obstacles(booking: Booking) -> tuple[Finding, ...]:
    """What keeps a booking from being previewed."""
    return tuple(finding for finding in booking.findings if finding.code not in _LATER)


def not_previewed(booking: Booking, why: str) -> Finding:
    """The finding of a booking without a preview."""
    return Finding.of("not-previewed", booking.line, None, why=why)


@attrs.define
class Previewer:
    """Asks previews. ``profiles``: the accounts; ``answers``: what came, by `key_of`."""

    profiles: Sequence[VendorProfile]
    concurrency: int
    words: Words
    answers: dict[Key, Answer] = attrs.field(factory=dict[Key, Answer])

    async def ask(self, bookings: Iterable[tuple[str, Booking]], step: Callable[[], None]) -> None:
        """Ask for each booking at its account; ``step`` is called for each answer."""
        if not self.profiles:
            return
        async with SessionManager(self.profiles) as vendors:
            sessions = [vendors[profile.name] for profile in self.profiles]
            clock = client_of(sessions[0]).clock
            sweep = QuoteSweep(sessions, concurrency=self.concurrency)
            async with sweep.stream(self._requests(bookings)) as quotes:
                async for quote in quotes:
                    self._take(quote, datetime.fromtimestamp(clock.now(), timezone.utc))
                    step()

    def _requests(self, bookings: Iterable[tuple[str, Booking]]) -> Iterable[SweepRequest]:
        for account, booking in bookings:
            key = key_of(account, booking)
            try:
                wanted = preview_of(booking.pair()[1])
            except RequestError as error:
                why = f"a preview needs more than a booking: {error.message}"
                self.answers[key] = Answer(error=why)
            else:
                yield SweepRequest(request=wanted, reference=f"{key[2]} {key[1]}", vendors=(account,))

    def _take(self, quote: Quote, now: datetime) -> None:
        assert quote.reference is not None
        shipment, _, reference = quote.reference.partition(" ")
        key = (quote.vendor, reference, int(shipment))
        if quote.error is not None:
            self.answers[key] = Answer(error=reason_of(quote.error, self.words))
        elif quote.number:  # several prices in one reply: nobody knows which is the fee
            self.answers[key] = attrs.evolve(self.answers[key], previewed=Previewed(None, now))
        elif not quote.render_id:
            self.answers[key] = Answer(error="the reply has no render id", raw=quote.raw)
        else:
            self.answers[key] = Answer(quote.render_id, Previewed(quote.price, now), raw=quote.raw)


def key_of(account: str, booking: Booking) -> Key:
    """Account, reference and shipment."""
    return account, booking.pair()[0], booking.shipment


def preview_of(request: VendorRequest[Any]) -> FreightPreviewRequest:
    """The preview of a booking.

    Raises:
        RequestError: the booking lacks what a preview needs.
    """
    wire = to_wire(request)
    items = [{name: value for name, value in item.items() if name in _ITEM} for item in wire.get("lineItems", ())]
    members = {"renderItems": items, "receiverAddress": wire.get("receiverAddress")}
    return from_wire(FreightPreviewRequest, {name: value for name, value in members.items() if value})
