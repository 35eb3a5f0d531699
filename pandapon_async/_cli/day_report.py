"""What a stretch of time looks like in the journal: counts, money, what was refused and why, what a person must do.

Gathered in one pass over the rows; memory grows with the number of hours and codes, not with that of bookings.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import attrs

from .._calls.envelope import read_envelope
from .._journal.sums import Sum, sums_by
from .._models.money import Money
from ..api.logistics import FreightBookingRequest

if TYPE_CHECKING:
    from .._journal.journal import Journal
    from .._journal.rows import JournalRow, State

MOST_LISTED: Final = 200
"""How many bookings are listed one by one; the others are counted."""
OPEN: Final[tuple[State, ...]] = ("unknown", "refused", "pending")
"""States about which a person does something, most urgent first."""


@attrs.define
class Previews:
    """Bookings of one account and currency that have a fee and had a preview: how many, both sums, and how many were dearer."""

    count: int = 0
    previewed: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)
    dearer: int = 0

    def add(self, previewed: Decimal, fee: Decimal) -> None:
        """One more."""
        self.count += 1
        self.previewed += previewed
        self.fees += fee
        self.dearer += fee > previewed


@attrs.define(kw_only=True)
class DayReport:
    """The bookings that were sent between two moments, and whatever is open now, reports and cancellations too.

    Attributes:
        since, until: the bounds; None: there is none.
        zone: in which its times are shown.
        states: bookings by state.
        hours: bookings by the hour of their sending (seconds since the epoch, whole hours) and state.
        sums: money by account, by the dates of the amounts.
        previews: fees beside what was previewed, by account and currency.
        refusals: refused ones by the vendor's code and the reason.
        open: the first `MOST_LISTED` that need a person, unclear ones first; ``open_counts``: all of them by state.
        busiest: the most bookings that were sent in one second.
    """

    since: datetime | None
    until: datetime | None
    zone: tzinfo
    states: Counter[State] = attrs.field(factory=Counter["State"])
    hours: dict[int, Counter[State]] = attrs.field(factory=dict["int", "Counter[State]"])
    sums: list[Sum] = attrs.field(factory=list[Sum])
    previews: dict[tuple[str, str], Previews] = attrs.field(factory=dict[tuple[str, str], Previews])
    refusals: Counter[tuple[str, str]] = attrs.field(factory=Counter[tuple[str, str]])
    open: list[JournalRow] = attrs.field(factory=list["JournalRow"])
    open_counts: Counter[State] = attrs.field(factory=Counter["State"])
    busiest: int = 0

    @classmethod
    def of(
        cls, journal: Journal, since: datetime | None, until: datetime | None, zone: tzinfo = timezone.utc
    ) -> DayReport:
        """Gather it."""
        report = cls(since=since, until=until, zone=zone)
        report.sums = sums_by(journal, "account", zone, since=since, until=until)
        seconds: Counter[int] = Counter()
        for row in journal.rows(since=since, until=until, operation=FreightBookingRequest.operation.name):
            report._count(row, seconds)
        report.busiest = max(seconds.values(), default=0)
        for state in OPEN:
            for row in journal.rows(state=state):
                report.open_counts[state] += 1
                if len(report.open) < MOST_LISTED:
                    report.open.append(row)
        return report

    def _count(self, row: JournalRow, seconds: Counter[int]) -> None:
        self.states[row.state] += 1
        if row.sent_at is not None:
            second = int(row.sent_at.timestamp())
            self.hours.setdefault(second - second % 3600, Counter())[row.state] += 1
            seconds[second] += 1
            if len(seconds) > _SECONDS_KEPT:  # rows come in the order of their taking in, so the busy ones are near
                self.busiest = max(self.busiest, *seconds.values())
                seconds.clear()
        if row.state == "refused":
            self.refusals[_refusal(row)] += 1
        if row.fee is not None and row.previewed is not None and row.fee.currency == row.previewed.currency:
            previews = self.previews.setdefault((row.account, row.fee.currency), Previews())
            previews.add(row.previewed.amount, row.fee.amount)

    def columns(self) -> list[tuple[datetime, Counter[State]]]:
        """Bookings by state over time, empty stretches too: by the hour, over more than three days by the day, then by the month."""
        for name, most in (("hour", 72), ("day", 100), ("month", 10_000)):
            found = self._columns(name)
            if len(found) <= most:
                break
        return found

    def _columns(self, of: str) -> list[tuple[datetime, Counter[State]]]:
        found: dict[datetime, Counter[State]] = {}
        for hour in sorted(self.hours):
            begin = _begin(datetime.fromtimestamp(hour, self.zone), of)
            while found and (following := _following(next(reversed(found)), of)) < begin:
                found[following] = Counter()
            found.setdefault(begin, Counter()).update(self.hours[hour])
        return list(found.items())


_SECONDS_KEPT: Final = 100_000


def _begin(moment: datetime, of: str) -> datetime:
    moment = moment if of == "hour" else moment.replace(hour=0)
    return moment.replace(day=1) if of == "month" else moment


def _following(moment: datetime, of: str) -> datetime:
    if of == "hour":
        return datetime.fromtimestamp(moment.timestamp() + 3600, moment.tzinfo)
    # By the calendar: a day with a change of clocks has no 24 hours.
    return _begin(moment + timedelta(days=32 if of == "month" else 1), of)


def _refusal(row: JournalRow) -> tuple[str, str]:
    envelope = read_envelope(row.reply)  # its message may quote the receiver; the journal's error doesn't
    code = "" if envelope is None or envelope.code is None else str(envelope.code)
    return code, reason_of(row)


_TYPE_NAME: Final = re.compile(r"^[A-Z]\w*Error: ")


def above_preview(row: JournalRow, percent: float = 0) -> Money | None:
    """By how much a booking cost more than was previewed, after credits; None: it didn't, or nothing was previewed.

    What was charged in another currency can't be compared: then it is the whole fee.

    Args:
        row: the booking.
        percent: by how much it may cost more.
    """
    if row.fee is None or row.previewed is None:
        return None
    if row.fee.currency != row.previewed.currency:
        return row.fee
    back = sum((one.money.amount for one in row.money if one.kind == "credit"), Decimal(0))
    above = row.fee.amount - back - row.previewed.amount
    is_allowed = above * 100 <= row.previewed.amount * Decimal(str(percent))
    return None if above <= 0 or is_allowed else Money(amount=above, currency=row.fee.currency)


def reason_of(row: JournalRow) -> str:
    """Why a booking isn't done, for whoever doesn't know our exceptions."""
    return _TYPE_NAME.sub("", row.error or "")
