"""Files of quote requests: CSV in, estimates out, every mistake named by its line and column."""

from __future__ import annotations

import csv
import io
import itertools
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs

from ..api.logistics import FreightEstimateRequest, ReceiverAddress
from ..errors import RequestError
from ..model import members_of, suggestion, to_decimal, wire_name
from .asks import Ask
from .cells import plain
from .outcome import InputError
from .records import Problem

_ITEM = ("item_id", "sku_id", "quantity", "price", "currency")
_ADDRESS = tuple(member.name for member, _ in members_of(ReceiverAddress))
_NEEDED = ("item_id", "sku_id", "country")
QUOTE_COLUMNS = (
    "reference",
    *_ITEM,
    *sorted(_ADDRESS, key=("country", "state", "city", "zip").__contains__, reverse=True),
)
"""The columns of a quote file; ``item_id``, ``sku_id`` and ``country`` are needed, ``quantity`` is 1 unless given."""
_DELIMITERS = ",;\t"
_MOST_PROBLEMS = 100
_SPREADSHEET = re.compile(r"\d[.,]?\d*[eE]\+?\d+")


@attrs.frozen
class _Cell:
    """One cell: its column's number from 1 and name, and what it holds, which no error shows: columns may be mixed up, and
    then it is personal."""

    number: int
    name: str
    text: str

    def wrong(self, reason: str) -> RequestError:
        return RequestError(f"column {self.number} ({self.name}): {reason}", field=self.name)


def read_quote_file(path: str | os.PathLike[str]) -> list[Ask]:
    """The estimates of a CSV file (comma, semicolon or tab; UTF-8 with or without BOM), one a line.

    A column may also have the vendors' name, such as ``itemId`` or ``receiverAddress.zip``.

    Raises:
        InputError: all mistakes of the first hundred wrong lines, each named by line and column.
        OSError: the file can't be read.
    """
    content = Path(path).read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(f"line {line}: not UTF-8; save it as 'CSV UTF-8'") from None
    asks: list[Ask] = []
    problems: list[Problem] = []
    rows = _rows(text)
    columns = _columns([title for _, head in itertools.islice(rows, 1) for title in head])
    for line, cells in rows:
        try:
            asks.append(_ask([_Cell(n, name, text) for n, (name, text) in enumerate(_paired(columns, cells), 1)]))
        except RequestError as error:
            problems.append(Problem(line, error.reference or "", f"line {line}, {error.message}"))
            if len(problems) >= _MOST_PROBLEMS:
                break
    if problems:
        raise InputError("; ".join(problem.text for problem in problems[:10]) + _more(len(problems)), problems=problems)
    if not asks:
        raise InputError("line 2: there is nothing to quote")
    return asks


def _more(count: int) -> str:
    return f"; and {count - 10} more" if count > 10 else ""


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each row with the number of its first line; empty ones are left out."""
    head = text.split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise InputError(f"line {line}: {error}") from None
        if any(cell.strip() for cell in row):
            yield line, row
        line = reader.line_num + 1


def _columns(head: Sequence[str]) -> list[str]:
    known = _names()
    columns: list[str] = []
    for number, title in enumerate(head, 1):
        name = known.get(title.strip().lower())
        if name is None:
            raise InputError(
                f"line 1, column {number}: there is no column {title.strip()!r}{suggestion(title.strip(), QUOTE_COLUMNS)}"
            )
        if name in columns:
            raise InputError(f"line 1, column {number}: {name} stands there twice")
        columns.append(name)
    if missing := [name for name in _NEEDED if name not in columns]:
        raise InputError(f"line 1: the column {missing[0]} is missing; there may be {', '.join(QUOTE_COLUMNS)}")
    return columns


def _names() -> Mapping[str, str]:
    """Every way to write a column's name, in lower case, and the column."""
    names = {name: name for name in QUOTE_COLUMNS}
    for member, _ in members_of(FreightEstimateRequest):
        if member.name in _ITEM:
            names[wire_name(member).lower()] = member.name
    for member, _ in members_of(ReceiverAddress):
        names[wire_name(member).lower()] = member.name
        names[f"receiveraddress.{wire_name(member).lower()}"] = member.name
    return names


def _paired(columns: Sequence[str], cells: Sequence[str]) -> list[tuple[str, str]]:
    if len(cells) > len(columns) and any(cell.strip() for cell in cells[len(columns) :]):
        raise RequestError(f"column {len(columns) + 1}: there are more cells than columns")
    filled = [*cells, *[""] * (len(columns) - len(cells))]
    return list(zip(columns, filled, strict=False))


def _ask(cells: Sequence[_Cell]) -> Ask:
    found = {cell.name: attrs.evolve(cell, text=plain(cell.text.strip())) for cell in cells}
    for name in _NEEDED:
        if not found[name].text:
            raise found[name].wrong("is empty")
    item: dict[str, Any] = {"quantity": 1}
    item |= {name: _checked(found[name]) for name in _ITEM if name in found and found[name].text}
    address: dict[str, Any] = {name: found[name].text for name in _ADDRESS if name in found and found[name].text}
    request = FreightEstimateRequest(**item, receiver_address=ReceiverAddress(**address))
    reference = found["reference"].text if "reference" in found else ""
    return Ask(request=request, reference=reference or None)


def _checked(cell: _Cell) -> Any:
    """What a cell holds, as the request takes it."""
    if cell.name in ("item_id", "sku_id") and _SPREADSHEET.fullmatch(cell.text):
        raise cell.wrong(
            f"{cell.text} is an id that a spreadsheet has rounded: format the column as text and fill it anew"
        )
    if cell.name == "quantity":
        return _quantity(cell)
    return _price(cell) if cell.name == "price" else cell.text


def _quantity(cell: _Cell) -> int:
    if cell.text.isascii() and cell.text.isdigit() and 0 < len(cell.text) < 10 and int(cell.text) > 0:
        return int(cell.text)
    raise cell.wrong("must be a whole number of at least 1")


def _price(cell: _Cell) -> Decimal:
    try:
        price = to_decimal(cell.text, cell.name)
    except RequestError:
        raise cell.wrong("must be a number such as 12.50") from None
    if price < 0:
        raise cell.wrong("must not be below 0")
    return price
