"""``pandapon journal PATH --todo`` and ``--runs``: what a person has to see to, and who booked what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import tzinfo
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import attrs

from .._files.resolutions import time_text
from ..api.logistics import FreightBookingRequest
from .day_report import above_preview, reason_of
from .shared import json_text, new_table, show_table, write_out
from .words import Words

if TYPE_CHECKING:
    from .._journal.journal import Journal
    from .._journal.rows import JournalRow, Run, State

Check = Callable[["JournalRow", "Lists"], "str | None"]


def _unpriced(row: JournalRow, of: Lists) -> str | None:
    return of.words("todo.enter_fee") if row.fee is None else None


def _uncredited(row: JournalRow, of: Lists) -> str | None:
    paid = sum((entry.money.amount for entry in row.money if entry.kind != "credit"), Decimal(0))
    back = sum((entry.money.amount for entry in row.money if entry.kind == "credit"), Decimal(0))
    if row.fee is None or back >= paid:
        return None
    return of.words("todo.uncredited", amount=f"{paid - back:f} {row.fee.currency}")


def _dearer(row: JournalRow, of: Lists) -> str | None:
    if (above := above_preview(row, of.max_increase)) is None:
        return None
    return of.words("todo.above_preview", fee=row.fee, previewed=row.previewed, above=above)


def _not_handed(row: JournalRow, of: Lists) -> str | None:
    if row.handed == row.as_handed or (row.state == "void" and row.handed is None):
        return None
    return of.words("todo.not_told" if row.handed is None else "todo.told_else")


_NOT_HANDED: Final = "not handed back"
_CHECKS: Final[Mapping[State, Sequence[tuple[str, Check]]]] = {
    "unknown": (("unclear", lambda row, of: of.words.said(reason_of(row))),),
    "refused": (("refused by vendor", lambda row, of: of.words.said(reason_of(row))),),
    "pending": (("waiting", lambda row, of: of.words.said(reason_of(row)) or of.words("todo.not_sent")),),
    "done": (("no fee", _unpriced), ("dearer than previewed", _dearer), (_NOT_HANDED, _not_handed)),
    "void": (("no credit", _uncredited), (_NOT_HANDED, _not_handed)),
}
"""What there may be to see to, by state, most urgent first; a check gives the reason, or None: there is nothing."""
_OF_BOOKINGS: Final = ("done", "void")
"""States in which only freight bookings are looked at: what else was done has no fee, and is nothing that a shop is told."""


@attrs.frozen
class Lists:
    """What is printed of a journal: one JSON object a row, or a table in these words, its times in this zone.

    ``max_increase``: percent by which a booking may have cost more than was previewed.
    """

    journal: Journal
    account: str | None
    as_json: bool
    words: Words
    zone: tzinfo
    max_increase: float = 0

    def show_todo(self) -> None:
        """Print what a person has to see to."""
        words, handing = self.words, Counter[str]()
        of = attrs.evolve(self, words=Words()) if self.as_json else self
        found = (
            {
                "what": what if self.as_json else words(f"todo.{what.replace(' ', '_')}"),
                "reference": row.reference,
                "shipment": row.shipment,
                "account": row.account,
                "assigned": row.assigned,
                "why": why,
            }
            for state in _CHECKS
            for row in self.journal.rows(state=state, account=self.account)
            for what, why in _todo(row, of)
            if self.as_json or not _is_counted(what, row, handing)
        )
        self._show(found, lambda: words("todo.nothing_else" if handing else "todo.nothing"))
        for name, count in sorted(handing.items()):
            write_out(words("todo.hand_back", account=name, count=f"{count:,}"))

    def show_runs(self) -> None:
        """Print the runs of jobs, the first one first."""
        runs = (run for run in self.journal.runs() if self.account in (None, run.account))
        rows = map(self._as_json if self.as_json else self._cells, runs)
        self._show(rows, lambda: self.words("runs.none"))
        if not self.as_json:
            write_out(self.words("runs.zone", zone=self.zone))

    def _as_json(self, run: Run) -> dict[str, Any]:
        return {
            "run": run.id,
            "account": run.account,
            "operation": run.operation,
            "began": time_text(run.began, self.zone),
            "ended": time_text(run.ended, self.zone) or None,
            "machine": run.host,
            "process": run.pid,
            **{name: run.about.get(name) for name in ("person", "version", "file", "digest", "options", "decisions")},
            "counts": dict(run.counts),
            "fees": [{"amount": format(fee.amount, "f"), "currency": fee.currency} for fee in run.fees],
        }

    def _cells(self, run: Run) -> dict[str, Any]:
        is_booking = run.operation == FreightBookingRequest.operation.name
        words = self.words if is_booking else self.words.of_work("other")
        counts = (f"{count:,} {words(f'state.{state}')}" for state, count in sorted(run.counts.items()))
        return {
            "run": run.id,
            "account": run.account,
            "began": f"{run.began.astimezone(self.zone):%Y-%m-%d %H:%M}",
            "ended": None if run.ended is None else f"{run.ended.astimezone(self.zone):%Y-%m-%d %H:%M}",
            "person": f"{run.person or '?'} @ {run.host}",
            "file": run.file,
            "bookings": ", ".join(counts),
            "fees": ", ".join(map(str, run.fees)),
        }

    def _show(self, rows: Iterable[Mapping[str, Any]], nothing: Callable[[], str]) -> None:
        table = None if self.as_json else new_table()
        count = 0
        for row in rows:
            count += 1
            if table is None:
                write_out(json_text(row))
                continue
            if count == 1:
                for name in row:
                    table.add_column(self.words(f"column.{name}"), overflow="fold")
            table.add_row(*["" if value is None else str(value) for value in row.values()])
        if table is not None and count:
            show_table(table)
        elif table is not None:
            write_out(nothing())


def _is_counted(what: str, row: JournalRow, handing: Counter[str]) -> bool:
    """Whether it is one of those that one command sees to; they are counted by account."""
    if what == _NOT_HANDED:
        handing[row.account] += 1
    return what == _NOT_HANDED


def _todo(row: JournalRow, of: Lists) -> Iterator[tuple[str, str]]:
    if row.state in _OF_BOOKINGS and row.operation != FreightBookingRequest.operation.name:
        return
    for what, check in _CHECKS[row.state]:
        why = check(row, of)
        if why is not None:
            yield what, why
