"""The corpus, first half: files that are booked as their makers meant."""

from __future__ import annotations

import csv
import json
from typing import Any

from pandapon_async._files.reading import Reading

from .made import (
    HEADER,
    ROWS,
    Case,
    by_libreoffice,
    by_openpyxl,
    by_xlsxwriter,
    by_xlwt,
    content,
    lines,
    meant,
)

GERMAN = (
    *(
        "Bestellnummer",
        "Render ID",
        "Empfänger",
        "Land",
        "PLZ",
        "item_id",
        "SKU-ID",
        "Stückzahl",
        "Einzelpreis",
        "Währung",
    ),
)
CHINESE = ("订单号", "预览号", "收件人", "国家", "邮编", "商品ID", "规格ID", "数量", "单价", "币种")
ENGLISH = (
    "Order No.",
    "RENDER_ID",
    "Ship To Name",
    "Country Code",
    "ZIP code",
    "Item\u00a0ID",
    "sku id",
    "Qty",
    "Unit Price",
    "Currency",
)
CHINESE_ROWS = (
    ("o-1", "FF1", "张三丰", "中国", "100000", "624000000000001", "5000001", "2", "12.50", "CNY"),
    ("o-2", "FF2", "李小龙", "美国", "01000", "624000000000002", "5000002", "1", "3.20", "CNY"),
)
CHINESE_MEANT = {
    **meant(
        (("o-1", "FF1", "张三丰", "CN", *CHINESE_ROWS[0][4:]), ("o-2", "FF2", "李小龙", "US", *CHINESE_ROWS[1][4:]))
    )
}
WESTERN_ROWS = (("o-1", "FF1", "Jürgen Größe", "DE", "01067", "624000000000001", "5000001", "2", "12.50", "EUR"),)
COMMA_ROWS = tuple((*row[:8], row[8].replace(".", ","), row[9]) for row in ROWS)
ALL = meant()


def _text(name: str, data: str | bytes, encoding: str = "utf-8", **more: Any) -> Case:
    return Case(name, content(data, encoding), **{"orders": ALL, **more})


def _numbers(row: tuple[str, ...]) -> list[Any]:
    """A row as a script writes it into a workbook: what is a number, as one."""
    return [*row[:5], int(row[5]), int(row[6]), int(row[7]), float(row[8]), row[9]]


def _cut(row: tuple[str, ...], *columns: int) -> tuple[str, ...]:
    return tuple("" if number in columns else cell for number, cell in enumerate(row))


