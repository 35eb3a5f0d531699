"""What was paid, summed up by account, currency, month, destination or a kept column.

Every amount counts by its own date, and what is open (without a fee, without a credit) is counted as it was at the end of the
period. So last month's sums are the same whatever is entered, cancelled or credited since.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any, Final

import attrs

from .._errors import ConfigError, suggestion
from ..api.logistics import FreightBookingRequest
from .journal import Journal, inside
from .rows import JournalRow, time_of
from .sql.connection import HIDDEN
from .sql.reader import SOURCE

BY: Final = ("account", "currency", "month", "destination")
_COLUMNS: Final = {
    "account": "a.name",
    "currency": "m.currency",
    "month": "''",
    "destination": "COALESCE(r.destination, '')",
}
_PAGE: Final = 5_000


@attrs.define
class Amounts:
    """Amounts of one currency: fees with their corrections, and what was credited."""

    fees: Decimal = Decimal(0)
    credits: Decimal = Decimal(0)

    @property
    def net(self) -> Decimal:
        """What it cost in the end."""
        return self.fees - self.credits


@attrs.define
class Sum:
    """The sums of one group of bookings.

    Attributes:
        name: the account, currency, month (2026-01), destination, or what stands in the kept column; empty: not known.
        amounts: by currency.
        unpriced: how many were booked in the period and had no fee at its end.
        uncredited: how many were cancelled in the period and hadn't their whole fee credited at its end.
    """

    name: str
    amounts: dict[str, Amounts] = attrs.field(factory=dict[str, Amounts])
    unpriced: int = 0
    uncredited: int = 0


def kept_columns(journal: Journal) -> tuple[list[str], bool]:
    """The names of all columns that were kept of files, in order; and whether any booking came with a previewed fee."""
    reader, names, last = inside(journal).reader, dict[str, None](), (0, -1)
    query = f"SELECT row, run, kept FROM sources WHERE kept IS NOT NULL AND (row, run) > (?, ?) ORDER BY row, run LIMIT {_PAGE}"
    while page := reader.read(query, last):
        last = page[-1][0], page[-1][1]
        for kept in {kept: None for *_, kept in page}:
            names |= dict.fromkeys(json.loads(kept))
    return sorted(names), bool(reader.read("SELECT 1 FROM sources WHERE previewed IS NOT NULL LIMIT 1"))


def sums_by(
    journal: Journal,
    by: str,
    zone: tzinfo,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    account: str | None = None,
) -> list[Sum]:
    """The sums of a period, by group, in the order of their names.

    Args:
        journal: whose bookings.
        by: one of `BY`, or the name of a kept column.
        zone: of the months.
        since, until: bound the period; None: there is no bound.
        account: only this one.

    Raises:
        ConfigError: there is no such column.
    """
    return _Summing(journal, _known(journal, by), zone, since, until, account).made()


def _known(journal: Journal, by: str) -> str:
    """One of `BY`, or a kept column as it is written in the journal."""
    if by.lower() in BY:
        return by.lower()
    names, _ = kept_columns(journal)
    for name in names:
        if name.casefold() == by.casefold():
            return name
    known = (*BY, *names)
    raise ConfigError(f"--by {by}: no such column was kept{suggestion(by, known)}; there are: {', '.join(known)}")


@attrs.define
class _Summing:
    _journal: Journal
    _by: str
    _zone: tzinfo
    _since: datetime | None
    _until: datetime | None
    _account: str | None
    _sums: dict[str, Sum] = attrs.field(factory=dict[str, Sum])

    def made(self) -> list[Sum]:
        for name, begin, end in self._periods():
            self._add_amounts(name, begin, end)
        self._count_unpriced()
        self._count_uncredited()
        return [self._sums[name] for name in sorted(self._sums)]

    def _sum(self, name: str) -> Sum:
        return self._sums.setdefault(name, Sum(name))

    def _read(self, query: str, values: Sequence[Any]) -> list[Any]:
        return inside(self._journal).reader.read(query, values)

    # --- amounts ---

    def _periods(self) -> Iterator[tuple[str | None, datetime | None, datetime | None]]:
        """The months that are summed up apart; or the whole period, and no name."""
        if self._by != "month":
            yield None, self._since, self._until
            return
        tests, values = self._bounds("at", self._since, self._until)
        first, last = map(time_of, self._read(f"SELECT MIN(at), MAX(at) FROM money WHERE {tests}", values)[0])
        if first is None or last is None:
            return
        begin = first.astimezone(self._zone).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        while begin <= last:
            end = (begin + timedelta(days=32)).replace(day=1)
            yield _month(begin), _later(begin, self._since), _sooner(end, self._until)
            begin = end

    def _bounds(
        self, column: str, since: datetime | None, until: datetime | None, account: str | None = None
    ) -> tuple[str, list[Any]]:
        times = {f"{column} >= ?": since, f"{column} < ?": until}
        given: dict[str, Any] = {test: moment.timestamp() for test, moment in times.items() if moment is not None}
        if account is not None:
            given["a.name = ?"] = account
        return " AND ".join(given) or "1 = 1", list(given.values())

    def _add_amounts(self, month: str | None, since: datetime | None, until: datetime | None) -> None:
        tests, values = self._bounds("m.at", since, until, self._account)
        kept = self._by not in BY
        query = (
            f"SELECT {_COLUMNS.get(self._by, 's.kept')}, m.currency, m.kind = 'credit', m.exponent, SUM(m.digits / 1000000000), "
            "SUM(m.digits % 1000000000) FROM money m JOIN accounts a ON a.id = m.account JOIN rows r ON r.id = m.row "
            f"{SOURCE if kept else ''} WHERE {tests} GROUP BY 1, 2, 3, 4"
        )
        for name, currency, is_credit, exponent, billions, rest in self._read(query, values):
            group = self._cell(name) if kept else name
            amounts = self._sum(month or group).amounts.setdefault(currency, Amounts())
            amount = Decimal(int(billions) * 10**9 + int(rest)).scaleb(exponent)
            if is_credit:
                amounts.credits += amount
            else:
                amounts.fees += amount

    def _cell(self, kept: str | None) -> str:
        return str(json.loads(kept or "{}").get(self._by, ""))

    # --- what is open ---

    def _open(self, account: str, moment: datetime, currency: str, destination: str | None, cell: str) -> Sum:
        """The sums to which an open booking belongs."""
        month = _month(moment.astimezone(self._zone))
        found = {"account": account, "currency": currency, "month": month, "destination": destination or ""}
        return self._sum(found.get(self._by, cell))

    def _is_within(self, moment: datetime) -> bool:
        return (self._since is None or self._since <= moment) and (self._until is None or moment < self._until)

    def _count_unpriced(self) -> None:
        """Only freight bookings: no other operation has a fee."""
        end = float("inf") if self._until is None else self._until.timestamp()
        tests, values = self._bounds("r.at", None, None, self._account)
        query = (
            "SELECT r.id, a.name, r.destination, s.kept, r.history FROM rows r JOIN accounts a ON a.id = r.account "
            f"JOIN operations o ON o.id = r.operation {SOURCE} WHERE r.id > ? AND o.name = ? AND "
            f"r.state IN ('done', 'void') AND {tests} AND r.run NOT IN {HIDDEN} AND NOT EXISTS "
            f"(SELECT 1 FROM money m WHERE m.row = r.id AND m.kind = 'fee' AND m.at < ?) ORDER BY r.id LIMIT {_PAGE}"
        )
        last = 0
        while page := self._read(query, (last, FreightBookingRequest.operation.name, *values, end)):
            last = page[-1][0]
            for _, account, destination, kept, history in page:
                moment = _first_done(history)
                if moment is not None and self._is_within(moment):
                    cell = "" if self._by in BY else self._cell(kept)
                    self._open(account, moment, "", destination, cell).unpriced += 1

    def _count_uncredited(self) -> None:
        for row in self._journal.rows(state="void", account=self._account):
            moment = next(step.at for step in row.history if step.state == "void")
            if self._is_within(moment) and (currency := self._uncredited(row)) is not None:
                cell = row.kept.get(self._by, "")
                self._open(row.account, moment, currency, row.destination, cell).uncredited += 1

    def _uncredited(self, row: JournalRow) -> str | None:
        """The currency in which something is owed; None: all was credited by the end of the period, or nothing was paid."""
        net: dict[str, Decimal] = {}
        for entry in row.money:
            if self._until is None or entry.at < self._until:
                sign = -1 if entry.kind == "credit" else 1
                net[entry.money.currency] = net.get(entry.money.currency, Decimal(0)) + sign * entry.money.amount
        return next((currency for currency, amount in net.items() if amount > 0), None)


def _first_done(history: str) -> datetime | None:
    for line in history.splitlines():
        step = json.loads(line)
        if step["state"] == "done":
            return time_of(step["at"])
    return None


def _month(moment: datetime) -> str:
    return f"{moment:%Y-%m}"


def _later(one: datetime, other: datetime | None) -> datetime:
    return one if other is None else max(one, other)


def _sooner(one: datetime, other: datetime | None) -> datetime:
    return one if other is None else min(one, other)
