"""Any file of good rows, damaged in any one cell or byte: what wasn't damaged is read as meant, and nothing else counts as good."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import assume, given, settings, strategies as st

from pandapon_async import to_wire
from pandapon_async._files.bookings import BookingFile
from pandapon_async._files.findings import FileError
from pandapon_async._files.reading import Reading
from pandapon_async.testing import FakeVendor

from .booking import book, folder_in_memory, keep_bodies, outcomes
from .made import by_openpyxl, content, meant

MANY = int(os.environ.get("PANDAPON_TEST_FILES", "40"))
HEADER = (
    *("reference", "renderId", "receiverAddress.name", "receiverAddress.address", "receiverAddress.country"),
    *("receiverAddress.zip", "itemId", "skuId", "quantity", "freightInfo.serviceId", "price"),
)
AT = {name: number for number, name in enumerate(HEADER)}
IDS = ("reference", "renderId", "itemId", "skuId", "freightInfo.serviceId")
NAMES = (
    "Jane Example",
    "Max Muster",
    "Ana Ejemplo",
    "Example, Jane",
    "O'Hara",
    'Jim "J" Test',
    "张三丰",
    "Jürgen Größe",
)
ADDRESSES = ("1 Test St", "Weg 5, Hinterhaus", "广东省广州市", "Calle 1\nInterior 2", "")
ZIPS = {"US": "01000", "DE": "10115", "GB": "AB1 2CD", "MX": "06000", "CA": "V5K 0A1"}

_NUL = "\x01"

Rows = list[tuple[str, ...]]
Meant = Mapping[str, Mapping[str, Any]]

_number = st.integers(1, 10**15 - 1).map(str)


@st.composite
def good_rows(draw: st.DrawFn) -> Rows:
    """Rows of one to four orders, in any order that keeps an order's own."""
    orders: list[Rows] = []
    for number in range(draw(st.integers(1, 4))):
        country = draw(st.sampled_from(sorted(ZIPS)))
        order = (
            *(draw(st.sampled_from(("o", "A", "2024"))) + f"-{number}", f"FF{number}{draw(_number)}"),
            *(draw(st.sampled_from(NAMES)), draw(st.sampled_from(ADDRESSES)), country, ZIPS[country]),
        )
        items = st.tuples(
            *(
                _number,
                _number,
                st.integers(1, 99).map(str),
                st.sampled_from(("1", "FS7")),
                st.sampled_from(("12.5", "3", "0.99")),
            )
        )
        orders.append([(*order, *item) for item in draw(st.lists(items, min_size=1, max_size=3))])
    places = draw(st.permutations([number for number, order in enumerate(orders) for _ in order]))
    left = [iter(order) for order in orders]
    return [next(left[number]) for number in places]


@st.composite
def dialects(draw: st.DrawFn) -> tuple[str, str, str, Any]:
    """Encoding, separator, line end, quoting."""
    return (
        draw(st.sampled_from(("utf-8", "utf-8-sig", "gb18030"))),
        draw(st.sampled_from(",;\t")),
        draw(st.sampled_from(("\r\n", "\n"))),
        draw(st.sampled_from((csv.QUOTE_MINIMAL, csv.QUOTE_ALL))),
    )


def written(rows: Sequence[Sequence[str]], dialect: tuple[str, str, str, Any]) -> bytes:
    encoding, delimiter, end, quoting = dialect
    text = io.StringIO(newline="")
    cells = (
        [cell.replace("\0", _NUL) for cell in row] for row in [HEADER, *rows]
    )  # which csv can't write on Python 3.10
    csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting).writerows(cells)
    return text.getvalue().replace(_NUL, "\0").encode(encoding)


def reading_of(dialect: tuple[str, str, str, Any]) -> Reading:
    return Reading(encoding="gb18030") if dialect[0] == "gb18030" else Reading()


