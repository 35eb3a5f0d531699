"""Whose column is whose: a file's header against ours, by our names, the field's common words, and what the reading says."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, cast

import attrs

from .._errors import suggestion
from .cells import without_zero_width
from .columns import PROBLEM, REFERENCE, SHIPMENT, Layout
from .findings import FileError, Finding
from .previewed import PREVIEWED
from .reading import Reading
from .sheets import shown

ACCOUNT: Final = "account"
SKU: Final = "sku"

WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "reference": (
        *("order id", "order no", "order number", "order ref", "order reference", "your reference", "amazon order id"),
        *("Bestellnummer", "Bestell-Nr", "Auftragsnummer", "Auftrags-Nr", "Referenz"),
        *("订单号", "订单编号", "平台订单号", "参考号", "客户单号"),
    ),
    "account": ("Konto", "账号", "账户"),
    "shipment": ("part shipment", "Teilsendung", "Teillieferung", "发货批次", "分批发货"),
    "renderId": (
        "render no",
        "preview id",
        "preview no",
        "quote id",
        "quote no",
        "Angebotsnummer",
        "预览号",
        "报价单号",
        "报价号",
    ),
    "receiverAddress.name": (
        *(
            "recipient",
            "recipient name",
            "receiver",
            "receiver name",
            "ship to name",
            "shipping name",
            "consignee",
            "ship name",
        ),
        *("Empfänger", "Empfängername", "Name des Empfängers", "收件人", "收件人姓名", "收货人", "收货人姓名"),
    ),
    "receiverAddress.email": ("email", "e-mail", "E-Mail-Adresse", "邮箱", "电子邮箱", "收件人邮箱"),
    "receiverAddress.phone": (
        *("phone", "telephone", "phone number", "shipping phone", "ship phone number", "tel"),
        *("Telefon", "Telefonnummer", "Tel-Nr", "电话", "联系电话", "收件人电话"),
    ),
    "receiverAddress.mobilePhone": (
        "mobile",
        "mobile phone",
        "cell phone",
        "Handy",
        "Mobiltelefon",
        "Handynummer",
        "手机",
        "手机号",
        "收件人手机",
    ),
    "receiverAddress.address": (
        *("address", "street", "street address", "address line 1", "shipping address", "shipping street"),
        *("Straße", "Strasse", "Adresse", "Anschrift", "Straße und Hausnummer"),
        *("地址", "详细地址", "收件地址", "收件人地址", "收货地址", "街道"),
    ),
    "receiverAddress.taxId": (
        "tax id",
        "vat id",
        "vat number",
        "tax number",
        "USt-IdNr",
        "Steuernummer",
        "税号",
        "收件人税号",
    ),
    "receiverAddress.country": (
        *("country", "country code", "shipping country", "ship country", "ship to country", "shipping country code"),
        *("Land", "Ländercode", "Länderkürzel", "Lieferland", "国家", "国家代码", "收件国家", "收件人国家", "目的国"),
    ),
    "receiverAddress.state": (
        *("state", "province", "region", "shipping state", "shipping province", "ship state", "shipping state code"),
        *("Bundesland", "Kanton", "Provinz", "州", "省", "省份", "州/省", "省/州", "收件人省/州"),
    ),
    "receiverAddress.city": (
        "city",
        "town",
        "shipping city",
        "ship city",
        "Stadt",
        "Ort",
        "城市",
        "收件城市",
        "收件人城市",
    ),
    "receiverAddress.zip": (
        *(
            "zip",
            "zip code",
            "ship zip code",
            "postal code",
            "postcode",
            "shipping zip",
            "shipping postcode",
            "ship postal code",
        ),
        *("PLZ", "Postleitzahl", "邮编", "邮政编码", "收件人邮编"),
    ),
    "itemId": ("offer id", "商品ID", "宝贝ID"),
    "skuId": ("规格ID",),
    "sku": ("seller sku", "shop sku", "lineitem sku", "item sku", "merchant sku", "商家SKU", "商家编码", "卖家SKU"),
    "quantity": (
        *("qty", "pieces", "pcs", "amount of items", "lineitem quantity", "quantity purchased", "item quantity"),
        *("Menge", "Anzahl", "Stück", "Stückzahl", "数量", "件数", "商品数量"),
    ),
    "title": (
        *("product name", "product title", "item name", "item title", "lineitem name"),
        *("Artikel", "Artikelbezeichnung", "Bezeichnung", "Produktname", "商品名称", "商品标题", "品名"),
    ),
    "imageUrl": ("image", "image link", "picture", "Bild", "Bild-URL", "图片", "图片链接", "商品图片"),
    "freightInfo.serviceId": ("service no", "service code", "服务ID", "渠道代码"),
    "freightInfo.companyName": ("carrier", "freight company", "Spediteur", "Frachtführer", "物流公司", "承运商"),
    "freightInfo.serviceCategory": ("Dienstart", "服务类型"),
    "currency": ("currency code", "Währung", "币种", "货币"),
    "price": ("unit price", "Einzelpreis", "Stückpreis", "单价"),
    "tmallOrderInfo.tmallOrderId": (
        "tmall order",
        "tmall order no",
        "taobao order id",
        "淘宝订单号",
        "天猫订单号",
        "采购订单号",
    ),
    "carrier": (
        *("courier", "carrier name", "shipping company", "domestic carrier", "logistics company"),
        *("Versanddienst", "Versanddienstleister", "Paketdienst", "Spediteur", "Frachtführer"),
        *("快递", "快递公司", "物流公司", "承运商", "国内快递公司", "国内物流公司"),
    ),
    "number": (
        *(
            "tracking",
            "tracking no",
            "tracking number",
            "waybill",
            "waybill no",
            "domestic number",
            "domestic tracking number",
        ),
        *("Sendungsnummer", "Paketnummer", "Trackingnummer", "Frachtbriefnummer"),
        *("单号", "快递单号", "运单号", "物流单号", "国内快递单号", "国内运单号"),
    ),
    "internationalNumber": (
        *("international tracking number", "international no"),
        *("internationale Sendungsnummer", "国际单号", "国际运单号", "国际物流单号"),
    ),
    "remark": ("remarks", "Bemerkung", "Bemerkungen", "Anmerkung", "备注"),
}
"""What people call our columns, without regard to case, blanks, ``_``, ``.`` and ``-``. No word is in two rows.

