"""The corpus, second half: files that were damaged on their way; what is wrong or held is named, the rest is booked as meant."""

from __future__ import annotations

import datetime
import gzip
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import xlwt  # type: ignore[import-untyped]

from pandapon_async._files.reading import Reading

from .corpus_meant import ALL, CHINESE, CHINESE_ROWS, COMMA_ROWS, GERMAN, WESTERN_ROWS
from .made import (
    DATE,
    HEADER,
    ROWS,
    Case,
    Odf,
    by_libreoffice,
    by_openpyxl,
    by_xlsxwriter,
    by_xlwt,
    content,
    lines,
    meant,
)

AT = {name: number for number, name in enumerate(HEADER)}
REST = meant(ROWS[1:])


def with_cell(column: str, text: Any) -> list[tuple[Any, ...]]:
    """The rows with another cell in the first order."""
    first: list[Any] = list(ROWS[0])
    first[AT[column]] = text
    return [tuple(first), *ROWS[1:]]


def cell(what: str, column: str, text: str, code: str, **more: Any) -> Case:
    """A CSV file with one damaged cell in its first order."""
    facts: dict[str, Any] = {"orders": REST, "found": ((2, column, code),), **more}
    return Case(f"{what} in {column}", content(lines(with_cell(column, text))), **facts)


ITEM, REFERENCE, RENDER, NAME, ZIP, COUNTRY = (
    *("itemId", "reference", "renderId", "receiverAddress.name", "receiverAddress.zip", "receiverAddress.country"),
)

