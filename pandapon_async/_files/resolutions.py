"""A journal exported as CSV, and read back after a person has edited it."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from .._errors import JournalError, RequestError, suggestion
from .._journal.journal import Journal
from .._journal.resolving import Resolution, why_not
from .._journal.rows import STATES, JournalRow
from .._models.base import members_of
from .._models.fields import optional_inner, wire_name
from .._models.jsonio import is_object
from .._models.money import Money
from ..api.logistics import FreightBookingRequest, ReceiverAddress
from .csv_sheet import (
    DAMAGED,
    MAX_MISTAKES,
    FileError,
    Mistake,
    Sheet,
    SheetRow,
    SheetWriter,
    is_damaged,
    open_private,
    open_to_read,
)

EXPORT_COLUMNS: Final = (
    "reference",
    "state",
    "order_id",
    "fee",
    "currency",
    "tracking",
    "error",
    "vendor",
    "account",
    "sent_at",
    "done_at",
    "request_id",
    "resolved_by",
    "note",
)
_EDITABLE: Final = ("order_id", "fee", "currency", "tracking", "note")


@functools.cache
def _address() -> tuple[str, tuple[str, ...]]:
    """The wire name of a booking's receiver, and of the receiver's members."""
    holder = next(
        member for member, kind in members_of(FreightBookingRequest) if optional_inner(kind) is ReceiverAddress
    )
    return wire_name(holder), tuple(wire_name(member) for member, _ in members_of(ReceiverAddress))


def contact_columns() -> tuple[str, ...]:
    """The receiver's columns, as dotted wire names."""
    name, members = _address()
    return tuple(f"{name}.{member}" for member in members)


def contact_of(body: Mapping[str, Any] | None) -> list[str]:
    """The receiver's cells, from a booking's body."""
    name, members = _address()
    receiver = (body or {}).get(name)
    return [str(receiver.get(member) or "") if is_object(receiver) else "" for member in members]


def cells_of(row: JournalRow) -> dict[str, str]:
    """A row as the cells of `EXPORT_COLUMNS`."""
    fee = row.fee
    values = {
        **{name: getattr(row, name) for name in EXPORT_COLUMNS if name not in ("fee", "currency", "tracking")},
        "fee": None if fee is None else format(fee.amount, "f"),
        "currency": None if fee is None else fee.currency,
        "tracking": " ".join(row.tracking),
        "sent_at": time_text(row.sent_at),
        "done_at": time_text(row.done_at),
    }
    return {name: values[name] or "" for name in EXPORT_COLUMNS}


def time_text(moment: datetime | None) -> str:
    """A moment as the export writes it: UTC, ISO 8601, to the second."""
    return "" if moment is None else moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def write_export(path: Path, rows: Iterable[JournalRow], *, contact: bool = False) -> int:
    """Write rows as CSV; a new file is readable only by its owner.

    Args:
        path: overwritten if it exists.
        rows: as from `Journal.rows`; consumed one by one.
        contact: include the receiver's name, phone and address.

    Returns:
        The number of rows written.
    """
    count = 0
    with open_private(path) as file:
        sheet = SheetWriter(file, (*EXPORT_COLUMNS, *(contact_columns() if contact else ())))
        for row in rows:
            sheet.row([*cells_of(row).values(), *(contact_of(row.body) if contact else ())])
            count += 1
    return count


def read_resolutions(path: Path, journal: Journal) -> list[Resolution]:
    """What a person has changed in an export: the rows whose state is another now.

    Columns that aren't there, and rows that weren't changed, are passed over.

    Raises:
        FileError: names every line that can't be resolved, and why; nothing was resolved.
    """
    mistakes: list[Mistake] = []
    found: list[Resolution] = []
    with open_to_read(path) as file:
        sheet = Sheet(file, str(path))
        sheet.require((*EXPORT_COLUMNS, *contact_columns()), ("reference", "state"))
        seen: dict[tuple[str, str], int] = {}
        for row in sheet:
            try:
                found += _changes(row, journal, sheet.columns, seen)
            except _Unfit as unfit:
                mistakes.append(unfit.mistake)
    if mistakes:
        raise FileError.of(str(path), mistakes[:MAX_MISTAKES], max(0, len(mistakes) - MAX_MISTAKES))
    return found