A word that may mean something of the shop's own (its article number, its product id, a total) isn't here: what is sent must be meant.
"""


@attrs.frozen
class Column:
    """One column of a file: its number from 0, its title there, and what it is to us.

    ``name``: our column's; None for one that is kept, passed over, or of a problems file.
    """

    index: int
    title: str
    name: str | None
    is_kept: bool = False
    is_meant: bool = False


def folded(title: str) -> str:
    """A column's name as it is compared."""
    return re.sub(r"[\s_.\-]", "", without_zero_width(title)).casefold()


def known_names(layout: Layout) -> Mapping[str, str]:
    """Our column by each folded name that it goes by; a request's own name comes before anybody's word."""
    return _known(cast("Any", layout.request_type))


@functools.cache
def _known(request_type: Any) -> Mapping[str, str]:
    ours = our_names(Layout.of(request_type))
    ours = (*ours, SKU) if "skuId" in ours else ours
    found = {folded(name): name for name in ours}
    for name in ours:
        for word in WORDS.get(name, ()):
            found.setdefault(folded(word), name)
    return found


def beside(layout: Layout) -> tuple[str, ...]:
    """The columns (members, in JSON) that stand beside the request's own."""
    return (REFERENCE, ACCOUNT, SHIPMENT, *PREVIEWED) if layout.is_freight else (REFERENCE, ACCOUNT)


def our_names(layout: Layout) -> tuple[str, ...]:
    """All columns that a file of such requests can have."""
    reference, account, *others = beside(layout)
    return (reference, account, *layout.columns, *others)


def recognised(titles: Iterable[str], reading: Reading) -> int:
    """How many of the titles are columns of ours; by which a header is told from what stands above it."""
    mine = {folded(title) for title in reading.columns} | {*known_names(reading.layout)}
    return len({folded(title) for title in titles} & mine)