PLAIN = [
    _text("UTF-8, as Excel writes it", lines()),
    _text("with a byte order mark", "\ufeff" + lines()),
    _text("UTF-16 with a mark, tabs: Excel's Unicode text", lines(delimiter="\t"), "utf-16"),
    _text("UTF-16, big end first", b"\xfe\xff" + lines().encode("utf-16-be")),
    _text("UTF-16 without a mark", lines(), "utf-16-le"),
    _text("UTF-16, declared", lines(), "utf-16-be", reading=Reading(encoding="utf-16-be")),
    _text("semicolons", lines(delimiter=";")),
    _text("tabs", lines(delimiter="\t"), file="orders.txt"),
    _text("a line that says the separator", "sep=;\r\n" + lines(delimiter=";")),
    _text("a separator that only that line could say", "sep=|\n" + lines(delimiter="|", end="\n")),
    _text("sep= in UTF-16", "sep=;\r\n" + lines(delimiter=";"), "utf-16"),
    _text("sep= behind a byte order mark", "\ufeffSEP=;\r\n" + lines(delimiter=";")),
    _text(
        "500 columns",
        lines([(*row, *["x"] * 490) for row in ROWS], (*HEADER, *(f"c{n}" for n in range(490)))),
        reading=Reading(ignore_unknown=True),
    ),
    _text(
        "others' columns of one name",
        lines([(*row, "a", "b") for row in ROWS], (*HEADER, "note", "note")),
        reading=Reading(ignore_unknown=True),
    ),
    _text("tabs around cells", lines([("o-1\t", *ROWS[0][1:]), *ROWS[1:]])),
    _text("line ends of an old Mac", lines(end="\r")),
    _text("line ends of Unix", lines(end="\n")),
    _text("no line end at the end", lines().rstrip()),
    _text("everything quoted", lines(quoting=csv.QUOTE_ALL)),
    _text("blank lines between", lines().replace("\r\n", "\r\n\r\n")),
    _text("blank rows of separators between", lines().replace("\r\n", "\r\n,,,,,,,,,\r\n")),
    _text("columns without a name at the end", "".join(line + ",,,\n" for line in lines().splitlines())),
    _text("blanks around cells", lines().replace(",", " , ")),
    _text("titles above", "Orders of the week\r\n\r\n" + lines(), said="line 3"),
    _text("English headers as people write them", lines(header=ENGLISH)),
    _text("German headers, UTF-8", lines(header=GERMAN)),
    _text("Chinese headers", lines(header=CHINESE)),
    _text("headers in capitals with marks", lines(header=tuple(name.upper().replace("ID", "_ID") for name in HEADER))),
    _text(
        "a column of other names is passed over",
        lines([(*row, "x") for row in ROWS], (*HEADER, "Zahlart")),
        reading=Reading(ignore_unknown=True),
    ),
    _text(
        "GB18030, declared",
        lines(CHINESE_ROWS, CHINESE),
        "gb18030",
        reading=Reading(encoding="gbk"),
        orders=CHINESE_MEANT,
    ),
    _text(
        "Windows-1252, declared",
        lines(WESTERN_ROWS, GERMAN),
        "cp1252",
        reading=Reading(encoding="cp1252"),
        orders=meant(WESTERN_ROWS),
    ),
    _text("Chinese names in UTF-8", lines(CHINESE_ROWS, CHINESE), orders=CHINESE_MEANT, said="美国 = US"),
    _text("decimal commas, declared", lines(COMMA_ROWS, delimiter=";"), reading=Reading(decimal=",")),
    _text("rows of an order apart", lines([ROWS[1], ROWS[0], ROWS[3], ROWS[2]]), orders={**ALL}),
    _text("blank as above", lines([ROWS[0], ROWS[1], _cut(ROWS[2], 1, 2, 3, 4), ROWS[3]])),
    _text("blank as above, apart", lines([ROWS[1], ROWS[0], _cut(ROWS[2], 1, 2, 3, 4), ROWS[3]])),
    _text(
        "a row with only an item below its order", lines([ROWS[0], ROWS[1], _cut(ROWS[2], 0, 1, 2, 3, 4, 9), ROWS[3]])
    ),
    _text(
        "lower-case codes of countries", lines().replace(",US,", ",us,").replace(",MX,", ",Mexico,"), said="Mexico = MX"
    ),
    _text(
        "German names of countries",
        lines().replace(",DE,", ",Deutschland,").replace(",US,", ",USA,"),
        said="Deutschland = DE",
    ),
    _text(
        "an address of two lines",
        lines([(*ROWS[0][:2], "1 Test St\nUnit 5, rear", *ROWS[0][3:])], (*HEADER[:2], "Address", *HEADER[3:])),
        orders=meant(
            [(*ROWS[0][:2], "1 Test St\nUnit 5, rear", *ROWS[0][3:])],
            (*HEADER[:2], "receiverAddress.address", *HEADER[3:]),
        ),
    ),
    _text(
        "a name with a quotation mark",
        lines([(*ROWS[0][:2], 'Jane "J" Example', *ROWS[0][3:])]),
        orders=meant([(*ROWS[0][:2], 'Jane "J" Example', *ROWS[0][3:])]),
    ),
    _text(
        "what an export of ours has neutralised",
        lines([(*ROWS[0][:2], "'-Jane", *ROWS[0][3:])]),
        orders=meant([(*ROWS[0][:2], "-Jane", *ROWS[0][3:])]),
    ),
]