def good_ones(make: Any, name: str, reading: Reading | None = None) -> dict[str, Any] | None:
    """What a file is read as, by reference; None if it is refused as a whole."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        make(path)
        try:
            bookings = list(BookingFile(path, reading=reading))
        except FileError:
            return None
        good = [booking.pair() for booking in bookings if not booking.findings]
    assert len({reference for reference, _ in good}) == len(good)
    return {reference: to_wire(request) for reference, request in good}


def check(good: Mapping[str, Any], orders: Meant, damaged: set[str]) -> None:
    for reference, wire in good.items():
        assert wire == orders.get(reference), reference
    assert orders.keys() - good.keys() <= damaged


def orders_of(rows: Rows) -> Meant:
    return meant(rows, HEADER)


_DAMAGE_OF_IDS = (
    *("2.04E+15", "12E4", "#WERT!", "#N/A", "Err:502", '="{}"', "'{}1", "1001.0", "2,048,020", "1.048.020"),
    *("{}\u200b1", "{} 1", "{}\u00a01", "\ufeff{}", "{}\ufffd", "Ã¤{}", "{}\0", "########", "{}\n1"),
)
_DAMAGE_OF_TEXT = (
    "#NAME?",
    "#VALEUR!",
    "{}\ufffd",
    "{}\0",
    "2,048,020",
    "4.9E+10",
    "=A1",
    "锟斤拷",
    "{} J?rg",
    "'0{}",
    "{}â€™s",
)
_DAMAGE_OF_NUMBERS = ("1.0E+3", "1,5", "#N/A", "1,234.5", "x", "{}\u00a0000", "１", "{} USD")
_REQUIRED = ("reference", "renderId", "receiverAddress.country", "itemId", "quantity")


@st.composite
def damaged_cells(draw: st.DrawFn) -> tuple[str, str]:
    """A column, and what becomes of its cell (``{}`` is what was there)."""
    column = draw(st.sampled_from(HEADER))
    kinds = _DAMAGE_OF_IDS if column in IDS else _DAMAGE_OF_TEXT
    if column in ("quantity", "price"):
        kinds = _DAMAGE_OF_NUMBERS
    return column, draw(st.sampled_from((*kinds, *([""] if column in _REQUIRED else []))))


@settings(max_examples=MANY, deadline=None)
@given(good_rows(), dialects())
def test_a_good_file_is_read_as_meant(rows: Rows, dialect: tuple[str, str, str, Any]) -> None:
    good = good_ones(content(written(rows, dialect)), "orders.csv", reading_of(dialect))
    assert good == orders_of(rows)


@attrs.frozen
class Damaged:
    """A file with one damage: its content, how it is read, what was meant, and the orders that may not be as they were."""

    content: bytes
    reading: Reading
    orders: Meant
    hit: set[str]


@st.composite
def with_a_damaged_cell(draw: st.DrawFn) -> Damaged:
    rows, dialect, (column, pattern) = draw(good_rows()), draw(dialects()), draw(damaged_cells())
    number = draw(st.integers(0, len(rows) - 1))
    changed: list[Sequence[str]] = [*rows]
    row = [*rows[number]]
    row[AT[column]] = pattern.replace("{}", row[AT[column]])
    changed[number] = row
    encoding = "utf-8" if "\ufffd" in pattern or "Ã" in pattern or "€" in pattern else dialect[0]
    dialect = (encoding, *dialect[1:])
    return Damaged(written(changed, dialect), reading_of(dialect), orders_of(rows), {rows[number][0]})


@settings(max_examples=2 * MANY, deadline=None)
@given(with_a_damaged_cell())
def test_one_damaged_cell_costs_its_order_at_most(file: Damaged) -> None:
    good = good_ones(content(file.content), "orders.csv", file.reading)
    assert good is not None
    check(good, file.orders, file.hit)


def _lines_at(text: bytes, place: int, number_of_lines: int) -> set[int]:
    """The line of a byte, and its neighbours: what a line break more or less, or a separator, can join or tear."""
    line = text.count(b"\n", 0, place)
    return {number for number in (line - 1, line, line + 1) if 0 <= number < number_of_lines}


@st.composite
def with_a_damaged_byte(draw: st.DrawFn) -> Damaged:
    rows, dialect = draw(good_rows()), draw(dialects())
    _, delimiter, *_ = dialect
    text = written(rows, dialect)
    begin = len(written([], dialect))
    place = draw(st.integers(begin, len(text)))
    structure = (delimiter.encode(), b'"', b"\n", b"\r", b"\0", b"\xff")
    if place < len(text) and text[place : place + 1] in structure and draw(st.booleans()):
        changed = text[:place] + text[place + 1 :]
    else:
        changed = text[:place] + draw(st.sampled_from(structure)) + text[place:]
    owners = _owners(rows, dialect, text)
    beside = {owners[number] for number in _lines_at(text, place, len(owners))} - {""}
    return Damaged(changed, reading_of(dialect), orders_of(rows), beside)


@settings(max_examples=4 * MANY, deadline=None)
@given(with_a_damaged_byte())
def test_one_damaged_byte_costs_what_is_beside_it_at_most(file: Damaged) -> None:
    good = good_ones(content(file.content), "orders.csv", file.reading)
    if good is not None:  # e.g. what makes the rest of a line another encoding's
        check_bytes(good, file.orders, file.hit)


@settings(max_examples=MANY // 2, deadline=None)
@given(st.one_of(with_a_damaged_cell(), with_a_damaged_byte()))
def test_what_was_not_damaged_is_booked_once_and_as_meant_and_nothing_else(file: Damaged) -> None:
    assume(len({_parcel(order) for order in file.orders.values()}) == len(file.orders))  # the same one twice is held
    names = {order["renderId"]: reference for reference, order in file.orders.items()}
    with FakeVendor() as vendor, folder_in_memory() as folder:
        bodies = keep_bodies(vendor)
        (folder / "orders.csv").write_bytes(file.content)
        result = book(folder, "orders.csv", vendor, file.reading, "--problems", str(folder / "problems.csv"))
    booked = {names[body["renderId"]]: body for body in bodies}
    assert len(booked) == len(bodies) == sum(one["state"] == "done" for one in outcomes(result))
    if result.exit_code == 2:
        assert not bodies
    else:
        check_bytes(booked, file.orders, file.hit)


def _parcel(order: Mapping[str, Any]) -> str:
    items = [(item["itemId"], item["skuId"], item["quantity"]) for item in order["lineItems"]]
    return json.dumps([order["receiverAddress"], sorted(items)])


def check_bytes(good: Mapping[str, Any], orders: Meant, beside: set[str]) -> None:
    for reference, wire in good.items():
        assert reference in orders
        assert wire == orders[reference] or (reference in beside and _is_text_only(wire, orders[reference]))
    assert orders.keys() - good.keys() <= beside


def _is_text_only(wire: Mapping[str, Any], order: Mapping[str, Any]) -> bool:
    """Whether they differ only in a name, an address or a zip, in which a separator or a line break more can't be seen."""

    def without(one: Mapping[str, Any]) -> str:
        receiver = {**one["receiverAddress"]}
        for name in ("name", "address", "zip"):
            receiver[name] = re.sub(r'[\s,;"{}\[\]]', "", receiver.get(name, ""))
        return json.dumps({**one, "receiverAddress": receiver}, sort_keys=True)

    return without(wire) == without(order)


