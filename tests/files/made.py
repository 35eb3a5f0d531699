"""Files made as people make them: what a case of the corpus is, and how each kind of file is written."""

from __future__ import annotations

import csv
import datetime
import io
import zipfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import attrs
import openpyxl
import xlsxwriter  # type: ignore[import-untyped]
import xlwt  # type: ignore[import-untyped]

from pandapon_async._files.reading import Reading

HEADER = (
    *("reference", "renderId", "receiverAddress.name", "receiverAddress.country", "receiverAddress.zip"),
    *("itemId", "skuId", "quantity", "price", "currency"),
)
ROWS = (
    ("o-1", "FF1", "Jane Example", "US", "01000", "624000000000001", "5000001", "2", "12.50", "USD"),
    ("o-2", "FF2", "Max Muster", "DE", "10115", "624000000000002", "5000002", "1", "3.20", "EUR"),
    ("o-2", "FF2", "Max Muster", "DE", "10115", "624000000000003", "5000003", "3", "0.99", "EUR"),
    ("o-3", "FF3", "Ana Ejemplo", "MX", "06000", "624000000000004", "5000004", "1", "7", "USD"),
)


def body(rows: Sequence[Sequence[str]], header: Sequence[str] = HEADER) -> dict[str, Any]:
    """What whoever made the rows of an order meant, as the vendor takes it."""
    first, found = dict(zip(header, rows[0], strict=True)), []
    for row in rows:
        cells = dict(zip(header, row, strict=True))
        item: dict[str, Any] = {name: cells[name] for name in ("itemId", "skuId") if cells.get(name)}
        item["quantity"] = int(cells["quantity"])
        item.update({name: cells[name] for name in ("price", "currency", "title") if cells.get(name)})
        if cells.get("freightInfo.serviceId"):
            item["freightInfo"] = {"serviceId": cells["freightInfo.serviceId"]}
        found.append(item)
    receiver = {
        name.partition(".")[2]: cell for name, cell in first.items() if name.startswith("receiverAddress.") and cell
    }
    return {"renderId": first["renderId"], "receiverAddress": receiver, "lineItems": found}


def meant(rows: Iterable[Sequence[str]] = ROWS, header: Sequence[str] = HEADER) -> dict[str, dict[str, Any]]:
    """The orders of rows, by reference."""
    orders: dict[str, list[Sequence[str]]] = {}
    for row in rows:
        orders.setdefault(row[0], []).append(row)
    return {reference: body(one, header) for reference, one in orders.items()}


@attrs.frozen
class Case:
    """One file of the corpus: how it is made, how it is read, and what must come of it.

    ``orders``: what is booked, by reference; ``found``: every other finding, as (line, column, code); ``refused``: a part of the
    sentence with which the whole file is refused.
    """

    name: str
    make: Callable[[Path], None]
    reading: Reading = Reading()
    orders: dict[str, dict[str, Any]] = attrs.field(factory=dict[str, dict[str, Any]])
    found: tuple[tuple[int, str | None, str], ...] = ()
    refused: str | None = None
    said: str | None = None
    file: str = "orders.csv"
    kept: dict[str, dict[str, str]] = attrs.field(factory=dict[str, dict[str, str]])


def lines(
    rows: Iterable[Sequence[str]] = ROWS,
    header: Sequence[str] = HEADER,
    *,
    delimiter: str = ",",
    end: str = "\r\n",
    quoting: Any = csv.QUOTE_MINIMAL,
) -> str:
    """Rows as CSV."""
    text = io.StringIO(newline="")
    # Python 3.10 writes no NUL.
    cells = [[cell.replace("\0", "\ue000") for cell in row] for row in (header, *rows)]
    csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting).writerows(cells)
    return text.getvalue().replace("\ue000", "\0")


def content(data: str | bytes, encoding: str = "utf-8") -> Callable[[Path], None]:
    """A file with this content."""
    return lambda path: path.write_bytes(data if isinstance(data, bytes) else data.encode(encoding)) and None


def by_openpyxl(rows: Sequence[Sequence[Any]], change: Callable[[Any], None] | None = None) -> Callable[[Path], None]:
    """A workbook as scripts write it: numbers as numbers, ``=...`` as formulas without a value."""

    def make(path: Path) -> None:
        book = openpyxl.Workbook()
        sheet: Any = book.active
        for row in rows:
            sheet.append(list(row))
        if change is not None:
            change(book)
        with path.open("wb") as file:
            book.save(file)

    return make


def by_xlsxwriter(
    rows: Sequence[Sequence[Any]], change: Callable[[Any, Any], None] | None = None
) -> Callable[[Path], None]:
    """A workbook as Excel writes it: shared strings, formulas with their values."""

    def make(path: Path) -> None:
        with path.open("wb") as file, xlsxwriter.Workbook(file, {"strings_to_urls": False}) as book:
            sheet = book.add_worksheet("Orders")
            for number, row in enumerate(rows):
                for column, cell in enumerate(row):
                    if isinstance(cell, str):
                        sheet.write_string(number, column, cell)
                    else:
                        sheet.write(number, column, cell)
            if change is not None:
                change(book, sheet)

    return make


DATE = datetime.date(2024, 5, 1)


def by_xlwt(rows: Sequence[Sequence[Any]], change: Callable[[Any, Any], None] | None = None) -> Callable[[Path], None]:
    """A workbook of Excel 97."""

    def make(path: Path) -> None:
        book = xlwt.Workbook()
        sheet = book.add_sheet("Orders", cell_overwrite_ok=True)
        date = xlwt.easyxf(num_format_str="yyyy-mm-dd")
        for number, row in enumerate(rows):
            for column, cell in enumerate(row):
                sheet.write(number, column, cell, *([date] if isinstance(cell, datetime.date) else []))
        if change is not None:
            change(book, sheet)
        with path.open("wb") as file:
            book.save(file)

    return make


@attrs.frozen
class Odf:
    """A cell of an ods table as its XML."""

    attributes: str
    inside: str = ""


def by_libreoffice(rows: Sequence[Sequence[str | float | Odf]], hidden: Sequence[int] = ()) -> Callable[[Path], None]:
    """A workbook as LibreOffice has it, by hand; ``hidden``: rows, from 1."""

    def cell(value: str | float | Odf) -> str:
        if isinstance(value, str):
            value = Odf('office:value-type="string"', f"<text:p>{escape(value)}</text:p>")
        elif not isinstance(value, Odf):
            value = Odf(f'office:value-type="float" office:value="{value}"', f"<text:p>{value}</text:p>")
        return f"<table:table-cell {value.attributes}>{value.inside}</table:table-cell>"

    def row(number: int, cells: Sequence[str | float | Odf]) -> str:
        visibility = ' table:visibility="filter"' if number in hidden else ""
        return f"<table:table-row{visibility}>{''.join(map(cell, cells))}</table:table-row>"

    names = ("office", "table", "text")
    spaces = " ".join(f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in names)
    spaces += ' xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"'
    inside = "".join(row(number, cells) for number, cells in enumerate(rows, start=1))
    xml = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {spaces}><office:body><office:spreadsheet>'
        f'<table:table table:name="Sheet1">{inside}</table:table></office:spreadsheet></office:body></office:document-content>'
    )

    def make(path: Path) -> None:
        manifest = (
            '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
            '<manifest:file-entry manifest:full-path="/" manifest:media-type="application/vnd.oasis.opendocument.spreadsheet"/>'
            '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/></manifest:manifest>'
        )
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
            archive.writestr("content.xml", xml)
            archive.writestr("META-INF/manifest.xml", manifest)

    return make
