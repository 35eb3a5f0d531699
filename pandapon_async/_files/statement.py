"""A vendor's statement as a table: whatever it calls its columns, those by which its lines are found in the journal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .._errors import suggestion
from .._models.money import Money
from .cells import BLANKS, value_of
from .comparing import StatementLine
from .findings import MAX_FINDINGS, FileError, Finding
from .headers import folded
from .resolutions import money_of
from .sheets import header_of, open_table, shape
from .tables import format_of

if TYPE_CHECKING:
    from .cells import CellKind
    from .tables import Row

WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "order_id": (
        *("order_id", "order id", "vendor's order no", "order no", "order number", "platform order no"),
        *("Auftragsnummer", "Auftrags-Nr", "订单号", "订单编号", "运单订单号"),
    ),
    "reference": (
        *("reference", "your order no", "customer order no", "external order no", "outer order id"),
        *("Referenz", "Bestellnummer", "客户订单号", "外部订单号", "参考号"),
    ),
    "render_id": ("render_id", "render id", "preview no", "quote no", "Angebotsnummer", "预览号", "报价单号"),
    "name": ("name", "receiver", "receiver name", "recipient", "Empfänger", "收件人", "收件人姓名", "收货人"),
    "zip": ("zip", "zip code", "postal code", "postcode", "PLZ", "Postleitzahl", "邮编", "邮政编码"),
    "fee": ("fee", "order fee", "amount", "freight", "cost", "charge", "Gebühr", "Betrag", "运费", "费用", "金额"),
    "currency": ("currency", "currency code", "Währung", "币种", "货币"),
}
"""What statements call what we look for, without regard to case, blanks, ``_``, ``.`` and ``-``."""
_KINDS: Final[Mapping[str, CellKind]] = {"name": "text", "zip": "text", "fee": "decimal", "currency": "text"}


def read_statement(path: Path, mapped: Mapping[str, str], decimal: str = ".") -> list[StatementLine]:
    """The lines of a statement, in CSV or a workbook.

    Args:
        path: the file.
        mapped: its columns by name, to ours: ``order_id``, ``reference``, ``render_id``, ``name``, ``zip``, ``fee``, ``currency``.
        decimal: the decimal sign of its amounts.

    Raises:
        FileError: it can't be read, doesn't say which column is which, or has cells that can't be read: line and column are named.
    """
    name = str(path)
    kind, _ = format_of(path, name, None)
    if kind == "json":
        raise FileError.whole(name, "json-no-table")
    table = open_table(path, name, kind)
    known = _known(mapped)
    header, _ = header_of(table, lambda cells: len({folded(cell) for cell in cells} & known.keys()))
    if header is None:
        raise FileError(f"{name}: holds nothing")
    places = _places(name, header, known, mapped)
    lines: list[StatementLine] = []
    findings: list[Finding] = []
    for row in table.rows():
        if row.line <= header.line:
            continue
        wrong = shape(row, len(header.cells))
        line = wrong or _line(row, places, decimal)
        if isinstance(line, Finding):
            findings.append(line)
        else:
            lines.append(line)
    if findings:
        raise FileError.of(name, findings[:MAX_FINDINGS], max(0, len(findings) - MAX_FINDINGS))
    return lines


def _known(mapped: Mapping[str, str]) -> dict[str, str]:
    found = {folded(word): ours for ours, words in WORDS.items() for word in words}
    for theirs, ours in mapped.items():
        if ours not in WORDS:
            raise FileError(
                f"{theirs}={ours}: {ours} is no column of a statement{suggestion(ours, WORDS)}; there are {', '.join(WORDS)}"
            )
        found = {word: name for word, name in found.items() if name != ours} | {folded(theirs): ours}
    return found


def _places(name: str, header: Row, known: Mapping[str, str], mapped: Mapping[str, str]) -> dict[str, int]:
    """Where each column that we know stands."""
    places: dict[str, int] = {}
    for index, title in enumerate(header.cells):
        ours = known.get(folded(title))
        if ours is not None and places.setdefault(ours, index) != index:
            raise FileError.of(
                name, [Finding.of("double-column", header.line, title, other=header.cells[places[ours]])]
            )
    for theirs, ours in mapped.items():
        if ours not in places:
            raise FileError(f"{name}: has no column {theirs}")
    if not {"order_id", "reference", "render_id"} & places.keys():
        raise FileError(f"{name}: which column is the vendor's order no.? Say it: --map THEIRS=order_id")
    return places


def _line(row: Row, places: Mapping[str, int], decimal: str) -> StatementLine | Finding:
    texts: dict[str, str] = {}
    for ours, index in places.items():
        text = row.cells[index].strip(BLANKS)
        code = row.damage.get(index)
        value, found = value_of(text, _KINDS.get(ours, "id"), decimal, meant=False) if text else ("", None)
        if code is not None or (text and value is None):
            return Finding.of(code or found or "cell", row.line, ours, why="can't be read", sign=decimal)
        texts[ours] = str(value)
    fee, currency = texts.pop("fee", ""), texts.pop("currency", "")
    money = _money(row, fee, currency) if fee else None
    return money if isinstance(money, Finding) else StatementLine(line=row.line, fee=money, **texts)


def _money(row: Row, fee: str, currency: str) -> Money | Finding | None:
    if not currency:
        return None  # an amount of nobody knows what can't be compared

    def wrong(column: str, why: str) -> FileError:
        return FileError.of("", [Finding.of("cell", row.line, column, why=why)])

    try:
        return money_of(fee, currency.upper(), wrong)
    except FileError as error:
        return error.findings[0]