def _owners(rows: Rows, dialect: tuple[str, str, str, Any], text: bytes) -> list[str]:
    """The order that each line of the file belongs to."""
    owners: list[str] = [""]
    for row in rows:
        lines = written([row], dialect)[len(written([], dialect)) :].count(b"\n")
        owners += [row[0]] * lines
    assert len(owners) == text.count(b"\n")
    return owners


@pytest.mark.parametrize("quote", ["", '"'])
def test_an_order_one_of_whose_rows_has_lost_a_separator_is_not_booked_without_it(quote: str, tmp_path: Path) -> None:
    lines = [
        ",".join(f"{quote}{cell}{quote}" for cell in row)
        for row in [HEADER, *(_row("R1", item) for item in "123"), _row("R", "4")]
    ]
    lines[2] = lines[2].replace(",", "", 1)
    (tmp_path / "orders.csv").write_text("\n".join(lines) + "\n")
    found = {
        one.reference: [str(finding.code) for finding in one.findings] for one in BookingFile(tmp_path / "orders.csv")
    }
    assert found["R1"] == ["row-missing"]
    assert found["R"] == []


def test_what_is_left_of_a_torn_object_is_not_booked_under_another_reference(tmp_path: Path) -> None:
    objects = [json.dumps({"reference": f"R{number}", "renderId": f"FF{number}"}, indent=1) for number in range(3)]
    objects[0] = objects[0].replace('"renderId"', '{ "renderId"')
    (tmp_path / "orders.json").write_text("\n".join(objects))
    torn, rest, *others = BookingFile(tmp_path / "orders.json")
    assert [finding.code for finding in torn.findings] == ["not-json"]
    assert "no-reference" in [finding.code for finding in rest.findings]
    assert [one.reference for one in others] == ["R1", "R2"]