def columns_of_header(name: str, line: int, header: Sequence[str], reading: Reading) -> tuple[Column, ...]:
    """The columns of a booking file.

    Raises:
        FileError: one has no name, is unknown, is there twice, or is said to be there and isn't. All of them are named.
    """
    titles = [title.strip() for title in header]
    while titles and not titles[-1]:
        titles.pop()
    if not any(titles):
        raise FileError.of(name, [Finding.of("no-header", line)])
    is_problems = is_problem_header(titles)
    found: list[Column] = []
    findings: list[Finding] = _absent(line, titles, reading)
    for index, title in enumerate(titles):
        if not title:
            findings.append(Finding.of("no-name", line, str(index + 1)))
        elif is_problems and title in PROBLEM:
            found.append(Column(index, title, title))
        else:
            column = _column(index, title, reading)
            if column is None:
                findings.append(Finding.of("unknown-column", line, shown(title), near=_near(title, reading.layout)))
            else:
                found.append(column)
    findings += _doubles(line, found)
    if findings:
        error = FileError(_all_named(name, line, findings), findings=findings, name=name)
        if any(one.code == "unknown-column" for one in findings):
            error.advice = (
                "Map what is ours (--map), keep what is yours (--keep), or pass over the rest (--ignore-columns)"
            )
        raise error
    return tuple(found)


def is_problem_header(titles: Sequence[str]) -> bool:
    """Whether it is the header of a problems file."""
    there = tuple(titles)
    while there and not there[-1]:
        there = there[:-1]
    return there[-len(PROBLEM) :] == PROBLEM


def _column(index: int, title: str, reading: Reading) -> Column | None:
    key = folded(title)
    if key in map(folded, reading.keep):
        return Column(index, title, None, is_kept=True)
    mapped = {folded(theirs): _ours(ours, reading) for theirs, ours in reading.columns.items()}
    ours = mapped[key] if key in mapped else known_names(reading.layout).get(key)
    if (ours == SKU and not reading.skus) or (key not in mapped and ours in mapped.values()):
        ours = None  # what was said of another column comes first
    if ours is None:
        return Column(index, title, None) if reading.ignore_unknown else None
    is_meant = {key, folded(ours)} & {*map(folded, reading.text)}
    return Column(index, title, ours, is_meant=bool(is_meant))


def _ours(name: str, reading: Reading) -> str | None:
    found = our_name(name, reading.layout)
    if found is None or (found == SKU and not reading.skus):
        raise FileError.whole(name, "not-our-column", near=suggestion(name, our_names(reading.layout)))
    return found


def our_name(name: str, layout: Layout) -> str | None:
    """Our column that goes by a name."""
    return known_names(layout).get(folded(name))


def _absent(line: int, titles: Sequence[str], reading: Reading) -> list[Finding]:
    """What the reading names and the header hasn't."""
    there = {folded(title) for title in titles}
    wanted = (*reading.columns, *reading.keep)
    missing = [Finding.of("missing-column", line, shown(title)) for title in wanted if folded(title) not in there]
    ours = {folded(name) for name in titles} | {*known_names(reading.layout)}
    return missing + [
        Finding.of("missing-column", line, shown(name)) for name in reading.text if folded(name) not in ours
    ]


def _doubles(line: int, columns: Iterable[Column]) -> list[Finding]:
    first: dict[str, Column] = {}
    found: list[Finding] = []
    for column in columns:
        key = column.name or (folded(column.title) if column.is_kept else None)
        if key is not None and first.setdefault(key, column) is not column:
            found.append(Finding.of("double-column", line, shown(column.title), other=shown(first[key].title)))
    return found


def _near(title: str, layout: Layout) -> str:
    near = suggestion(title, our_names(layout))
    if folded(title) == SKU and "skuId" in layout.columns:
        return " (the vendor's id of it is skuId; a table of the shop's SKUs can be set as sku_table in [files.NAME])"
    return near


def _all_named(name: str, line: int, findings: Sequence[Finding]) -> str:
    unknown = [f"{one.column}{one.facts['near']}" for one in findings if one.code == "unknown-column"]
    others = [str(one) for one in findings if one.code != "unknown-column"]
    if unknown:
        is_are = "column is" if len(unknown) == 1 else "columns are"
        others.append(f"line {line}: {len(unknown)} {is_are} unknown: {', '.join(unknown)}")
    return f"{name}: {'; '.join(others)}"
