"""Booking files: what is read, and how everything found is named; the corpus beside this has the files themselves."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from pandapon_async import RequestError, read_bookings, to_wire
from pandapon_async._files.bookings import BookingFile
from pandapon_async._files.columns import template
from pandapon_async._files.csv_table import neutral, plain
from pandapon_async._files.findings import CHECKS, FileError
from pandapon_async._files.reading import Reading
from pandapon_async._journal.rows import DerivedReference
from tests.conftest import contract

from .made import HEADER as COLUMNS, ROWS, by_openpyxl, lines

SAMPLE = contract("logistics")["logistics.order.book_freight"].example_request
HEADER = "reference,renderId,receiverAddress.country,itemId,quantity,freightInfo.serviceId"
GOOD: dict[str, Any] = {"receiverAddress": {"country": "US"}, "lineItems": [{"itemId": "11", "quantity": 1}]}
MANY = int(os.environ.get("PANDAPON_TEST_FILES", "150"))

Write = Callable[[str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(content: str | bytes) -> Path:
        path = tmp_path / "bookings"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return written


def wires(path: Path) -> list[tuple[str, dict[str, Any]]]:
    return [(reference, to_wire(request)) for reference, request in read_bookings(path)]


def found(path: Path) -> list[tuple[int, str | None]]:
    with pytest.raises(FileError) as caught:
        wires(path)
    assert str(path) in str(caught.value)
    return [(finding.line, finding.column) for finding in caught.value.findings]


def test_the_vendors_own_example_is_read_as_it_is(write: Write) -> None:
    path = write(json.dumps({"reference": "order-1", **SAMPLE}) + "\n")
    ((reference, wire),) = wires(path)
    assert reference == "order-1"
    assert wire == SAMPLE


def test_a_reference_that_was_not_given_is_known_as_such(write: Write) -> None:
    path = write(
        "\n".join(
            json.dumps({**more, **GOOD}) for more in ({"renderId": "FF1"}, {"reference": "mine", "renderId": "FF2"})
        )
    )
    derived, given_ = (reference for reference, _ in read_bookings(path))
    assert (type(derived), type(given_)) == (DerivedReference, str)


def test_a_booking_without_anything_of_its_own_is_known_by_its_digest(write: Write) -> None:
    (booking,) = BookingFile(write(json.dumps({"remark": "no number"})))
    assert booking.pair()[0].startswith("v1-")


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("{", "2"),
        ('{"renderId": }', "14"),
        ("3", None),
        ('"text"', None),
        ('{"renderID": "FF1"}', None),
        ('{"renderId": 7}', "renderId"),
        ('{"lineItems": [{"quantity": 0}]}', "lineItems[0].quantity"),
        ('{"lineItems": [{}, {"quantity": "1"}]}', "lineItems[1].quantity"),
        ('{"receiverAddress": []}', "receiverAddress"),
        ('{"reference": 7}', "reference"),
        ('{"reference": ""}', "reference"),
        ('{"reference": "a\\u0007b"}', "reference"),
        ('{"quantity": NaN}', None),
        ("[" * 5000, None),
    ],
)
def test_a_bad_line_is_named_by_number_and_column(write: Write, line: str, column: str | None) -> None:
    path = write(json.dumps({"renderId": "FF0", **GOOD}) + "\n" + line + "\n")
    (number, where), *more = found(path)
    assert (number, more) == (2, [])
    assert column is None or where == column


def test_what_is_found_never_shows_the_value(write: Write) -> None:
    path = write('{"receiverAddress": {"name": 5550100100}}\n{"receiverAddress": {"nam": "Jane Example"}}\n')
    with pytest.raises(FileError) as caught:
        wires(path)
    assert "5550100100" not in str(caught.value)
    assert "Jane Example" not in str(caught.value)


@pytest.mark.parametrize("content", ["", "\n \n", HEADER, HEADER + "\n\n", "[]", "[\n]\n"])
def test_a_file_without_a_booking_is_refused(write: Write, content: str) -> None:
    with pytest.raises(FileError, match="holds no booking"):
        wires(write(content))


@pytest.mark.parametrize(("name", "why"), [("nowhere.csv", "isn't there"), ("x" * 300, "File name too long")])
def test_a_file_that_is_not_there_is_refused(tmp_path: Path, name: str, why: str) -> None:
    with pytest.raises(FileError, match=why):
        wires(tmp_path / name)


def test_rows_without_a_column_of_references_are_bookings_of_their_own(write: Write) -> None:
    path = write("renderId,country,itemId,quantity\nFF1,US,1,1\nFF2,US,2,1\n")
    assert [reference for reference, _ in wires(path)] == ["FF1", "FF2"]


def test_the_template_names_every_member_of_a_booking(write: Write) -> None:
    columns = template()
    assert columns[:3] == ("reference", "shipment", "renderId")
    assert {"receiverAddress.zip", "freightInfo.serviceId", "quantity", "tmallOrderInfo.tmallOrderId"} <= {*columns}
    values = {"reference": "o-1", "shipment": "1", "quantity": "2", "price": "1.50", "receiverAddress.country": "US"}
    path = write(",".join(columns) + "\n" + ",".join(values.get(column, "x") for column in columns))
    ((_, request),) = read_bookings(path)
    assert str(request.line_items[0].price) == "1.50"
    assert request.receiver_address is not None
    assert request.receiver_address.tax_id == "x"


@pytest.mark.parametrize("title", ["shipment", "Teilsendung", "发货批次"])
def test_a_column_says_which_shipment_of_its_order_a_booking_is(write: Write, title: str) -> None:
    path = write(lines([(*ROWS[0], "2"), (*ROWS[1], ""), (*ROWS[2], "3"), (*ROWS[3], "")], (*COLUMNS, title)))
    assert [(one.pair()[0], one.shipment) for one in BookingFile(path)] == [("o-1", 2), ("o-2", 3), ("o-3", 1)]
    with pytest.raises(FileError, match="line 2, column shipment"):
        wires(path)


@pytest.mark.parametrize(("cell", "code"), [("0", "member"), ("second", "whole-number"), ("1.0", "whole-number")])
def test_what_is_no_number_of_a_shipment_is_wrong(write: Write, cell: str, code: str) -> None:
    path = write(lines([(*ROWS[0], cell)], (*COLUMNS, "shipment")))
    assert [(one.line, one.column, one.code) for one in next(iter(BookingFile(path))).findings] == [
        (2, "shipment", code)
    ]


def test_the_rows_of_an_order_in_one_file_are_one_shipment(write: Write) -> None:
    path = write(lines([(*ROWS[1], "1"), (*ROWS[2], "2")], (*COLUMNS, "shipment")))
    assert [one.code for one in next(iter(BookingFile(path))).findings] == ["differs"]


def test_an_object_says_which_shipment_of_its_order_it_is(write: Write) -> None:
    path = write("\n".join(json.dumps({"reference": "o-1", "shipment": number, **SAMPLE}) for number in (2, "2", True)))
    assert [(one.shipment, one.is_wrong) for one in BookingFile(path)] == [(2, False), (1, True), (1, True)]


def test_a_huge_cell_is_refused_and_the_lines_after_it_are_read(write: Write) -> None:
    path = write(f"{HEADER}\no-1,{'x' * 5_000_000},US,11,1,1\no-2,FF2,US,11,1,1\n")
    assert [(one.reference, [finding.code for finding in one.findings]) for one in BookingFile(path)] == [
        ("o-1", ["too-long"]),
        ("o-2", []),
    ]
    path = write('{"remark": "' + "x" * 5_000_000 + '"}\n{"renderId": 1}\n')
    assert found(path) == [(1, None), (2, "renderId")]


def test_a_summary_counts_and_tells_a_column_that_is_wrong_everywhere(write: Write) -> None:
    rows = [f"o-{number},FF{number},US,6.24E+14,1,1" for number in range(300)]
    checked = BookingFile(write("\n".join([HEADER, *rows]))).check()
    assert (checked.good, checked.wrong, checked.held, checked.bookings) == (0, 300, 0, 300)
    assert (len(checked.findings), checked.more, checked.wrong_everywhere) == (100, 200, ("itemId",))


def test_only_what_is_held_is_not_wrong(write: Write) -> None:
    held, wrong = BookingFile(write(f"{HEADER}\no-1,FF1,,11,1,1\no-2,FF2,,11,x,1\n"))
    assert (held.is_wrong, wrong.is_wrong) == (False, True)
    assert held.request is not None
    assert wrong.request is None


def test_rows_far_apart_stay_out_of_memory_and_come_once(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    rows = [
        row
        for part in range(3)
        for number in range(400)
        for row in ((f"o-{number}", f"FF{number}", "US", str(part + 1), "1", ""),)
    ]
    path.write_text("\n".join([HEADER, *map(",".join, rows)]))
    bookings = list(BookingFile(path))
    assert [booking.reference for booking in bookings] == [f"o-{number}" for number in range(400)]
    items = [[item["itemId"] for item in to_wire(booking.pair()[1])["lineItems"]] for booking in bookings]
    assert items == [["1", "2", "3"]] * 400


@pytest.mark.parametrize("change", ["written over", "replaced", "removed"])
def test_a_file_that_changes_between_two_readings_is_noticed(write: Write, change: str) -> None:
    path = write(lines(ROWS[:1], COLUMNS))
    file = BookingFile(path)
    assert [one.reference for one in file] == ["o-1"]
    if change != "written over":
        path.rename(path.with_name("before.csv"))
    if change != "removed":
        path.write_text(lines([ROWS[1], ROWS[0], ROWS[2]], COLUMNS))
    with pytest.raises(FileError, match="was changed or moved"):
        next(iter(file))


def test_a_file_that_changes_while_it_is_read_gives_no_booking_more(write: Write) -> None:
    orders = [(f"o-{number}", f"FF{number}", *ROWS[0][2:]) for number in range(2000)]
    path = write(lines(orders))
    bookings = iter(BookingFile(path))
    next(bookings)
    with path.open("a") as file:
        file.write(lines(orders[:1]))
    with pytest.raises(FileError, match="was changed or moved"):
        next(bookings)


def test_a_file_left_early_leaves_nothing_open(write: Write) -> None:
    path = write(lines([ROWS[1], ROWS[0], ROWS[2]], COLUMNS))
    bookings = iter(BookingFile(path))
    next(bookings)
    del bookings  # an open database, or file, would be a ResourceWarning, which is an error here


def test_without_the_extra_a_workbook_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "orders.xlsx"
    by_openpyxl([COLUMNS, *ROWS])(path)
    monkeypatch.setitem(__import__("sys").modules, "python_calamine", None)
    with pytest.raises(FileError, match=r"pip install 'pandapon-async\[sheets\]'"):
        BookingFile(path)


@pytest.mark.parametrize("code", sorted(CHECKS))
def test_a_check_has_a_sentence(code: str) -> None:
    assert CHECKS[code].text
    assert code.isascii()
    assert code == code.lower()


@pytest.mark.parametrize(
    "reading", [{"constants": {"reference": "x"}}, {"constants": {"cost": "x"}}, {"constants": {"quantity": "x"}}]
)
def test_a_constant_that_cannot_be_one_is_refused(write: Write, reading: dict[str, Any]) -> None:
    with pytest.raises(FileError):
        BookingFile(write(lines()), reading=Reading(**reading))


# --- for any content ---


@given(st.text())
def test_a_neutral_cell_reads_as_it_was(text: str):
    assert plain(neutral(text)) == text
    assert not neutral(text).startswith(("=", "+", "-", "@", "\t", "\r"))


_CELLS = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        ["", "1", "-1", "0", "1e400", "2.04E+15", "9" * 30, "'=1", '"', 'a"b', "\0", "\n", "US", "1.5", "#REF!"]
    ),
)
_COLUMNS = st.lists(st.one_of(st.sampled_from(template()), st.text(max_size=5)), max_size=8)
_JSON: Any = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["renderId", "lineItems", "quantity", "receiverAddress", "reference", "x"]), inner
        )
    ),
    max_leaves=6,
)


def _sheet(columns: list[str], rows: list[list[str]], delimiter: str) -> str:
    text = io.StringIO()
    cells = [[cell.replace("\0", "") for cell in row] for row in (columns, *rows)]  # Python 3.10 writes no NUL
    csv.writer(text, delimiter=delimiter).writerows(cells)
    return text.getvalue()


_TEXTS = st.one_of(
    st.text(max_size=60),
    st.lists(_JSON.map(json.dumps), max_size=4).map("\n".join),
    st.builds(_sheet, _COLUMNS, st.lists(st.lists(_CELLS, max_size=8), max_size=4), st.sampled_from(",;\t")),
    st.lists(st.lists(_CELLS, max_size=7).map(",".join), max_size=4).map(lambda rows: "\n".join([HEADER, *rows])),
)
_CONTENTS = st.one_of(
    st.binary(max_size=80),
    st.tuples(
        _TEXTS, st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "latin-1", "gb18030"]), st.booleans()
    ).map(lambda made: made[0].encode(made[1], "replace")[: None if made[2] else -3]),
)


@settings(max_examples=MANY, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(_CONTENTS)
def test_any_file_is_accepted_or_refused_with_its_lines(tmp_path: Path, content: bytes):
    path = tmp_path / "any"
    path.write_bytes(content)
    refused: FileError | None = None
    found: list[tuple[str, Any]] = []
    try:
        found = list(read_bookings(path))
    except FileError as error:
        refused = error
    assert bool(found) != bool(refused)
    assert all(reference and reference.isprintable() for reference, _ in found)
    if refused is not None:
        assert str(path) in str(refused)
        assert all(finding.line >= 1 or refused.findings == (finding,) for finding in refused.findings)


def test_the_error_of_a_file_is_a_request_error():
    assert issubclass(FileError, RequestError)