SAID = [
    _text("mapped columns", lines(header=("Name", *HEADER[1:])), reading=Reading(columns={"name": "reference"})),
    _text(
        "kept columns",
        lines([(*row, "A", "7") for row in ROWS], (*HEADER, "Customer", "cost centre")),
        reading=Reading(keep=("customer", "Cost Centre")),
        kept={reference: {"Customer": "A", "cost centre": "7"} for reference in ALL},
    ),
    _text(
        "the shop's SKUs",
        lines([(*row[:5], f"SHOP {row[5][-1]}", *row[7:]) for row in ROWS], (*HEADER[:5], "Lineitem sku", *HEADER[7:])),
        reading=Reading(skus={f"SHOP {row[5][-1]}": (row[5], row[6]) for row in ROWS}),
    ),
    _text(
        "constants",
        lines([row[:9] for row in ROWS[:1]], HEADER[:9]),
        reading=Reading(constants={"currency": "USD"}),
        orders=meant(ROWS[:1]),
    ),
    _text(
        "a service by country",
        lines(),
        reading=Reading(by_country={"US": {"freightInfo.serviceId": "3"}}),
        orders={
            **ALL,
            "o-1": {**ALL["o-1"], "lineItems": [{**ALL["o-1"]["lineItems"][0], "freightInfo": {"serviceId": "3"}}]},
        },
    ),
    _text("a column account", lines([(*row, "shop-a") for row in ROWS], (*HEADER, "Account"))),
    _text(
        "text that looks like damage and is said to be meant",
        lines([("12E4", *ROWS[0][1:])]),
        reading=Reading(text=("reference",)),
        orders=meant([("12E4", *ROWS[0][1:])]),
    ),
    _text(
        "a reference with blanks, said to be meant",
        lines([("PO 17", *ROWS[0][1:])]),
        reading=Reading(text=("REFERENCE",)),
        orders=meant([("PO 17", *ROWS[0][1:])]),
    ),
]

OBJECTS = [{"reference": reference, **order} for reference, order in ALL.items()]
JSON = [
    _text("JSON lines", "\n".join(map(json.dumps, OBJECTS)), file="orders.jsonl"),
    _text("a JSON array", json.dumps(OBJECTS), file="orders.json"),
    _text("a JSON array over many lines", json.dumps(OBJECTS, indent=2), file="orders.json"),
    _text("a JSON array, one a line", "[\n" + ",\n".join(map(json.dumps, OBJECTS)) + "\n]\n", file="orders.json"),
    _text("JSON objects over many lines", "\n".join(json.dumps(one, indent=4) for one in OBJECTS), file="orders.json"),
    _text(
        "one JSON object over many lines",
        json.dumps(OBJECTS[0], indent="\t"),
        file="orders.json",
        orders={"o-1": ALL["o-1"]},
    ),
    _text("JSON in UTF-16", json.dumps(OBJECTS, indent=1), "utf-16", file="orders.json"),
    _text("JSON with a mark", "\ufeff" + "\r\n".join(map(json.dumps, OBJECTS)) + "\r\n", file="orders.jsonl"),
    _text(
        "JSON in GB18030, declared",
        json.dumps([{"reference": one, **order} for one, order in CHINESE_MEANT.items()], ensure_ascii=False),
        "gb18030",
        reading=Reading(encoding="gb18030"),
        orders=CHINESE_MEANT,
        file="orders.json",
    ),
    _text(
        "JSON with a kept member and a mapped one",
        "\n".join(json.dumps({"order": reference, "customer": "A", **order}) for reference, order in ALL.items()),
        reading=Reading(columns={"order": "reference"}, keep=("customer",)),
        kept={reference: {"customer": "A"} for reference in ALL},
        file="orders.jsonl",
    ),
    _text("JSON named .csv", json.dumps(OBJECTS)),
]


def _merged(book: Any) -> None:
    sheet = book.active
    for column in "ABCDE":
        sheet.merge_cells(f"{column}3:{column}4")