CELLS = [
    cell("2.04E+15", ITEM, "6.24E+14", "scientific"),
    cell("2,04E+15", ITEM, "6,24E+14", "scientific"),
    cell("12E4", RENDER, "12E4", "scientific"),
    cell("1001.0", ITEM, "624000000000001.0", "decimals"),
    cell("thousands", ITEM, "624,000,000,000,001", "grouped"),
    cell("thousands by points", ITEM, "624.000.000.000.001", "grouped"),
    cell("thousands by narrow blanks", ITEM, "624\u202f000\u202f000\u202f000\u202f001", "grouped"),
    cell('="01000"', ZIP, '="01000"', "formula"),
    cell("an apostrophe", ZIP, "'01000", "apostrophe"),
    cell("a typographic apostrophe", ZIP, "’01000", "apostrophe"),
    cell("a blank", ITEM, "624000 000000001", "blank-inside"),
    cell("a no-break space", RENDER, "FF\u00a01", "blank-inside"),
    cell("a line break", RENDER, "FF\n1", "blank-inside"),
    cell("a line break", NAME, "Jane\nExample", "line-break"),
    cell("a zero-width space", ITEM, "624000\u200b000000001", "invisible"),
    cell("a byte order mark", REFERENCE, "\ufeffo-1", "invisible"),
    cell("a mark of direction", "skuId", "500\u200e0001", "invisible"),
    cell("a replacement character", NAME, "J\ufffdrgen", "lost-characters"),
    cell("UTF-8 read as Western", NAME, "JÃ¼rgen GrÃ¶ÃŸe", "lost-characters"),
    cell("UTF-8 read as Western: Chinese", NAME, "å¼ ä¸‰", "lost-characters"),
    cell("UTF-8 read as Chinese", NAME, "张三丰李小龙".encode().decode("gb18030"), "lost-characters"),
    cell("Chinese read as Western", NAME, "张三丰".encode("gb18030").decode("latin-1"), "lost-characters"),
    cell("UTF-8 read as DOS", NAME, "J├╝rgen", "lost-characters"),
    cell("a famous loss", NAME, "锟斤拷", "lost-characters"),
    cell("a NUL", NAME, "Jane\0", "control-character"),
    cell("question marks", NAME, "J?rgen", "question-marks"),
    cell("only question marks", NAME, "???", "question-marks"),
    *(
        cell(f"the error {word}", column, word, "error-word")
        for word, column in (
            *(
                ("#WERT!", ITEM),
                ("#VALEUR!", ITEM),
                ("Err:504", ITEM),
                ("#N/A", NAME),
                ("#NV", ITEM),
                ("#NAME?", RENDER),
            ),
            *(
                ("#REF!", ZIP),
                ("#BEZUG!", "quantity"),
                ("#DIV/0!", "price"),
                ("#¡VALOR!", NAME),
                ("#ЗНАЧ!", NAME),
                ("#Н/Д", ZIP),
            ),
            *(
                ("########", ITEM),
                ("#NOME?", NAME),
                ("Fehler:502", ITEM),
                ("#值!", NAME),
                ("#ARG!", ITEM),
                ("#BRAK", NAME),
            ),
        )
    ),
    cell("a number with a comma", "price", "12,50", "number"),
    cell("a number with thousands", "price", "1,234.50", "number"),
    cell("a sum with its currency", "price", "$12.50", "number"),
    cell("thousands, or three decimals,", "price", "1.234", "thousands"),
    cell("a fraction", "quantity", "2.0", "whole-number"),
    cell("thousands", "quantity", "1,000", "whole-number"),
    cell("a word", "quantity", "two", "whole-number"),
    cell("digits of another script", "quantity", "２", "full-width"),
    cell("nothing", "quantity", "", "no-quantity"),
    cell("below one", "quantity", "0", "member"),
    cell("nothing", COUNTRY, "", "no-country"),
    cell("nothing", RENDER, "", "no-render-id"),
    cell("nothing", ITEM, "", "no-item"),
    cell("nothing", REFERENCE, "", "no-reference"),
    cell("no country", COUNTRY, "Jermany", "unknown-country"),
    cell("a code of three letters", COUNTRY, "XYZ", "unknown-country"),
    cell("a lost zero", ZIP, "1000", "short-zip"),
    *(
        cell(f"{word}, a program's word for nothing,", ITEM, word, "placeholder")
        for word in ("nan", "undefined", "None", "-")
    ),
    *(cell(f"{word}, a program's word for nothing,", ZIP, word, "placeholder") for word in ("NULL", "N/A", "(null)")),
    *(cell(f"{word}, a word for a sum,", ITEM, word, "placeholder") for word in ("Total", "合计")),
    *(
        cell(f"{day}, a date made of an id,", "skuId", day, "date")
        for day in ("1-May", "2024-05-01", "2024/5/1", "01.05.2024", "5月1日")
    ),
    cell("digits of full width", ITEM, "６２４０００", "full-width"),
    cell("digits of full width", ZIP, "０１０００", "full-width"),
    *(cell(f"{mark}, markup of a web page,", NAME, f"Jane {mark} Joe", "markup") for mark in ("&amp;", "<br>")),
    cell("a lost zero of nine digits", ZIP, "1000-1234", "short-zip"),
]


def text(
    what: str, data: str | bytes, *found: tuple[int, str | None, str], encoding: str = "utf-8", **more: Any
) -> Case:
    """A file of text with these findings."""
    return Case(what, content(data, encoding), **{"orders": REST, "found": found, **more})


