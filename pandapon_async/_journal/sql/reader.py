"""A journal as it is read: a page at a time, beside whoever writes it."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any, Final

import attrs

from ..._models.money import Money
from ...api.logistics import FreightBookingRequest
from ..rows import STATES, JournalRow, MoneyEntry, Run, State, row_of, time_of
from .connection import HIDDEN, STATES_OF_RUN

_PAGE: Final = 500
_NAMES: Final = (
    "id", "version", "reference", "shipment", "state", "order_id", "fee", "currency", "tracking", "error", "sent_at", "done_at",
    "request_id", "resolved_by", "note", "history", "vendor", "account", "operation", "body", "reply",
    "run", "line", "kept", "previewed", "previewed_currency", "destination",
)  # fmt: skip
_COLUMNS: Final = (
    f"{', '.join(f'r.{name}' for name in _NAMES[:16])}, a.vendor, a.name, o.name, b.body, p.reply, NULLIF(COALESCE(s.run, r.run), 0), "
    "s.line, s.kept, s.previewed, s.previewed_currency, r.destination"
)
SOURCE: Final = (
    "LEFT JOIN sources s ON s.row = r.id AND s.run = "
    f"(SELECT MAX(run) FROM sources WHERE row = r.id AND run NOT IN {HIDDEN})"
)
"""Joins a row with where it was brought from last."""
_TABLES: Final = (
    "rows r JOIN accounts a ON a.id = r.account JOIN operations o ON o.id = r.operation LEFT JOIN bodies b ON b.row = r.id "
    f"LEFT JOIN replies p ON p.row = r.id {SOURCE}"
)


@attrs.frozen(kw_only=True)
class Total:
    """What one account paid in one currency: fees with their corrections, and what was credited."""

    account: str
    currency: str
    fees: Decimal
    credits: Decimal

    @property
    def net(self) -> Decimal:
        """What it cost in the end."""
        return self.fees - self.credits


class Reader(ABC):
    """Reads a journal, and disturbs nobody who writes it; ``name`` is what errors call it.

    Raises (when made):
        JournalError: there is none, or it is something else, damaged, or not whole. It is not changed.
    """

    name: str

    @abstractmethod
    def close(self) -> None:
        """Close it. Idempotent."""

    @abstractmethod
    def check(self) -> None:
        """See `Journal.check`."""

    @abstractmethod
    def read(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        """What a query gives; it sees all that was committed before.

        Raises:
            JournalError: it can't be read.
        """

    def counts(self) -> dict[State, int]:
        """How many rows are in each state."""
        query = (
            "SELECT state, COUNT(*) FROM rows GROUP BY state UNION ALL "
            f"SELECT 'pending', -COUNT(*) FROM inputs WHERE is_new = 1 AND run IN {HIDDEN}"
        )
        counts = dict.fromkeys(STATES, 0)
        for state, count in self.read(query):
            counts[state] += count
        return counts

    def counts_by_operation(self) -> dict[str, dict[State, int]]:
        """How many rows of each operation are in each state."""
        named = "JOIN operations o ON o.id = r.operation"
        query = (
            f"SELECT o.name, r.state, COUNT(*) FROM rows r {named} GROUP BY 1, 2 UNION ALL "
            f"SELECT o.name, 'pending', -COUNT(*) FROM inputs i JOIN rows r ON r.id = i.row {named} "
            f"WHERE i.is_new = 1 AND i.run IN {HIDDEN} GROUP BY 1"
        )
        found: dict[str, dict[State, int]] = {}
        for name, state, count in self.read(query):
            found.setdefault(name, dict.fromkeys(STATES, 0))[state] += count
        return dict(sorted(found.items()))

    def totals(self, since: datetime | None, until: datetime | None) -> list[Total]:
        """See `Journal.totals`."""
        tests = {"m.at >= ?": since and since.timestamp(), "m.at < ?": until and until.timestamp()}
        given = {test: value for test, value in tests.items() if value is not None}
        query = (
            "SELECT a.name, m.currency, m.kind = 'credit', m.exponent, SUM(m.digits / 1000000000), SUM(m.digits % 1000000000) "
            f"FROM money m JOIN accounts a ON a.id = m.account WHERE {' AND '.join(given) or '1 = 1'} GROUP BY 1, 2, 3, 4"
        )
        sums: dict[tuple[str, str], list[Decimal]] = {}
        for account, currency, is_credit, exponent, billions, rest in self.read(query, tuple(given.values())):
            of = sums.setdefault((account, currency), [Decimal(0), Decimal(0)])
            of[is_credit] += Decimal(int(billions) * 10**9 + int(rest)).scaleb(exponent)
        return [
            Total(account=key[0], currency=key[1], fees=fees, credits=back)
            for key, (fees, back) in sorted(sums.items())
        ]

    def unpriced(self) -> dict[str, int]:
        """How many freight bookings are done and have no fee, per account; no other operation has one."""
        query = (
            "SELECT a.name, COUNT(*) FROM rows r JOIN accounts a ON a.id = r.account JOIN operations o ON o.id = r.operation "
            "WHERE r.state = 'done' AND r.fee IS NULL AND o.name = ? GROUP BY 1"
        )
        return dict(self.read(query, (FreightBookingRequest.operation.name,)))

    def files(self) -> dict[str, list[int]]:
        """The names of the files that were booked, in order, and their runs."""
        found: dict[str, list[int]] = {}
        query = "SELECT id, about FROM runs WHERE released IS NOT NULL AND about IS NOT NULL ORDER BY id"
        for run, about in self.read(query):
            if file := json.loads(about).get("file"):
                found.setdefault(file, []).append(run)
        return found

    def counts_of_runs(self, runs: Sequence[int]) -> dict[State, int]:
        """How many of the bookings that came from the files of runs are in each state now."""
        query = (
            "SELECT state, COUNT(*) FROM rows WHERE id IN "
            f"(SELECT row FROM sources WHERE run IN ({', '.join('?' * len(runs))})) GROUP BY state"
        )
        found = dict(self.read(query, runs))
        return {state: found.get(state, 0) for state in STATES}

    def runs(self) -> list[Run]:
        """The runs of jobs, in order."""
        query = (
            "SELECT r.id, a.name, o.name, r.host, r.pid, r.began, r.released, r.ended, r.about, r.summary FROM runs r "
            "JOIN accounts a ON a.id = r.account JOIN operations o ON o.id = r.operation ORDER BY r.id"
        )
        return [self._run(found) for found in self.read(query)]

    def _run(self, found: Sequence[Any]) -> Run:
        number, account, operation, host, pid, *times, about, summary = found
        began, released, ended = map(time_of, times)
        assert began is not None
        end = json.loads(summary or "{}")
        counts: dict[State, int] = end.get("counts") or dict(self.read(STATES_OF_RUN, (number,)))
        return Run(
            id=number,
            account=account,
            operation=operation,
            began=began,
            released=released,
            ended=ended,
            host=host.partition(" ")[0],
            pid=pid,
            counts=counts,
            fees=tuple(Money(amount=amount, currency=currency) for currency, amount in end.get("fees", {}).items()),
            about=json.loads(about or "{}"),
        )

    def select(self, tests: Mapping[str, Any]) -> Iterator[JournalRow]:
        """The rows that pass the tests (SQL with one value each; None: none), in order."""
        given = {test: value for test, value in tests.items() if value is not None}
        where = " AND ".join([*given, f"r.run NOT IN {HIDDEN}", "r.id > ?"])
        query = f"SELECT {_COLUMNS} FROM {_TABLES} WHERE {where} ORDER BY r.id LIMIT {_PAGE}"
        last = 0
        while page := self.read(query, (*given.values(), last)):
            last = page[-1][0]
            entries = self._money([values[0] for values in page])
            for values in page:
                yield row_of(dict(zip(_NAMES, values, strict=True)), tuple(entries.get(values[0], ())))

    def _money(self, rows: list[int]) -> dict[int, list[MoneyEntry]]:
        marks = ", ".join("?" * len(rows))
        query = (
            f"SELECT row, at, kind, digits, exponent, currency, by, note FROM money WHERE row IN ({marks}) ORDER BY id"
        )
        found: dict[int, list[MoneyEntry]] = {}
        for row, at, kind, digits, exponent, currency, by, note in self.read(query, rows):
            money = Money(amount=Decimal(digits).scaleb(exponent), currency=currency)
            when = datetime.fromtimestamp(at, timezone.utc)
            found.setdefault(row, []).append(MoneyEntry(at=when, kind=kind, money=money, by=by, note=note))
        return found