def _row(reference: str, item: str) -> tuple[str, ...]:
    return (reference, f"FF{reference}", "Jane Example", "1 Test St", "US", "01000", item, "1", "1", "1", "3")


@settings(max_examples=MANY, deadline=None)
@given(good_rows(), dialects(), st.data())
def test_a_damaged_header_books_nothing_that_was_not_meant(
    rows: Rows, dialect: tuple[str, str, str, Any], data: st.DataObject
) -> None:
    text = written(rows, dialect)
    place = data.draw(st.integers(0, len(written([], dialect)) - 1))
    piece = data.draw(st.sampled_from((b"", b'"', b"\n", b"\r", b"\0", b"\xff", b",", b"x", b" ")))
    skipped = data.draw(st.integers(0, 1))
    good = good_ones(content(text[:place] + piece + text[place + skipped :]), "orders.csv", reading_of(dialect))
    for reference, wire in (good or {}).items():
        assert wire == orders_of(rows)[reference]


@settings(max_examples=2 * MANY, deadline=None)
@given(good_rows(), st.sampled_from(("lines", "array", "printed")), st.data())
def test_one_damaged_byte_of_json_costs_its_order_at_most(rows: Rows, layout: str, data: st.DataObject) -> None:
    orders = orders_of(rows)
    objects = [
        json.dumps({"reference": reference, **order}, indent=1 if layout == "printed" else None)
        for reference, order in orders.items()
    ]
    text = "\n".join(objects) if layout == "lines" else "[\n" + ",\n".join(objects) + "\n]\n"
    place = data.draw(st.integers(2, len(text) - 4))
    assume(text[place - 1] != "\\")  # a quote inside an escape leaves good JSON of another text, which nobody can see
    piece = data.draw(st.sampled_from(("", "", '"', "{", "}", "[", "]", "\0", ",", "\n")))
    if piece or text[place] in '{}[]",:':
        changed = text[:place] + piece + text[place + (not piece) :]
    else:
        changed = text[:place] + "\0" + text[place + 1 :]
    good = good_ones(content(changed), "orders.json")
    assert good is not None
    before = 2 if layout != "lines" else 0
    ends: list[int] = []
    for one in objects:
        ends.append((ends[-1] if ends else before) + len(one) + (1 if layout == "lines" else 2))
    hit = {
        list(orders)[number] for number, end in enumerate(ends) if end - len(objects[number]) - 4 <= place <= end + 2
    }
    if piece == "[" and layout != "lines":  # what follows is in an array of its own, which is no order
        hit |= {list(orders)[number] for number, end in enumerate(ends) if end > place}
    check_bytes(good, orders, hit)


_NUMBERS = (10**15 + 1, 2.048e15, 1001.5, True, "#N/A", "2.04E+15", "1001.0", "x\u200by")


@settings(max_examples=MANY // 3, deadline=None)
@given(good_rows(), st.sampled_from(IDS), st.sampled_from(_NUMBERS), st.data())
def test_one_damaged_cell_of_a_workbook_costs_its_order_at_most(
    rows: Rows, column: str, value: Any, data: st.DataObject
) -> None:
    number = data.draw(st.integers(0, len(rows) - 1))
    changed: list[list[Any]] = [[*row] for row in rows]
    changed[number][AT[column]] = value
    good = good_ones(by_openpyxl([HEADER, *changed]), "orders.xlsx")
    assert good is not None
    check(good, orders_of(rows), {rows[number][0]})
