"""Previews of a file's bookings when it is booked: old ones are asked again, and what has become dearer is held.

The file isn't changed: its bookings are revised as they are read. So a booking that was sent with a renewed preview's render id is
looked up in the journal, and taken as it was sent; else it would be another booking when the file is fed again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from .._config.settings import Settings
from .._errors import JournalError
from .._files.booking import Booking
from .._files.bookings import BookingFile
from .._files.findings import Finding
from .._journal.journal import Journal
from .._models.converters import to_wire
from .._models.digest import canonical
from ..api.logistics import FreightBookingRequest
from .plan import OPERATION, Accounts
from .previewing import Answer, Key, Previewer, key_of, not_previewed
from .words import Words

if TYPE_CHECKING:
    from .._config.profiles import VendorProfile

PRICE_MOVED = "price-moved"


@attrs.define(kw_only=True)
class Renewal:
    """The previews of a file that is about to be booked.

    Attributes:
        source, accounts: whose they are.
        journal: where it is; None: nothing is known yet.
        retry_refused: what was refused is sent again.
        old: how many are too old to be believed.
    """

    source: BookingFile
    accounts: Accounts
    settings: Settings
    journal: str | Path | None
    retry_refused: bool
    words: Words
    old: int = 0
    _profiles: dict[str, VendorProfile] = attrs.field(factory=dict[str, "VendorProfile"])
    _stale: set[Key] = attrs.field(factory=set[Key])
    _sent: dict[Key, str] = attrs.field(factory=dict[Key, str])
    _answers: dict[Key, Answer] = attrs.field(factory=dict[Key, Answer])

    def look_up(self) -> None:
        """Find out which previews are old, and which bookings were sent with a render id that isn't in the file."""
        now = datetime.now(timezone.utc)
        with contextlib.ExitStack() as stack:
            journal = None if self.journal is None else stack.enter_context(Journal.open(self.journal))
            for booking in self.source:
                if booking.findings or booking.previewed is None:
                    continue
                profile = self.accounts.of(booking)
                key = key_of(profile.name, booking)
                sent_with = None if journal is None else self._sent_with(journal, key, booking)
                if sent_with is not None:
                    self._sent[key] = sent_with
                elif not booking.previewed.is_current(now, self.settings.preview_hours):
                    self._profiles[profile.name] = profile
                    self._stale.add(key)
        self.old = len(self._stale)
        self.source.revised = self._revised

    def _sent_with(self, journal: Journal, key: Key, booking: Booking) -> str | None:
        """The render id with which the booking was sent after its preview in the file; None: it is still to be sent."""
        try:
            row = journal.get(key[1], shipment=key[2], account=key[0], operation=OPERATION)
        except JournalError:  # it has none
            return None
        if row.state == "pending" or (row.state == "refused" and self.retry_refused):
            return None
        assert booking.previewed is not None
        if row.body is None or row.sent_at is None or row.sent_at < booking.previewed.at:
            return None
        is_same = _without_render(row.body) == _without_render(to_wire(booking.pair()[1]))
        found: Any = row.body.get("renderId") if is_same else None
        return found if isinstance(found, str) else None

    async def ask(self, concurrency: int, step: Any) -> None:
        """Preview the old ones again."""
        asker = Previewer(list(self._profiles.values()), concurrency, self.words, self._answers)
        await asker.ask(self._waiting(), step)

    def _waiting(self) -> Iterable[tuple[str, Booking]]:
        for booking in self.source.bookings:
            if not booking.findings and booking.previewed is not None:
                key = key_of(self.accounts.of(booking).name, booking)
                if key in self._stale:
                    yield key[0], booking

    # --- the bookings as they are now ---

    def _revised(self, booking: Booking) -> Booking:
        if booking.findings or booking.previewed is None:
            return booking
        reference = booking.pair()[0]
        key = key_of(self.accounts.of(booking).name, booking)
        if (sent_with := self._sent.get(key)) is not None:
            return _with_render(booking, reference, sent_with)
        answer = self._answers.get(key)
        if answer is None:
            return booking
        if answer.error is not None or answer.render_id is None or answer.previewed is None:
            return attrs.evolve(booking, findings=(not_previewed(booking, answer.error or ""),))
        renewed = attrs.evolve(_with_render(booking, reference, answer.render_id), previewed=answer.previewed)
        return attrs.evolve(renewed, findings=tuple(self._held(booking, answer)))

    def _held(self, booking: Booking, answer: Answer) -> Iterator[Finding]:
        was, now = booking.previewed, answer.previewed
        assert was is not None
        assert now is not None
        if was.was_raised(now.fee, self.settings.max_increase) and PRICE_MOVED not in booking.approved:
            facts = {"now": str(now.fee or "?"), "was": str(was.fee)}
            yield Finding.of(PRICE_MOVED, booking.line, None, **facts)


def _with_render(booking: Booking, reference: str, render_id: str) -> Booking:
    """A booking with another render id. One that was called by its render id keeps its name, by which it is found again."""
    request = booking.request
    assert isinstance(request, FreightBookingRequest)
    return attrs.evolve(booking, reference=str(reference), request=attrs.evolve(request, render_id=render_id))


def _without_render(body: dict[str, Any]) -> str:
    return canonical({name: value for name, value in body.items() if name != "renderId"})