LINES = lines().split("\r\n")
SHAPES = [
    text(
        "a short last row", "\r\n".join([*LINES[:4], "o-3,FF3,Ana"]), (5, None, "cells-missing"), orders=meant(ROWS[:3])
    ),
    text("an unquoted comma", lines().replace("Jane Example", "Example, Jane"), (2, None, "cells-extra")),
    text(
        "an unquoted line break",
        lines().replace("Jane Example", "Jane\r\nExample"),
        (2, None, "cells-missing"),
        (3, None, "cells-missing"),
    ),
    text(
        "an unquoted line break in the first cell",
        lines().replace("o-1,", "o-\r\n1,"),
        *((2, None, "cells-missing"), (3, None, "cells-torn")),
    ),
    text("a separator too few", lines().replace("o-1,FF1", "o-1FF1"), (2, None, "cells-missing")),
    text(
        "two rows on one line",
        lines([ROWS[0], ROWS[3], ROWS[1], ROWS[2]]).replace("USD\r\no-3", "USDo-3"),
        (2, None, "cells-extra"),
        orders=meant(ROWS[1:3]),
    ),
    text(
        "a quotation mark that isn't closed",
        lines([*ROWS[1:], ROWS[0]]).replace("o-1,FF1", 'o-1,"FF1'),
        (5, None, "not-csv"),
    ),
    text(
        "a quotation mark without its partner",
        lines().replace("Jane Example", 'Jane "Example'),
        (2, NAME, "stray-quote"),
    ),
    text(
        "a quotation mark too many before good rows",
        lines([(*ROWS[0][:2], 'Jane, "J"', *ROWS[0][3:]), *ROWS[1:]]).replace("o-2,FF2", 'o-2,"FF2', 1),
        (3, None, "not-csv"),
        orders=meant([(*ROWS[0][:2], 'Jane, "J"', *ROWS[0][3:]), ROWS[3]]),
    ),
    text(
        "rows that differ",
        lines([*ROWS[:2], (*ROWS[2][:3], "FR", *ROWS[2][4:]), ROWS[3]]),
        (4, COUNTRY, "differs"),
        orders=meant([ROWS[0], ROWS[3]]),
    ),
    text(
        "a blank row of an order at the top",
        lines([("", "", "", "", "", *ROWS[0][5:9], ""), *ROWS[1:]]),
        *((2, REFERENCE, "continues-nothing"), (2, RENDER, "no-render-id"), (2, COUNTRY, "no-country"))[:1],
    ),
    text(
        "a row of an item below a blank row",
        "\r\n".join([*LINES[:2], "", ",,,,,624000000000009,,1,,", *LINES[2:]]),
        (4, REFERENCE, "continues-nothing"),
        orders=ALL,
    ),
    text(
        "a row of totals below the last order",
        lines([*ROWS, ("", "", "", "", "", "Sum", "", "7", "", "")]),
        (6, ITEM, "placeholder"),
        orders=meant(ROWS[:3]),
    ),
    text(
        "a row of totals behind a blank one",
        lines() + ",,,,,,,,,\r\n,,,,,,,7,23.69,\r\n",
        (7, REFERENCE, "continues-nothing"),
        orders=ALL,
    ),
    text(
        "a sentence below the table",
        lines() + "Total: 4 orders\r\n",
        (5, None, "cells-torn"),
        (6, None, "cells-missing"),
        orders=meant(ROWS[:3]),
    ),
    text(
        "two tables in one file, each with its header",
        lines() + "\r\n" + lines([("p-1", "GG1", "Joe Example", *ROWS[0][3:])]),
        (7, COUNTRY, "unknown-country"),
        (7, "price", "number"),
        (7, "quantity", "whole-number"),
        orders={**ALL, **meant([("p-1", "GG1", "Joe Example", *ROWS[0][3:])])},
    ),
    text(
        "files put together, with a byte order mark in the middle",
        lines().encode()
        + b"\xef\xbb\xbf"
        + lines([("p-1", "GG1", "Joe Example", *ROWS[0][3:])]).encode().split(b"\r\n", 1)[1],
        (6, REFERENCE, "invisible"),
        orders=ALL,
    ),
    text(
        "a file that was cut inside a character",
        lines([ROWS[0], (*ROWS[1][:2], "张三丰")]).encode()[:-6],
        (3, None, "cells-missing"),
        orders=meant(ROWS[:1]),
    ),
    text(
        "quotation marks behind a backslash",
        lines().replace("Jane Example", '"Jane \\"J\\" Example"'),
        (2, None, "not-csv"),
    ),
    text(
        "one render id in two orders",
        lines([ROWS[0], ROWS[1], ROWS[2], ("o-3", "FF1", *ROWS[3][2:])]),
        (2, RENDER, "same-parcel"),
        (5, RENDER, "same-parcel"),
        orders=meant(ROWS[1:3]),
    ),
    text(
        "a row of another's reference",
        lines([*ROWS[:2], ("o-9", *ROWS[2][1:]), ROWS[3]]),
        (3, RENDER, "same-parcel"),
        (4, RENDER, "same-parcel"),
        orders=meant([ROWS[0], ROWS[3]]),
    ),
    text(
        "an unknown SKU",
        lines([(*row[:5], row[5][-1], *row[7:]) for row in ROWS], (*HEADER[:5], "SKU", *HEADER[7:])),
        (2, "SKU", "unknown-sku"),
        reading=Reading(skus={row[5][-1]: (row[5], row[6]) for row in ROWS[1:]}),
    ),
    text(
        "no SKU, where it stands for the item",
        lines(
            [(*ROWS[0][:5], "", *ROWS[0][7:]), *((*r[:5], r[5][-1], *r[7:]) for r in ROWS[1:])],
            (*HEADER[:5], "SKU", *HEADER[7:]),
        ),
        (2, "SKU", "no-item"),
        reading=Reading(skus={row[5][-1]: (row[5], row[6]) for row in ROWS[1:]}),
    ),
    text(
        "a decimal point where commas were declared",
        lines([(*ROWS[0][:8], "12.50", "USD"), *COMMA_ROWS[1:]], delimiter=";"),
        (2, "price", "number"),
        reading=Reading(decimal=","),
    ),
    text("a byte that is no text", lines().encode().replace(b"Jane", b"J\xffne"), (2, NAME, "not-text")),
    text(
        "a byte that isn't of the declared encoding",
        lines(CHINESE_ROWS, CHINESE).encode("gb18030").replace("张".encode("gb18030"), b"\xff"),
        (2, "收件人", "not-text"),
        reading=Reading(encoding="gb18030"),
        orders=meant([("o-2", "FF2", "李小龙", "US", *CHINESE_ROWS[1][4:])]),
    ),
]

