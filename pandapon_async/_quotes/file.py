"""Quote request files: CSV in, estimate requests out, every mistake located by line and column."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from .._errors import RequestError
from .._files.columns import REFERENCE, Column, columns_of, put, value_of
from .._files.csv_table import read_header
from .._files.findings import MAX_FINDINGS, FileError, Finding
from .._files.sheets import Sheet, SheetRow
from .._models.converters import from_wire
from ..api.logistics import FreightEstimateRequest
from .requests import SweepRequest

_REQUIRED = ("item_id", "sku_id", "country")
_FIRST = (*_REQUIRED, "quantity", "price", "currency", "state", "city", "zip")


@functools.cache
def _columns() -> Mapping[str, Column]:
    """The columns by short name, such as ``item_id`` or ``zip``."""
    found = {_short(column): column for column in columns_of(FreightEstimateRequest)}
    return {name: found[name] for name in (*_FIRST, *found)}


def _short(column: Column) -> str:
    return re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", column.path[-1])


def quote_columns() -> tuple[str, ...]:
    """The columns a quote file can have; ``item_id``, ``sku_id`` and ``country`` are required, ``quantity`` defaults to 1."""
    return (REFERENCE, *_columns())


def is_quote_file(path: Path) -> bool:
    """Whether a file is a list of prices to ask, by its short names of columns; else it is a file of bookings."""
    titles = {title.strip() for title in read_header(path)}
    return titles >= {*_REQUIRED} and titles <= {*quote_columns()}


def read_quote_file(path: str | os.PathLike[str]) -> list[SweepRequest]:
    """Read estimate requests from a CSV file (comma, semicolon or tab; UTF-8 with or without BOM), one per line.

    Columns may also have the wire name, such as ``itemId`` or ``receiverAddress.zip``.

    Raises:
        FileError: the first hundred mistakes, with line and column.
    """
    file = Path(path)
    requests: list[SweepRequest] = []
    mistakes: list[Finding] = []
    sheet = Sheet(file)
    names = _names_of(sheet)
    for row in sheet:
        made = _request_of(row, names)
        if isinstance(made, SweepRequest):
            requests.append(made)
        else:
            mistakes += made
        if len(mistakes) >= MAX_FINDINGS:
            break
    if mistakes:
        raise FileError.of(str(file), mistakes)
    if not requests:
        raise FileError(f"{file}: contains nothing to quote")
    return requests


def _names_of(sheet: Sheet) -> dict[str, str]:
    """The file's column titles, by short name.

    Raises:
        FileError: a column is unknown, missing or duplicated.
    """
    wire = {column.name: name for name, column in _columns().items()}
    if not any(title in quote_columns() or title in wire for title in sheet.columns):
        missing = f"the columns are {', '.join(_REQUIRED)}, and optionally {', '.join(quote_columns())}"
        raise FileError(f"{sheet.name}: line 1: not the header of a quote file: {missing}")
    sheet.require((*quote_columns(), *wire))
    titles: dict[str, str] = {}
    for title in sheet.columns:
        name = wire.get(title, title)
        if name in titles:
            raise FileError.of(sheet.name, [Finding.of("cell", 1, title, why=f"is the same as {titles[name]}")])
        titles[name] = title
    for name in _REQUIRED:
        if name not in titles:
            raise FileError.of(sheet.name, [Finding.of("cell", 1, name, why="is missing")])
    return titles


def _request_of(row: SheetRow, titles: Mapping[str, str]) -> SweepRequest | list[Finding]:
    """One row's request, or its mistakes."""
    mistakes = list(row.findings)
    members: dict[str, Any] = {"quantity": 1}
    for name, title in titles.items():
        cell = row.cells.get(title, "").strip()
        if not cell and name in _REQUIRED and not row.findings:
            mistakes.append(Finding.of("cell", row.line, title, why="is empty"))
        if not cell or name == REFERENCE:
            continue
        value = value_of(_columns()[name], cell, row.line)
        if isinstance(value, Finding):
            mistakes.append(attrs.evolve(value, column=title))
        else:
            put(members, _columns()[name], value)
    return mistakes or _estimate(row, members, titles)


def _estimate(row: SheetRow, members: dict[str, Any], titles: Mapping[str, str]) -> SweepRequest | list[Finding]:
    try:
        request = from_wire(FreightEstimateRequest, members)
    except RequestError as error:
        text = error.message.removeprefix(f"{error.field}: ")
        return [Finding.of("cell", row.line, _title(error.field, titles), why=text)]
    if request.price is not None and request.price < 0:
        return [Finding.of("cell", row.line, titles["price"], why="must not be below 0")]
    return SweepRequest(request=request, reference=row.cells.get(titles.get(REFERENCE, REFERENCE), "").strip() or None)


def _title(field: str | None, titles: Mapping[str, str]) -> str | None:
    """The file's column title for a wire path."""
    return next((titles[name] for name, column in _columns().items() if column.name == field and name in titles), field)