def _protected(book: Any) -> None:
    """A sheet that can't be edited without a password, with a column that can't be seen; nothing of it is encrypted."""
    book.active.protection.set_password("secret")
    book.active.column_dimensions["G"].hidden = True


def _hidden(book: Any, sheet: Any) -> None:
    other = book.add_worksheet("lists")
    other.write_row(0, 0, ["US", "DE"])
    other.hide()


WORKBOOKS = [
    Case("xlsx by a script", by_openpyxl([HEADER, *ROWS]), orders=ALL, file="orders.xlsx"),
    Case(
        "xlsx by a script, numbers as numbers",
        by_openpyxl([HEADER, *map(_numbers, ROWS)]),
        orders=ALL
        | {
            key: {
                **order,
                "lineItems": [
                    {**item, "price": item["price"].rstrip("0").rstrip(".") if "." in item["price"] else item["price"]}
                    for item in order["lineItems"]
                ],
            }
            for key, order in ALL.items()
        },
        file="orders.xlsx",
    ),
    Case("xlsx as Excel saves it", by_xlsxwriter([HEADER, *ROWS]), orders=ALL, file="orders.xlsx"),
    Case(
        "a number cell of 1001.0 is 1001",
        by_xlsxwriter([HEADER, (*ROWS[0][:6], 1001.0, 2.0, *ROWS[0][8:])]),
        orders=meant([(*ROWS[0][:6], "1001", *ROWS[0][7:])]),
        file="orders.xlsx",
    ),
    Case(
        "12E4 as text in a workbook",
        by_xlsxwriter([HEADER, ("12E4", *ROWS[0][1:])]),
        orders=meant([("12E4", *ROWS[0][1:])]),
        file="orders.xlsx",
    ),
    Case("merged cells", by_openpyxl([HEADER, *ROWS], _merged), orders=ALL, file="orders.xlsx"),
    Case(
        "a protected sheet with a hidden column",
        by_openpyxl([HEADER, *ROWS], _protected),
        orders=ALL,
        file="orders.xlsx",
    ),
    Case(
        "an error in a column that is passed over",
        by_openpyxl([(*HEADER, "Margin"), *[(*row, "=1/0") for row in ROWS]]),
        Reading(ignore_unknown=True),
        orders=ALL,
        file="orders.xlsx",
    ),
    Case(
        "a hidden sheet of lists",
        by_xlsxwriter([HEADER, *ROWS], _hidden),
        orders=ALL,
        said="Orders",
        file="orders.xlsx",
    ),
    Case(
        "titles above, in a workbook",
        by_openpyxl([["Orders"], [], HEADER, *ROWS]),
        orders=ALL,
        said="line 3",
        file="orders.xlsx",
    ),
    Case("xlsx named .csv", by_xlsxwriter([HEADER, *ROWS]), orders=ALL, said="Excel workbook (xlsx)"),
    Case("CSV named .xlsx", content(lines()), orders=ALL, said="text (CSV)", file="orders.xlsx"),
    Case("xls", by_xlwt([HEADER, *ROWS]), orders=ALL, file="orders.xls"),
    Case("xlsx named .xls", by_xlsxwriter([HEADER, *ROWS]), orders=ALL, said="xlsx", file="orders.xls"),
    Case("ods", by_libreoffice([HEADER, *ROWS]), orders=ALL, file="orders.ods"),
    Case(
        "a number cell of ods",
        by_libreoffice([HEADER, (*ROWS[0][:7], 2.0, *ROWS[0][8:])]),
        orders=meant(ROWS[:1]),
        file="orders.ods",
    ),
    Case(
        "dates in a kept column",
        by_openpyxl([(*HEADER, "ordered"), (*ROWS[0], __import__("datetime").date(2024, 5, 1))]),
        reading=Reading(keep=("ordered",)),
        orders=meant(ROWS[:1]),
        kept={"o-1": {"ordered": "2024-05-01"}},
        file="orders.xlsx",
    ),
    Case(
        "a decimal sign is declared and the cell is a number",
        by_openpyxl([HEADER, (*ROWS[0][:8], 12.5, "USD")]),
        reading=Reading(decimal=","),
        orders=meant([(*ROWS[0][:8], "12.5", "USD")]),
        file="orders.xlsx",
    ),
]