REFUSED = [
    Case("Chinese that isn't declared", content(lines(CHINESE_ROWS, CHINESE), "gb18030"), refused="looks like GB18030"),
    Case(
        "Western that isn't declared",
        content(lines([*WESTERN_ROWS, ("o-2", "FF2", "Jörg Weiß", *WESTERN_ROWS[0][3:])], HEADER), "cp1252"),
        refused="looks like Windows-1252",
    ),
    Case(
        "German headers in Windows-1252",
        content(lines(WESTERN_ROWS, GERMAN), "cp1252"),
        refused="looks like Windows-1252",
    ),
    Case("an encoding that there isn't", content(lines()), Reading(encoding="utf-99"), refused="no encoding utf-99"),
    Case("half a character of UTF-16", content(lines().encode("utf-16")[:-1]), refused="half a character"),
    Case(
        "unknown columns, all named",
        content(lines(header=("Name", "item", *HEADER[2:]))),
        refused="2 columns are unknown: Name, item",
    ),
    Case(
        "two columns for one",
        content(lines(header=("Order ID", "order no.", *HEADER[2:]))),
        refused="is the same column as Order ID",
    ),
    Case(
        "a column without a name",
        content(lines(header=("reference", "", *HEADER[2:]))),
        refused="column 2: has no name",
    ),
    Case(
        "a mapped column that there isn't",
        content(lines()),
        Reading(columns={"Bestellung": "reference"}),
        refused="Bestellung: is missing",
    ),
    Case(
        "mapped to what there isn't",
        content(lines()),
        Reading(columns={"price": "cost"}),
        refused="cost: isn't a column",
    ),
    Case(
        "a kept column that there isn't", content(lines()), Reading(keep=("customer",)), refused="customer: is missing"
    ),
    Case("a PDF named .csv", content(b"%PDF-1.7\n" + b"x" * 100), refused="another kind (PDF)"),
    Case(
        "a zip named .csv",
        lambda path: zipfile.ZipFile(path, "w").close() or (path.write_bytes(_zip()) and None),
        refused="another kind (ZIP)",
    ),
    Case("a gzip named .csv", content(gzip.compress(lines().encode())), refused="another kind (gzip)"),
    Case(
        "a web page named .xls", content("<html><table><tr><td>reference"), refused="is a web page", file="orders.xls"
    ),
    Case("a damaged workbook", content(b"PK\x03\x04" + b"x" * 200), refused="damaged", file="orders.xlsx"),
    Case(
        "a workbook of several sheets",
        by_openpyxl([HEADER, *ROWS], lambda book: book.create_sheet("B").append(["x"])),
        refused="several sheets",
        file="orders.xlsx",
    ),
    Case("an encrypted workbook", lambda path: _encrypted(path), refused="has a password", file="orders.xlsx"),
    Case("an encrypted workbook, xls", lambda path: _with_password(path), refused="has a password", file="orders.xls"),
    Case("an encrypted workbook, ods", lambda path: _encrypted_ods(path), refused="has a password", file="orders.ods"),
    Case("a journal", content(b"SQLite format 3\0" + b"\0" * 100), refused="another kind (SQLite"),
    Case("nothing", content(""), refused="holds no booking"),
]


