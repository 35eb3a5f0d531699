"""What a stretch of time looks like in the journal: counts, money, what was refused and why, what a person must do.

Gathered in one pass over the rows; memory grows with the number of hours and codes, not with that of bookings.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime, timedelta, timezone, tzinfo
from typing import TYPE_CHECKING, Final

import attrs

from .._calls.envelope import read_envelope

if TYPE_CHECKING:
    from .._journal.journal import Journal
    from .._journal.rows import JournalRow, State
    from .._journal.sql.reader import Total

MOST_LISTED: Final = 200
"""How many bookings are listed one by one; the others are counted."""
WAYS_ON: Final[dict[State, str]] = {
    "unknown": "Look it up at the vendor, then say whether it was booked: pandapon journal PATH --review",
    "refused": "Correct it and book it again, or leave it",
    "pending": "Book again: nothing was sent, or the vendor did nothing",
}
"""What a person does about a booking that isn't done, by its state."""


@attrs.define(kw_only=True)
class DayReport:
    """The bookings that were sent between two moments, and whatever is open now.

    Attributes:
        since, until: the bounds; None: there is none.
        zone: in which its times are shown.
        states: bookings by state.
        hours: bookings by the hour of their sending (seconds since the epoch, whole hours) and state.
        totals: money by account and currency, by the dates of the amounts.
        unpriced: done ones without a fee, by account.
        refusals: refused ones by the vendor's code and the reason.
        open: the first `MOST_LISTED` that need a person, unclear ones first; ``open_counts``: all of them by state.
        busiest: the most bookings that were sent in one second.
    """

    since: datetime | None
    until: datetime | None
    zone: tzinfo
    states: Counter[State] = attrs.field(factory=Counter["State"])
    hours: dict[int, Counter[State]] = attrs.field(factory=dict["int", "Counter[State]"])
    totals: list[Total] = attrs.field(factory=list["Total"])
    unpriced: dict[str, int] = attrs.field(factory=dict[str, int])
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
        report.totals = journal.totals(since=since, until=until)
        report.unpriced = journal.unpriced()
        seconds: Counter[int] = Counter()
        for row in journal.rows(since=since, until=until):
            report._count(row, seconds)
        report.busiest = max(seconds.values(), default=0)
        for state in WAYS_ON:
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


def reason_of(row: JournalRow) -> str:
    """Why a booking isn't done, for whoever doesn't know our exceptions."""
    return _TYPE_NAME.sub("", row.error or "")