SHOPIFY = (
    *("Name", "Email", "Financial Status", "Lineitem quantity", "Lineitem name", "Lineitem sku", "Shipping Name"),
    *("Shipping Street", "Shipping City", "Shipping Zip", "Shipping Country", "Phone", "Render ID"),
)
SHOPIFY_ROWS = (
    (
        "#1001",
        "jane@example.com",
        "paid",
        "2",
        "Tea pot",
        "TP-1",
        "Jane Example",
        "1 Test St",
        "Springfield",
        "'01103",
        "US",
        "5550100",
        "FF1",
    ),
    ("#1001", "jane@example.com", "", "1", "Cup", "CU-2", "", "", "", "", "", "", ""),
)
AMAZON = (
    "order-id",
    "quantity-purchased",
    "product-name",
    "recipient-name",
    "ship-address-1",
    "ship-city",
    "ship-postal-code",
    "ship-country",
    "sku",
    "render id",
)
WOO = (
    "Order Number",
    "Shipping Name",
    "Shipping Country",
    "Shipping Postcode",
    "Shipping City",
    "Item Name",
    "Item SKU",
    "Quantity",
    "Render ID",
)
ERP = (
    "平台订单号",
    "收件人姓名",
    "收件人国家",
    "收件人邮编",
    "收件人城市",
    "商品名称",
    "商家编码",
    "数量",
    "报价单号",
    "内部备注",
)
SKUS = {"TP-1": ("6240001", "501"), "CU-2": ("6240002", "502")}


def _order(render: str, receiver: dict[str, str], *items: dict[str, Any]) -> dict[str, Any]:
    return {"renderId": render, "receiverAddress": receiver, "lineItems": list(items)}


def _item(sku: str, quantity: int, title: str) -> dict[str, Any]:
    return {"itemId": SKUS[sku][0], "skuId": SKUS[sku][1], "quantity": quantity, "title": title}