def _zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("orders.csv", lines())
    return file.getvalue()


def _with_error(book: Any) -> None:
    book.active["F2"] = "#N/A"
    book.active["F2"].data_type = "e"


def _hidden(book: Any) -> None:
    """The row of the first order, as a filter leaves it."""
    book.active.auto_filter.ref = "A1:J5"
    book.active.row_dimensions[2].hidden = True


def _in_xls(book: Any, sheet: Any) -> None:
    sheet.row(1).set_cell_error(AT[ITEM], "#DIV/0!")


def _hidden_in_xls(book: Any, sheet: Any) -> None:
    sheet.row(1).hidden = True


def _formula_in_xls(value: bytes = b"") -> Callable[[Path], None]:
    """An old workbook with a formula as the first order's render id; ``value``: the value that is saved with it, xlwt saves none."""
    make = by_xlwt([HEADER, *with_cell(RENDER, xlwt.Formula('"FF"&"1"'))])

    def patched(path: Path) -> None:
        make(path)
        none = b"\x03\x00\x00\x00\x00\x00\xff\xff"
        assert path.read_bytes().count(none) == 1
        path.write_bytes(path.read_bytes().replace(none, value or none))

    return patched


def _with_password(path: Path) -> None:
    """An old workbook with the record that says that all behind it is encrypted."""
    by_xlwt([HEADER, *ROWS])(path)
    data = path.read_bytes()
    at = data.index(b"\xe1\x00\x02\x00\xb0\x04")  # a record that may be missing, of the same length as half of this one
    path.write_bytes(data[:at] + b"\x2f\x00\x02\x00\x00\x00" + data[at + 6 :])


def _encrypted(path: Path) -> None:
    """What Excel makes of an xlsx workbook with a password: an old container with the encrypted one inside."""
    by_xlwt([HEADER, *ROWS])(path)
    names = ["Workbook".encode("utf-16-le").ljust(64, b"\0"), "EncryptedPackage".encode("utf-16-le").ljust(64, b"\0")]
    data = path.read_bytes()
    assert data.count(names[0]) == 1
    path.write_bytes(data.replace(names[0] + b"\x12\x00", names[1] + b"\x22\x00"))


