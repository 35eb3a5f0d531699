"""Previews of a file's bookings when it is booked: old ones are asked again, and what has become dearer is held.

Where they are kept in a file, those that a booking lacks are asked, too.

The file isn't changed: its bookings are revised as they are read. So a booking that was sent with a renewed preview's render id is
looked up in the journal, and taken as it was sent; else it would be another booking when the file is fed again.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from .._config.settings import Settings
from .._errors import JournalError
from .._files.booking import Booking
from .._files.bookings import BookingFile
from .._files.findings import Finding
from .._files.previewed import Previewed
from .._journal.journal import Journal
from .._journal.rows import JournalRow
from .._models.converters import to_wire
from .._models.digest import canonical
from ..api.logistics import FreightBookingRequest
from .plan import OPERATION, Accounts
from .previewing import Answer, Key, Previewer, key_of, not_previewed, obstacles
from .saved_previews import SavedPreviews, without_render
from .words import Words

if TYPE_CHECKING:
    from .._config.profiles import VendorProfile

PRICE_MOVED = "price-moved"
_SAVED_FIRST: Final = 250


@attrs.define(kw_only=True)
class Renewal:
    """The previews of a file that is about to be booked.

    Attributes:
        source, accounts: whose they are.
        journal: where it is; None: nothing is known yet.
        retry_refused: what was refused is sent again.
        saved: where previews are kept; None: only a booking that came with one is previewed again.
        is_trial: nothing is asked, and nothing sent: what is still to be previewed counts as good.
        old: how many are too old to be believed.
        missing: how many are still to be previewed.
    """

    source: BookingFile
    accounts: Accounts
    settings: Settings
    journal: str | Path | None
    retry_refused: bool
    words: Words
    saved: SavedPreviews | None = None
    is_trial: bool = False
    old: int = 0
    missing: int = 0
    _profiles: dict[str, VendorProfile] = attrs.field(factory=dict[str, "VendorProfile"])
    _stale: set[Key] = attrs.field(factory=set[Key])
    _sent: dict[Key, str] = attrs.field(factory=dict[Key, str])
    _answers: dict[Key, Answer] = attrs.field(factory=dict[Key, Answer])

    def look_up(self) -> bool:
        """Find out which previews are old, and which bookings were sent with a render id that isn't in the file.

        Returns:
            Whether any was previewed, or is to be.
        """
        has_any = False
        self.missing = 0
        self._stale.clear()
        self._sent.clear()
        now = datetime.now(timezone.utc)
        with contextlib.ExitStack() as stack:
            journal = None if self.journal is None else stack.enter_context(Journal.open(self.journal))
            for booking in self.source.unrevised():
                if not self._concerns(booking):
                    continue
                has_any = True
                profile = self.accounts.of(booking)
                key = key_of(profile.name, booking)
                row = None if journal is None else _row_of(journal, key)
                sent_with = None if row is None else self._sent_with(row, booking)
                if sent_with is not None:
                    self._sent[key] = sent_with
                    continue
                previewed = self._with_saved(profile.name, booking).previewed
                if previewed is not None and self._is_fresh(previewed, row, now):
                    continue
                self._profiles[profile.name] = profile
                self._stale.add(key)
                self.missing += previewed is None
        self.old = len(self._stale) - self.missing
        self.source.revised = self._revised
        return has_any

    def _concerns(self, booking: Booking) -> bool:
        """Whether a booking came with a preview; or lacks one, and nothing else."""
        if self.saved is None or not booking.findings:
            return not booking.findings and booking.previewed is not None
        return not obstacles(booking)

    def _is_fresh(self, previewed: Previewed, row: JournalRow | None, now: datetime) -> bool:
        """Whether a preview is believed; one that is kept in a file isn't, once the vendor has refused to book it."""
        is_refused = self.saved is not None and row is not None and row.state == "refused"
        if is_refused and row is not None and (row.sent_at is None or row.sent_at >= previewed.at):
            return False
        return previewed.is_current(now, self.settings.preview_hours)

    def _sent_with(self, row: JournalRow, booking: Booking) -> str | None:
        """The render id with which the booking was sent after its preview in the file; None: it is still to be sent."""
        if row.state == "pending" or (row.state == "refused" and self.retry_refused):
            return None
        is_same = row.body is not None and _content(row.body) == _content(to_wire(booking.pair()[1]))
        if booking.previewed is None:  # it was previewed by an earlier run
            is_new = row.state == "refused" and not is_same
            found: Any = None if is_new else (row.body or {}).get("renderId", "")
        elif (
            row.sent_at is None or row.sent_at.replace(microsecond=0) <= booking.previewed.at
        ):  # a file has whole seconds
            return None
        else:
            found = row.body.get("renderId") if row.body is not None and is_same else None
        return found if isinstance(found, str) else None

    @property
    def profiles(self) -> list[VendorProfile]:
        """The accounts at which something is asked."""
        return list(self._profiles.values())

    async def ask(self, concurrency: int, step: Any) -> None:
        """Preview the old and the missing ones; those that are kept in a file, every so many."""
        asker = Previewer(self.profiles, concurrency, self.words, self._answers)
        if self.saved is None:
            await asker.ask(self._waiting(), step)
            return
        waiting, size = iter(self._waiting()), _SAVED_FIRST
        while some := list(itertools.islice(waiting, size)):
            size *= 2  # each time all of the file is written
            try:
                await asker.ask(some, step)
            finally:
                self.saved.save(self._to_save())

    def _to_save(self) -> Iterator[tuple[str, Booking, Booking]]:
        """What has a preview; of what has become dearer the one that it is compared with."""
        for booking in self.source.unrevised():
            if not self._concerns(booking):
                continue
            account = self.accounts.of(booking).name
            revised = self._revised(booking)
            if any(finding.code == PRICE_MOVED for finding in revised.findings):
                revised = self._with_saved(account, booking)
            if revised.previewed is not None and revised.request is not None:
                yield account, booking, revised

    def _waiting(self) -> Iterable[tuple[str, Booking]]:
        for booking in self.source.unrevised():
            if self._concerns(booking):
                key = key_of(self.accounts.of(booking).name, booking)
                if key in self._stale:
                    yield key[0], booking

    # --- the bookings as they are now ---

    def _revised(self, booking: Booking) -> Booking:
        if not self._concerns(booking):  # what it lacks besides, it gets with its preview
            return booking if self.saved is None else attrs.evolve(booking, findings=obstacles(booking))
        reference = _name_of(booking)
        account = self.accounts.of(booking).name
        key = key_of(account, booking)
        booking = self._with_saved(account, booking)
        if (sent_with := self._sent.get(key)) is not None:
            sent = _with_render(booking, reference, sent_with) if sent_with else booking  # its body was erased
            return attrs.evolve(sent, findings=())
        answer = self._answers.get(key)
        if answer is None:
            return attrs.evolve(booking, findings=()) if self.is_trial else booking
        if answer.error is not None or answer.render_id is None or answer.previewed is None:
            return attrs.evolve(booking, findings=(not_previewed(booking, answer.error or ""),))
        renewed = attrs.evolve(_with_render(booking, reference, answer.render_id), previewed=answer.previewed)
        return attrs.evolve(renewed, findings=tuple(self._held(booking, answer)))

    def _with_saved(self, account: str, booking: Booking) -> Booking:
        """A booking with the preview that is kept of it, if that is newer than its own."""
        saved = None if self.saved is None else self.saved.of(account, booking)
        if saved is None:
            return booking
        render_id, previewed = saved
        known = _with_render(booking, _name_of(booking), render_id)
        return attrs.evolve(known, previewed=previewed, findings=())

    def _held(self, booking: Booking, answer: Answer) -> Iterator[Finding]:
        was, now = booking.previewed, answer.previewed
        assert now is not None
        if (
            was is not None
            and was.was_raised(now.fee, self.settings.max_increase)
            and PRICE_MOVED not in booking.approved
        ):
            facts = {"now": str(now.fee or "?"), "was": str(was.fee)}
            yield Finding.of(PRICE_MOVED, booking.line, None, **facts)


def _with_render(booking: Booking, reference: str, render_id: str) -> Booking:
    """A booking with another render id, under the name that it has."""
    request = booking.request
    assert isinstance(request, FreightBookingRequest)
    return attrs.evolve(booking, reference=reference, request=attrs.evolve(request, render_id=render_id or None))


def _name_of(booking: Booking) -> str:
    """What a booking is called. One that was called by its render id keeps that name, by which it is found again.

    One that had neither is called by its content: two of the same content may be two orders, and that stays known.
    """
    reference, request = booking.pair()
    return reference if request.natural_reference() is None else str(reference)


def _row_of(journal: Journal, key: Key) -> JournalRow | None:
    try:
        return journal.get(key[1], shipment=key[2], account=key[0], operation=OPERATION)
    except JournalError:  # it has none
        return None


def _content(body: Mapping[str, Any]) -> str:
    return canonical(without_render(body))
