"""The file of offers: written for a person to choose in, and read again: exactly one is taken for each order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import attrs

from .._files.csv_table import CsvWriter
from .._files.findings import MAX_FINDINGS, FileError, Finding
from .._files.outputs import check_output, replaced
from .._files.sheets import Sheet, SheetRow, header_in
from .._files.workbooks import WorkbookWriter
from .offers import Offer, QuotedOrder

COLUMNS: Final = (
    "reference",
    "destination",
    "goods",
    "account",
    "service_id",
    "company",
    "category",
    "price",
    "currency",
    "take",
    "note",
)
_YES: Final = ("x", "1", "y", "yes", "true", "take", "ja", "wahr", "是", "真")
_NO: Final = ("", "0", "-", "n", "no", "false", "nein", "falsch", "否", "假")
_MARK: Final = "x"


@attrs.frozen
class Choice:
    """What was taken for an order; ``is_advised``: the rules would have allowed it."""

    account: str
    service_id: str
    company: str
    category: str
    is_advised: bool


def check_offers(path: Path, kept: Iterable[Path]) -> None:
    """Refuse a path to which `write_offers` could not write.

    Raises:
        FileError: there is something else; or it has another format.
    """
    if path.suffix.lower() not in (".csv", ".xlsx"):
        raise FileError(f"{path}: offers are written as .xlsx or .csv")
    check_output(path, kept, lambda there: tuple(header_in(there)) == COLUMNS)


def write_offers(path: Path, offers: Iterable[Offer], kept: Iterable[Path]) -> Path:
    """Write offers; where they are then.

    Raises:
        FileError: there is something else.
        OSError: it can't be written.
    """
    check_offers(path, kept)
    with replaced(path) as output:
        is_workbook = path.suffix.lower() == ".xlsx"
        writer = (WorkbookWriter if is_workbook else CsvWriter)(output.file, COLUMNS)
        for offer in offers:
            writer.row(_cells(offer))
        if isinstance(writer, WorkbookWriter):
            writer.close()
    return output.path


def _cells(offer: Offer) -> list[str]:
    order, price = offer.order, offer.price
    return [
        order.reference,
        order.destination,
        order.goods,
        offer.account,
        offer.service_id or "",
        offer.company or "",
        offer.category or "",
        "" if price is None else f"{price.amount:f}",
        "" if price is None else price.currency,
        _MARK if offer.is_taken else "",
        offer.note,
    ]


def read_choices(
    path: Path, orders: Mapping[str, QuotedOrder], accounts: Sequence[str], source: str
) -> dict[str, Choice]:
    """What was taken, by reference.

    Args:
        path: the file of offers, as a person has left it.
        orders: those of the booking file by reference.
        accounts: those that there are.
        source: the booking file's name.

    Raises:
        FileError: the first hundred mistakes, by line and column: an order has none or several that are taken, isn't in the
            booking file, has other goods there, or what is taken can't be.
    """
    sheet = Sheet(path, COLUMNS[:-1])
    sheet.require(COLUMNS, COLUMNS[:-1])
    reader = _Reader(orders, accounts, source)
    for row in sheet:
        reader.read(row)
    for reference, line in reader.lines.items():
        if reference not in reader.choices and reference not in reader.wrong:
            reader.find(
                line, "take", f"order {reference} has no offer that is taken: write {_MARK} into one of its lines"
            )
    for reference in orders:
        if reference not in reader.lines:
            reader.find(1, "reference", f"order {reference} of {source} has no offer here: quote it again")
    if reader.findings:
        findings = sorted(reader.findings, key=lambda finding: finding.line)
        raise FileError.of(str(path), findings[:MAX_FINDINGS], len(findings[MAX_FINDINGS:]))
    return reader.choices


@attrs.define
class _Reader:
    orders: Mapping[str, QuotedOrder]
    accounts: Sequence[str]
    source: str
    choices: dict[str, Choice] = attrs.field(factory=dict[str, Choice])
    lines: dict[str, int] = attrs.field(factory=dict[str, int])
    wrong: set[str] = attrs.field(factory=set[str])
    findings: list[Finding] = attrs.field(factory=list[Finding])
    _taken_at: dict[str, int] = attrs.field(factory=dict[str, int])

    def find(self, line: int, column: str, why: str) -> None:
        """Note a mistake."""
        self.findings.append(Finding.of("cell", line, column, why=why))

    def read(self, row: SheetRow) -> None:
        """Take one line in."""
        cells = {name: row.cells.get(name, "").strip() for name in COLUMNS}
        reference = cells["reference"]
        order = self.orders.get(reference)
        needed = [one for one in row.findings if one.column not in ("price", "currency", "note", "take")]
        if needed:
            self.findings += needed
            self.wrong.add(reference)
        elif order is None:
            self.find(row.line, "reference", f"isn't an order of {self.source}")
        elif (cells["goods"], cells["destination"]) != (order.goods, order.destination):
            column = "goods" if cells["goods"] != order.goods else "destination"
            self.find(row.line, column, f"isn't what {self.source} has now: quote it again")
            self.wrong.add(reference)
        if order is None:
            return
        self.lines.setdefault(reference, row.line)
        word = cells["take"].casefold()
        taken = word in _YES
        if not taken and word not in _NO:
            self.find(row.line, "take", f"expected {_MARK}, or nothing")
            self.wrong.add(reference)
        elif taken and not needed:
            self._take(row.line, cells, order)

    def _take(self, line: int, cells: Mapping[str, str], order: QuotedOrder) -> None:
        reference, account = order.reference, cells["account"]
        if (other := self._taken_at.setdefault(reference, line)) != line:
            self.find(line, "take", f"order {reference} has another offer that is taken, in line {other}")
        elif account not in self.accounts or (order.account is not None and account != order.account):
            self.find(line, "account", f"isn't {order.account or 'an account: there are ' + ', '.join(self.accounts)}")
        elif not cells["service_id"]:
            self.find(line, "service_id", "is empty: there is no service to take")
        else:
            names = (cells["service_id"], cells["company"], cells["category"])
            self.choices[reference] = Choice(account, *names, is_advised=not cells["note"])
            return
        self.wrong.add(reference)