def _encrypted_ods(path: Path) -> None:
    by_libreoffice([HEADER, *ROWS])(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    manifest = members["META-INF/manifest.xml"].replace(
        b'media-type="text/xml"/>',
        b'media-type="text/xml"><manifest:encryption-data manifest:checksum-type="SHA1/1K" manifest:checksum="AAAA">'
        b'<manifest:algorithm manifest:algorithm-name="Blowfish CFB"/></manifest:encryption-data></manifest:file-entry>',
    )
    members |= {"META-INF/manifest.xml": manifest, "content.xml": bytes(range(256)) * 4}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content_of in members.items():
            archive.writestr(name, content_of)


def _beside(book: Any) -> None:
    book.active.insert_cols(1)
    book.active["G2"] = "#N/A"
    book.active["G2"].data_type = "e"


def _below(book: Any) -> None:
    book.active["A6"] = "#N/A"
    book.active["A6"].data_type = "e"


ODS_ERROR = Odf(
    'table:formula="of:=1/0" office:value-type="string" office:string-value="" calcext:value-type="error"',
    "<text:p>#DIV/0!</text:p>",
)
ODS_TAB = Odf('office:value-type="string"', "<text:p>Jane<text:tab/>Example</text:p>")
ODS_NOTE = Odf(
    'office:value-type="string"',
    "<office:annotation><text:p>ask<text:tab/>her</text:p></office:annotation><text:p>Jane Example</text:p>",
)


def _with_formula(book: Any, sheet: Any) -> None:
    sheet.write_formula("F2", "=VLOOKUP(1,A:B,2)", None, "#N/A")


def book(what: str, make: Callable[[Path], None], *found: tuple[int, str | None, str], **more: Any) -> Case:
    return Case(what, make, **{"orders": REST, "found": found, "file": "orders.xlsx", **more})


WORKBOOKS = [
    book("a number cell of 16 digits", by_openpyxl([HEADER, *with_cell(ITEM, 6240000000000012)]), (2, ITEM, "rounded")),
    book("an error cell", by_openpyxl([HEADER, *ROWS], _with_error), (2, ITEM, "error-word")),
    book("a formula whose value is an error", by_xlsxwriter([HEADER, *ROWS], _with_formula), (2, ITEM, "error-word")),
    book("a formula without a value", by_openpyxl([HEADER, *with_cell(RENDER, '="FF"&1')]), (2, RENDER, "no-value")),
    book(
        "a date instead of a SKU",
        by_openpyxl([HEADER, *with_cell("skuId", datetime.date(2024, 5, 1))]),
        (2, "skuId", "date"),
    ),
    book("TRUE instead of a name", by_openpyxl([HEADER, *with_cell(NAME, True)]), (2, NAME, "truth")),
    book(
        "a number cell with decimals in an id", by_openpyxl([HEADER, *with_cell(ITEM, 1001.5)]), (2, ITEM, "decimals")
    ),
    book("a zip that became a number", by_openpyxl([HEADER, *with_cell(ZIP, 1000)]), (2, ZIP, "short-zip")),
    book("1001.0 as text", by_openpyxl([HEADER, *with_cell(ITEM, "1001.0")]), (2, ITEM, "decimals")),
    book("2.04E+15 as text", by_openpyxl([HEADER, *with_cell(ITEM, "2.04E+15")]), (2, ITEM, "scientific")),
    book("a cell beside the columns", by_openpyxl([HEADER, (*ROWS[0], "?"), *ROWS[1:]]), (2, None, "cells-extra")),
    book(
        "an error in LibreOffice",
        by_libreoffice([HEADER, *with_cell(ITEM, "Err:504")]),
        (2, ITEM, "error-word"),
        file="orders.ods",
    ),
    book(
        "a formula with an error, ods",
        by_libreoffice([HEADER, *with_cell(ITEM, ODS_ERROR)]),
        (2, ITEM, "error-word"),
        file="orders.ods",
    ),
    book(
        "an error where blank means as above, ods",
        by_libreoffice([HEADER, *ROWS[:2], (*ROWS[2][:9], ODS_ERROR), ROWS[3]]),
        (4, "currency", "error-word"),
        orders=meant([ROWS[0], ROWS[3]]),
        file="orders.ods",
    ),
    book(
        "a tab in a cell, ods",
        by_libreoffice([HEADER, *with_cell(NAME, ODS_TAB)]),
        (2, NAME, "control-character"),
        file="orders.ods",
    ),
    book(
        "a note at a cell, ods",
        by_libreoffice([HEADER, *with_cell(NAME, ODS_NOTE), ("o-4", "FF4", ODS_ERROR)]),
        (6, NAME, "error-word"),
        orders=ALL,
        file="orders.ods",
    ),
    book(
        "a formula without a value, ods",
        by_libreoffice([HEADER, *with_cell(RENDER, Odf('table:formula="of:=A1"'))]),
        (2, RENDER, "no-value"),
        file="orders.ods",
    ),
    book(
        "a row hidden by a filter, ods",
        by_libreoffice([HEADER, *ROWS], hidden=[2]),
        (2, None, "hidden-row"),
        file="orders.ods",
    ),
    book("a row hidden by a filter", by_openpyxl([HEADER, *ROWS], _hidden), (2, None, "hidden-row")),
    book("an error in a table beside a blank column", by_openpyxl([HEADER, *ROWS], _beside), (2, ITEM, "error-word")),
    book(
        "an error alone below the table", by_openpyxl([HEADER, *ROWS], _below), (6, REFERENCE, "error-word"), orders=ALL
    ),
    book(
        "a formula without a value where a reference would be",
        by_openpyxl([HEADER, *ROWS[:3], ("=A4", "", *ROWS[3][2:])]),
        (5, REFERENCE, "no-value"),
        orders=meant(ROWS[:3]),
    ),
    book(
        "an error cell, xls",
        by_xlwt([HEADER, *[tuple("" if c == ROWS[0][5] else c for c in row) for row in ROWS]], _in_xls),
        (2, ITEM, "error-word"),
        file="orders.xls",
    ),
    book("a formula without a value, xls", _formula_in_xls(), (2, RENDER, "no-render-id"), file="orders.xls"),
    book(
        "a formula with an error, xls",
        _formula_in_xls(b"\x02\x00\x2a\x00\x00\x00\xff\xff"),
        (2, RENDER, "error-word"),
        file="orders.xls",
    ),
    book(
        "a date instead of a SKU, xls",
        by_xlwt([HEADER, *with_cell("skuId", DATE)]),
        (2, "skuId", "date"),
        file="orders.xls",
    ),
    book(
        "TRUE instead of a name, xls", by_xlwt([HEADER, *with_cell(NAME, True)]), (2, NAME, "truth"), file="orders.xls"
    ),
    book("a hidden row, xls", by_xlwt([HEADER, *ROWS], _hidden_in_xls), (2, None, "hidden-row"), file="orders.xls"),
]

OBJECTS = [{"reference": reference, **order} for reference, order in ALL.items()]
TEXTS = [json.dumps(one) for one in OBJECTS]


def _changed(**changes: Any) -> str:
    return "\n".join([json.dumps({**OBJECTS[0], **changes}), *TEXTS[1:]])


JSON = [
    text(
        "a key twice",
        TEXTS[0].replace('"renderId"', '"renderId": "FF0", "renderId"') + "\n" + "\n".join(TEXTS[1:]),
        (1, None, "duplicate-key"),
        file="orders.jsonl",
    ),
    text(
        "a line that isn't JSON",
        "\n".join([TEXTS[0][:-1], *TEXTS[1:]]),
        (1, str(len(TEXTS[0])), "not-json"),
        file="orders.jsonl",
    ),
    text(
        "an object that isn't closed in an array",
        f"[{TEXTS[0][:-1]},\n{TEXTS[1]},{TEXTS[2]}]",
        (1, str(len(TEXTS[0]) + 1), "not-json"),
        file="orders.json",
    ),
    text(
        "a bare word in an array over many lines",
        json.dumps(OBJECTS, indent=1).replace('"FF1"', "FF1"),
        (4, "15", "not-json"),
        file="orders.json",
    ),
    text("a number instead of text in JSON", _changed(renderId=1), (1, "renderId", "member"), file="orders.jsonl"),
    text("a misspelt member", _changed(renderID="FF1"), (1, None, "member"), file="orders.jsonl"),
    text(
        "a lost character in JSON",
        _changed(reference="o-\ufffd"),
        (1, "reference", "lost-characters"),
        file="orders.jsonl",
    ),
    text("a rounded id in JSON", _changed(renderId="6.24E+14"), (1, "renderId", "scientific"), file="orders.jsonl"),
    text(
        "a country in JSON",
        _changed(receiverAddress={"country": "Nowhere"}),
        (1, COUNTRY, "unknown-country"),
        file="orders.jsonl",
    ),
    text("no item in JSON", _changed(lineItems=[]), (1, "lineItems[0].itemId", "no-item"), file="orders.jsonl"),
    text("no object", "\n".join([*TEXTS[1:], "3"]), (3, None, "not-an-object"), file="orders.jsonl"),
]

CASES = [*CELLS, *SHAPES, *REFUSED, *WORKBOOKS, *JSON]
