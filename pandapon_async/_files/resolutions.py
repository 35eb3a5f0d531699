"""A journal exported as a table, and read back after a person has edited it in a spreadsheet."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timezone, tzinfo
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import attrs

from .._errors import JournalError, RequestError, suggestion
from .._journal.journal import Journal
from .._journal.resolving import Resolution, why_not
from .._journal.rows import STATES, JournalRow, State
from .._journal.sums import kept_columns
from .._models.base import members_of
from .._models.fields import optional_inner, wire_name
from .._models.jsonio import is_object
from .._models.money import Money
from ..api.logistics import FreightBookingRequest, ReceiverAddress
from .cells import is_damaged
from .csv_table import CsvWriter, neutral
from .findings import CHECKS, MAX_FINDINGS, FileError, Finding
from .outputs import replaced
from .respelled import altered, as_written, is_rounded, meaning, moment_of
from .sheets import Sheet, SheetRow, header_in
from .workbooks import WorkbookWriter

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
    "operation",
    "shipment",
    "sent_at",
    "done_at",
    "request_id",
    "resolved_by",
    "note",
)
PREVIEWED_COLUMNS: Final = ("previewed_fee", "previewed_currency")
_EDITABLE: Final = ("order_id", "fee", "currency", "tracking", "note")
_NAMING: Final = ("reference", "state", "shipment", "account", "operation")
"""Columns that say which booking it is, and what it is to be."""


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


def cells_of(row: JournalRow, zone: tzinfo = timezone.utc) -> dict[str, str]:
    """A row as the cells of `EXPORT_COLUMNS`, its times in this zone."""
    fee = row.fee
    values = {
        **{name: getattr(row, name) for name in EXPORT_COLUMNS if name not in ("fee", "currency", "tracking")},
        "fee": None if fee is None else format(fee.amount, "f"),
        "currency": None if fee is None else fee.currency,
        "tracking": " ".join(row.tracking),
        "sent_at": time_text(row.sent_at, zone),
        "done_at": time_text(row.done_at, zone),
    }
    return {name: str(values[name] or "") for name in EXPORT_COLUMNS}


@attrs.frozen
class SourceColumns:
    """The columns behind those of every export: what was kept of the booked files, and what was previewed.

    ``kept``: the columns of the files, by their names here: their own, with single blanks, unless an export has that one already.
    """

    kept: Mapping[str, str] = attrs.field(factory=dict[str, str])
    previewed: bool = False

    @classmethod
    def of(cls, journal: Journal) -> SourceColumns:
        """Those of a journal."""
        names, previewed = kept_columns(journal)
        taken = {name.casefold() for name in (*EXPORT_COLUMNS, *contact_columns(), *PREVIEWED_COLUMNS)}
        kept: dict[str, str] = {}
        for name in names:
            free = " ".join(name.split())
            while free.casefold() in taken:
                free = f"kept {free}"
            taken.add(free.casefold())
            kept[free] = name
        return cls(kept, previewed)

    @property
    def names(self) -> tuple[str, ...]:
        """Their names."""
        return (*self.kept, *(PREVIEWED_COLUMNS if self.previewed else ()))

    def cells(self, row: JournalRow) -> list[str]:
        """Their cells."""
        fee = row.previewed
        previewed = ["", ""] if fee is None else [format(fee.amount, "f"), fee.currency]
        return [*(row.kept.get(name, "") for name in self.kept.values()), *(previewed if self.previewed else ())]


def source_as_json(row: JournalRow) -> dict[str, Any]:
    """Where a row came from, and what stood beside it there."""
    fee = row.previewed
    return {
        "run": row.run,
        "line": row.line,
        "destination": row.destination,
        "kept": dict(row.kept),
        "previewed_fee": None if fee is None else format(fee.amount, "f"),
        "previewed_currency": None if fee is None else fee.currency,
    }


def time_text(moment: datetime | None, zone: tzinfo = timezone.utc) -> str:
    """A moment as the export writes it: ISO 8601 with its offset, to the second."""
    return "" if moment is None else moment.astimezone(zone).isoformat(timespec="seconds").replace("+00:00", "Z")


def write_export(
    path: Path,
    rows: Iterable[JournalRow],
    *,
    contact: bool = False,
    zone: tzinfo = timezone.utc,
    sources: SourceColumns = SourceColumns(),
) -> int:
    """Write rows as CSV, or as a workbook if the name ends in .xlsx; a new file is readable only by its owner.

    In a workbook ids are text, which no spreadsheet rounds, and fees are numbers.

    Args:
        path: overwritten if it exists.
        rows: as from `Journal.rows`; consumed one by one.
        contact: include the receiver's name, phone and address.
        zone: the time zone of its times.
        sources: what of the booked files stands in it.

    Returns:
        The number of rows written.

    Raises:
        FileError: its name is that of another kind of workbook.
    """
    if path.suffix.lower() in (".xls", ".ods", ".xlsm"):
        raise FileError(f"{path}: workbooks are written as .xlsx")
    writer = WorkbookWriter if path.suffix.lower() == ".xlsx" else CsvWriter
    count = 0
    with replaced(path) as output:
        names = (*EXPORT_COLUMNS, *sources.names, *(contact_columns() if contact else ()))
        sheet = writer(output.file, names)
        for row in rows:
            cells = [*cells_of(row, zone).values(), *sources.cells(row), *(contact_of(row.body) if contact else ())]
            sheet.row(map(_typed, names, cells) if writer is WorkbookWriter else cells)
            count += 1
        sheet.close()
    return count


def _typed(column: str, cell: str) -> object:
    """A cell as a workbook has it."""
    return Decimal(cell) if cell and column in ("fee", PREVIEWED_COLUMNS[0]) else cell


def is_export(path: Path) -> bool:
    """Whether a file is an earlier export."""
    return tuple(header_in(path)[:7]) == EXPORT_COLUMNS[:7]


def read_resolutions(path: Path, journal: Journal, zone: tzinfo = timezone.utc) -> list[Resolution]:
    """Read an edited export: a resolution for every row that a person has changed.

    Cells are compared by meaning (12,5 is 12.50), and an empty one changes nothing, like a column that is missing. What the
    journal has already is passed over, so a file can be read twice. What a spreadsheet does by itself to a cell that nobody edits (it
    rounds an id, makes a date of an amount) is nobody's wish: it counts only in a row that a person has changed.

    Args:
        path: the file.
        journal: what it was exported from.
        zone: of its times, where a spreadsheet has dropped the zone.

    Raises:
        FileError: names every line that can't be resolved, and why; nothing was resolved.
    """
    mistakes: list[Finding] = []
    found: list[Resolution] = []
    sheet = Sheet(path, ("reference", "state"))
    kept = SourceColumns.of(journal).kept
    known = (*EXPORT_COLUMNS, *contact_columns(), *PREVIEWED_COLUMNS, *kept, *map(neutral, kept))
    sheet.require(known, ("reference", "state"))
    seen: dict[int, _Line] = {}
    for row in sheet:
        try:
            line = _Line.read(row, journal, zone)
            first = seen.setdefault(line.known.id, line)
            if first is line:
                found += line.resolution()
            else:
                line.compare(first)
        except _MistakeError as error:
            mistakes.append(error.mistake)
    if mistakes:
        raise FileError.of(str(path), mistakes[:MAX_FINDINGS], max(0, len(mistakes) - MAX_FINDINGS))
    return found


class _MistakeError(Exception):
    def __init__(self, line: int, column: str | None, text: str) -> None:
        super().__init__(text)
        self.mistake = Finding.of("cell", line, column, why=text)


@attrs.frozen
class _Line:
    """A row of an edited export beside the booking that it is about.

    ``state`` and ``changes`` are what it says: the changes by column, as text, without what means the same in the journal.
    ``damaged``: columns that a spreadsheet has altered, and how. ``sent_again``: it tells of an earlier sending than the journal.
    """

    number: int
    known: JournalRow
    state: State
    changes: Mapping[str, str]
    damaged: Mapping[str, str]
    sent_again: bool

    @classmethod
    def read(cls, row: SheetRow, journal: Journal, zone: tzinfo) -> _Line:
        """Raises `_MistakeError`: it names no booking, or no state."""
        for one in row.findings:
            if one.column is None or one.column in _NAMING:
                raise _MistakeError(one.line, one.column, one.text)
        cells = {name: as_written(name, cell.strip()) for name, cell in row.cells.items()}
        for name in _NAMING:
            if is_damaged(cells.get(name, "")):
                raise _MistakeError(row.line, name, CHECKS["scientific"].text)
        state = cells.get("state", "").lower()
        if not cells.get("reference"):
            raise _MistakeError(row.line, "reference", "is empty")
        if state not in STATES:
            text = f"isn't a state{suggestion(state, STATES)}; there are {', '.join(STATES)}"
            raise _MistakeError(row.line, "state", text)
        known = _known(row.line, cells, journal)
        was = cells_of(known)
        new = {name: cells[name] for name in _EDITABLE if cells.get(name)}
        changes = {name: cell for name, cell in new.items() if meaning(name, cell) != meaning(name, was[name])}
        damaged = {one.column: one.text for one in row.findings if one.column in changes}
        for name, cell in tuple(changes.items()):
            if name not in damaged and (code := altered(name, cell)) is not None:
                damaged[name] = CHECKS[code].text
            if name in damaged and is_rounded(cell, was[name]):
                del changes[name], damaged[name]
        sent_at = cells.get("sent_at")
        sent_again = bool(sent_at) and moment_of(sent_at or "", zone) != moment_of(was["sent_at"], zone)
        return cls(row.line, known, state, changes, damaged, sent_again)

    @property
    def is_change(self) -> bool:
        """Whether it says something new; what a spreadsheet did to a number by itself is nobody's wish."""
        is_new = [name for name in self.changes if name != "note" and name not in self.damaged]
        return self.state != self.known.state or bool(is_new)

    def _mistake(self, column: str | None, text: str) -> _MistakeError:
        return _MistakeError(self.number, column, text)

    def compare(self, other: _Line) -> None:
        """Raise `_MistakeError` if another line says something else of the same booking."""
        mine, others = (
            (line.state, {name: meaning(name, cell) for name, cell in line.changes.items() if name != "note"})
            for line in (self, other)
        )
        if mine != others:
            raise self._mistake("reference", f"contradicts line {other.number}, which is about the same booking")

    def resolution(self) -> Iterator[Resolution]:
        """What is to be changed, if anything is. Raises `_MistakeError`: it can't be."""
        if not self.is_change:
            return
        if self.sent_again:
            raise self._mistake(
                "state", f"it was sent again since the export, and is {self.known.state} now: export it anew"
            )
        for name in self.changes:
            if name in self.damaged:
                raise self._mistake(name, self.damaged[name])
            if self.state != "done" and name != "note":
                raise self._mistake(name, f"only a booking that is done has it, and this one is to be {self.state}")
        if (refusal := why_not(self.known, self.state)) is not None:
            raise self._mistake("state", refusal)
        yield Resolution(
            self.known.reference,
            self.state,
            order_id=self.changes.get("order_id"),
            fee=self._fee(),
            tracking=tuple(self.changes.get("tracking", "").split()),
            account=self.known.account,
            note=self.changes.get("note"),
            shipment=self.known.shipment,
            operation=self.known.operation,
        )

    def _fee(self) -> Money | None:
        if not {"fee", "currency"} & self.changes.keys():
            return None
        was = cells_of(self.known)
        amount, currency = (self.changes.get(name, was[name]) for name in ("fee", "currency"))
        return money_of(amount, currency, self._mistake)


def _known(number: int, cells: Mapping[str, str], journal: Journal) -> JournalRow:
    shipment = cells.get("shipment", "1")
    if not (shipment.isascii() and shipment.isdigit()):
        raise _MistakeError(number, "shipment", "expected a whole number")
    account, operation = cells.get("account"), cells.get("operation")
    try:
        return journal.get(cells["reference"], shipment=int(shipment), account=account, operation=operation)
    except JournalError as error:
        raise _MistakeError(number, "reference", error.message) from None


def money_of(amount: str, currency: str, problem: Callable[[str, str], Exception] | None = None) -> Money:
    """Parse an amount and its currency as people write them.

    Raises:
        RequestError: they are invalid; with ``problem``, the exception that ``problem(column, text)`` returns.
    """
    problem = problem or (lambda column, text: RequestError(f"{column}: {text}", field=column))
    if not (len(currency) == 3 and currency.isascii() and currency.isalpha() and currency.isupper()):
        raise problem("currency", "expected three capital letters, such as USD")
    try:
        money = Money(amount=amount, currency=currency)
    except RequestError as error:
        raise problem("fee", error.message.removeprefix("amount: ")) from None
    if money.amount < 0:
        raise problem("fee", "is below zero")
    return money