class _Unfit(Exception):  # noqa: N818 - caught a few lines above
    def __init__(self, mistake: Mistake) -> None:
        super().__init__(str(mistake))
        self.mistake = mistake


def _changes(
    row: SheetRow, journal: Journal, columns: tuple[str, ...], seen: dict[tuple[str, str], int]
) -> Iterator[Resolution]:
    """The resolution of one row, if it was changed."""

    def unfit(column: str | None, text: str) -> _Unfit:
        return _Unfit(Mistake(row.line, column, text))

    if row.mistakes:
        raise _Unfit(row.mistakes[0])
    cells = row.cells
    reference, state = cells.get("reference"), cells.get("state", "").strip()
    if reference is None:
        raise unfit("reference", "is empty")
    if state not in STATES:
        raise unfit("state", f"isn't a state{suggestion(state, STATES)}; there are {', '.join(STATES)}")
    key = (reference, cells.get("account", ""))
    if key in seen:
        raise unfit("reference", f"is also in line {seen[key]}")
    seen[key] = row.line
    try:
        known = journal.get(reference, account=cells.get("account"))
    except JournalError as error:
        raise unfit("reference", error.message) from None
    was = cells_of(known)
    changed = [name for name in _EDITABLE if name in columns and cells.get(name, "").strip() != was[name]]
    damaged = [name for name in changed if is_damaged(cells.get(name, ""))]
    if state == known.state:
        if changed != damaged:  # what a spreadsheet did by itself is nobody's wish
            raise unfit(changed[0], f"was changed, but its state wasn't ({state}): only another state resolves it")
        return
    if damaged:
        raise unfit(damaged[0], DAMAGED)
    if "sent_at" in columns and cells.get("sent_at", "") != was["sent_at"]:
        raise unfit("state", f"it was sent again since the export, and is {known.state} now: export it anew")
    refusal = why_not(known, state)
    if refusal:
        raise unfit("state", refusal)
    if state != "done" and (wrong := [name for name in changed if name != "note"]):
        raise unfit(wrong[0], f"only a booking that is done has it, this becomes {state}")
    yield Resolution(
        reference,
        state,
        order_id=cells.get("order_id") if "order_id" in changed else None,
        fee=_fee(cells, unfit) if {"fee", "currency"} & {*changed} else None,
        tracking=tuple(cells.get("tracking", "").split()) if "tracking" in changed else (),
        account=known.account,
        note=cells.get("note") if "note" in changed else None,
    )


def _fee(cells: Mapping[str, str], unfit: Any) -> Money | None:
    amount, currency = cells.get("fee", "").strip(), cells.get("currency", "").strip()
    if not amount and not currency:
        return None
    return money_of(amount, currency, unfit)


def money_of(amount: str, currency: str, unfit: Any = None) -> Money:
    """Parse an amount and its currency as people write them.

    Raises:
        RequestError: they are invalid; with ``unfit``, the exception that ``unfit(column, text)`` returns.
    """

    def problem(column: str, text: str) -> Exception:
        return unfit(column, text) if unfit else RequestError(f"{column}: {text}", field=column)

    if not (len(currency) == 3 and currency.isascii() and currency.isalpha() and currency.isupper()):
        raise problem("currency", "expected three capital letters, such as USD")
    try:
        money = Money(amount=amount, currency=currency)
    except RequestError as error:
        raise problem("fee", error.message.removeprefix("amount: ")) from None
    if money.amount < 0:
        raise problem("fee", "is below zero")
    return money