EXPORTS = [
    Case(
        "an export of Shopee",
        content(
            lines(
                [
                    (
                        "240501ABC",
                        "To Ship",
                        "Cup",
                        "CU-2",
                        "2",
                        "Jane E",
                        "5550100",
                        "1 Test St, Unit 5",
                        "SG",
                        "018956",
                        "FF1",
                    )
                ],
                (
                    "Order ID",
                    "Order Status",
                    "Product Name",
                    "Seller SKU",
                    "Quantity",
                    "Receiver Name",
                    "Phone Number",
                    "Delivery Address",
                    "Country",
                    "Zip Code",
                    "Render ID",
                ),
            )
        ),
        Reading(skus=SKUS, ignore_unknown=True, columns={"Delivery Address": "address"}),
        {
            "240501ABC": _order(
                "FF1",
                {
                    "name": "Jane E",
                    "phone": "5550100",
                    "address": "1 Test St, Unit 5",
                    "country": "SG",
                    "zip": "018956",
                },
                _item("CU-2", 2, "Cup"),
            )
        },
    ),
    Case(
        "an export of JTL: semicolons, decimal commas",
        content(
            lines(
                [("AU-1", "DE", "10115", "Müller GmbH & Co. KG", "3", "624", "50", "FF1", "12,50")],
                (
                    "Auftragsnummer",
                    "Land",
                    "PLZ",
                    "Empfänger",
                    "Menge",
                    "itemId",
                    "skuId",
                    "Angebotsnummer",
                    "Einzelpreis",
                ),
                delimiter=";",
            )
        ),
        Reading(decimal=","),
        {
            "AU-1": _order(
                "FF1",
                {"name": "Müller GmbH & Co. KG", "country": "DE", "zip": "10115"},
                {"itemId": "624", "skuId": "50", "quantity": 3, "price": "12.50"},
            )
        },
    ),
    Case(
        "an export of Etsy",
        content(
            lines(
                [("05/01/24", "3001", "Cup", "2", "Jane E", "Spring", "MA", "01103", "United States", "FF1", "CU-2")],
                (
                    "Sale Date",
                    "Order ID",
                    "Item Name",
                    "Quantity",
                    "Ship Name",
                    "Ship City",
                    "Ship State",
                    "Ship Zipcode",
                    "Ship Country",
                    "Render ID",
                    "Item SKU",
                ),
            )
        ),
        Reading(skus=SKUS, ignore_unknown=True),
        {
            "3001": _order(
                "FF1",
                {"name": "Jane E", "city": "Spring", "state": "MA", "zip": "01103", "country": "US"},
                _item("CU-2", 2, "Cup"),
            )
        },
    ),
    Case(
        "an export of Shopify",
        content(lines([(*row[:9], row[9].strip("'"), *row[10:]) for row in SHOPIFY_ROWS], SHOPIFY, end="\n")),
        Reading(columns={"Name": "reference"}, skus=SKUS, ignore_unknown=True),
        {
            "#1001": _order(
                "FF1",
                {
                    "name": "Jane Example",
                    "email": "jane@example.com",
                    "phone": "5550100",
                    "address": "1 Test St",
                    "city": "Springfield",
                    "zip": "01103",
                    "country": "US",
                },
                _item("TP-1", 2, "Tea pot"),
                _item("CU-2", 1, "Cup"),
            )
        },
    ),
    Case(
        "an export of Amazon: tabs, Windows-1252",
        content(
            lines(
                [("114-1", "1", "Tea pot", "Jürgen Muster", "Weg 1", "Köln", "50667", "DE", "TP-1", "FF9")],
                AMAZON,
                delimiter="\t",
            ),
            "cp1252",
        ),
        Reading(encoding="cp1252", skus=SKUS, columns={"sku": "sku", "ship-address-1": "address"}),
        {
            "114-1": _order(
                "FF9",
                {"name": "Jürgen Muster", "address": "Weg 1", "city": "Köln", "zip": "50667", "country": "DE"},
                _item("TP-1", 1, "Tea pot"),
            )
        },
        file="orders.txt",
    ),
    Case(
        "an export of WooCommerce",
        content(
            lines(
                [("77", "Jane Example", "US", "01103", "Springfield", "Cup", "CU-2", "4", "FF5")],
                WOO,
                quoting=csv.QUOTE_ALL,
            )
        ),
        Reading(skus=SKUS),
        {
            "77": _order(
                "FF5",
                {"name": "Jane Example", "country": "US", "zip": "01103", "city": "Springfield"},
                _item("CU-2", 4, "Cup"),
            )
        },
    ),
    Case(
        "an export of a Chinese ERP, GB18030",
        content(
            lines([("TB-8", "王小明", "加拿大", "V5K 0A1", "温哥华", "茶壶", "TP-1", "2", "FF6", "易碎")], ERP),
            "gb18030",
        ),
        Reading(encoding="gb18030", skus=SKUS, keep=("内部备注",)),
        {
            "TB-8": _order(
                "FF6", {"name": "王小明", "country": "CA", "zip": "V5K 0A1", "city": "温哥华"}, _item("TP-1", 2, "茶壶")
            )
        },
        kept={"TB-8": {"内部备注": "易碎"}},
    ),
    Case(
        "the same as a workbook",
        by_openpyxl([ERP, ("TB-8", "王小明", "加拿大", "V5K 0A1", "温哥华", "茶壶", "TP-1", 2, "FF6", None)]),
        Reading(skus=SKUS, keep=("内部备注",)),
        {
            "TB-8": _order(
                "FF6", {"name": "王小明", "country": "CA", "zip": "V5K 0A1", "city": "温哥华"}, _item("TP-1", 2, "茶壶")
            )
        },
        file="orders.xlsx",
    ),
]

CASES = [*PLAIN, *SAID, *JSON, *WORKBOOKS, *EXPORTS]
