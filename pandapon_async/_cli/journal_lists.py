"""``pandapon journal PATH --todo`` and ``--runs``: what a person has to see to, and who booked what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import tzinfo
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from .._files.resolutions import time_text
from .day_report import reason_of
from .shared import json_text, new_table, show_table, write_out

if TYPE_CHECKING:
    from .._journal.journal import Journal
    from .._journal.rows import JournalRow, Run, State

Check = Callable[["JournalRow"], "str | None"]


def _unpriced(row: JournalRow) -> str | None:
    return "booked without a known fee: enter it with --mark REF=done --fee AMOUNT CUR" if row.fee is None else None


def _uncredited(row: JournalRow) -> str | None:
    paid = sum((entry.money.amount for entry in row.money if entry.kind != "credit"), Decimal(0))
    back = sum((entry.money.amount for entry in row.money if entry.kind == "credit"), Decimal(0))
    if row.fee is None or back >= paid:
        return None
    return f"cancelled, and {paid - back:f} {row.fee.currency} not credited"


def _not_handed(row: JournalRow) -> str | None:
    if row.handed == row.as_handed or (row.state == "void" and row.handed is None):
        return None
    return "the shop wasn't told yet" if row.handed is None else "the shop was told something else before"


_NOT_HANDED: Final = "not handed back"
_CHECKS: Final[Mapping[State, Sequence[tuple[str, Check]]]] = {
    "unknown": (("unclear", reason_of),),
    "refused": (("refused by vendor", reason_of),),
    "pending": (("waiting", lambda row: reason_of(row) or "not sent yet"),),
    "done": (("no fee", _unpriced), (_NOT_HANDED, _not_handed)),
    "void": (("no credit", _uncredited), (_NOT_HANDED, _not_handed)),
}
"""What there may be to see to, by state, most urgent first; a check gives the reason, or None: there is nothing."""


def show_todo(journal: Journal, account: str | None, *, as_json: bool) -> None:
    """Print what a person has to see to."""
    handing: Counter[str] = Counter()
    found = (
        {
            "what": what,
            "reference": row.reference,
            "shipment": row.shipment,
            "account": row.account,
            "assigned": row.assigned,
            "why": why,
        }
        for state in _CHECKS
        for row in journal.rows(state=state, account=account)
        for what, why in _todo(row)
        if as_json or not _is_counted(what, row, handing)
    )
    _show(found, as_json=as_json, nothing="Nothing else is to be done" if handing else "Nothing is to be done")
    for name, count in sorted(handing.items()):
        write_out(f"{name}: {count:,} not handed back to the shop: pandapon tracking FILE --out F")


def _is_counted(what: str, row: JournalRow, handing: Counter[str]) -> bool:
    """Whether it is one of those that one command sees to; they are counted by account."""
    if what == _NOT_HANDED:
        handing[row.account] += 1
    return what == _NOT_HANDED


def _todo(row: JournalRow) -> Iterator[tuple[str, str]]:
    for what, check in _CHECKS[row.state]:
        why = check(row)
        if why is not None:
            yield what, why


def show_runs(journal: Journal, account: str | None, zone: tzinfo, *, as_json: bool) -> None:
    """Print the runs of jobs, the first one first."""
    runs = (_run(run, zone) for run in journal.runs() if account in (None, run.account))
    _show(runs, as_json=as_json, nothing="Nobody has booked yet")


def _run(run: Run, zone: tzinfo) -> dict[str, Any]:
    return {
        "run": run.id,
        "account": run.account,
        "operation": run.operation,
        "began": time_text(run.began, zone),
        "ended": time_text(run.ended, zone) or None,
        "machine": run.host,
        "process": run.pid,
    }


def _show(rows: Iterable[Mapping[str, Any]], *, as_json: bool, nothing: str) -> None:
    """One JSON object a row, or a table."""
    table = None if as_json else new_table()
    count = 0
    for row in rows:
        count += 1
        if table is None:
            write_out(json_text(row))
            continue
        if count == 1:
            for name in row:
                table.add_column(name, overflow="fold")
        table.add_row(*["" if value is None else str(value) for value in row.values()])
    if table is not None and count:
        show_table(table)
    elif table is not None:
        write_out(nothing)
