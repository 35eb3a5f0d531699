"""Booking files: what is read, and how every mistake is named."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from pandapon_async import RequestError, read_bookings, to_wire
from pandapon_async._files.bookings import BookingFile
from pandapon_async._files.columns import template
from pandapon_async._files.csv_table import neutral, plain
from pandapon_async._files.findings import FileError
from pandapon_async._files.problems import ProblemsWriter
from pandapon_async._journal.rows import DerivedReference
from tests.conftest import contract

SAMPLE = contract("logistics")["logistics.order.book_freight"].example_request
HEADER = "reference,renderId,receiverAddress.country,itemId,quantity,freightInfo.serviceId"
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


def mistakes(path: Path) -> list[tuple[int, str | None]]:
    with pytest.raises(FileError) as caught:
        wires(path)
    assert str(path) in str(caught.value)
    return [(mistake.line, mistake.column) for mistake in caught.value.findings]


# --- JSON lines ---


def test_a_json_line_is_the_vendors_body_with_a_reference_beside(write: Write):
    path = write(json.dumps({"reference": "order-1", **SAMPLE}) + "\n")
    ((reference, wire),) = wires(path)
    assert reference == "order-1"
    assert wire == SAMPLE


def test_blank_lines_and_a_bom_are_passed_over(write: Write):
    path = write(b"\xef\xbb\xbf" + b'{"renderId": "FF1"}\n\n  \n{"renderId": "FF2"}')
    assert [reference for reference, _ in wires(path)] == ["FF1", "FF2"]


def test_a_reference_that_was_not_given_is_known_as_such(write: Write):
    path = write('{"renderId": "FF1"}\n{"reference": "mine", "renderId": "FF2"}\n{"remark": "no number"}\n')
    derived, given_, digest = (reference for reference, _ in read_bookings(path))
    assert (type(derived), type(given_), type(digest)) == (DerivedReference, str, DerivedReference)
    assert digest.startswith("v1-")


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
def test_a_bad_line_is_named_by_number_and_column(write: Write, line: str, column: str | None):
    path = write('{"renderId": "FF0"}\n' + line + "\n")
    ((number, where),) = mistakes(path)
    assert number == 2
    assert column is None or where == column


def test_a_mistake_never_shows_the_value(write: Write):
    path = write('{"receiverAddress": {"name": 5550100100}}\n{"receiverAddress": {"nam": "Jane Example"}}\n')
    with pytest.raises(FileError) as caught:
        wires(path)
    assert "5550100100" not in str(caught.value)
    assert "Jane Example" not in str(caught.value)


def test_bytes_that_are_no_text_are_named(write: Write):
    assert mistakes(write(b'{"renderId": "\xff"}\n')) == [(1, "15")]


def test_an_array_of_bookings_is_refused_with_advice(write: Write):
    with pytest.raises(FileError, match="JSON lines"):
        wires(write("[{}]"))


@pytest.mark.parametrize("content", ["", "\n \n", HEADER, HEADER + "\n\n"])
def test_a_file_without_a_booking_is_refused(write: Write, content: str):
    with pytest.raises(FileError, match="holds no booking"):
        wires(write(content))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path):
    with pytest.raises(FileError, match="can't be read"):
        wires(tmp_path / "nowhere.csv")


# --- CSV ---


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_rows_of_a_reference_are_one_booking(write: Write, delimiter: str, start: str, end: str):
    lines = [HEADER, "o-1,FF1,US,11,1,1", "o-1,FF1,US,12,2,1", "o-2,FF2,MX,13,3,2"]
    path = write(start + end.join(line.replace(",", delimiter) for line in lines))
    assert wires(path) == [
        (
            "o-1",
            {
                "renderId": "FF1",
                "receiverAddress": {"country": "US"},
                "lineItems": [
                    {"itemId": "11", "quantity": 1, "freightInfo": {"serviceId": "1"}},
                    {"itemId": "12", "quantity": 2, "freightInfo": {"serviceId": "1"}},
                ],
            },
        ),
        (
            "o-2",
            {
                "renderId": "FF2",
                "receiverAddress": {"country": "MX"},
                "lineItems": [{"itemId": "13", "quantity": 3, "freightInfo": {"serviceId": "2"}}],
            },
        ),
    ]


def test_rows_without_a_reference_are_bookings_of_their_own(write: Write):
    path = write("renderId,itemId\nFF1,1\nFF1,2\n")
    assert [wire["lineItems"] for _, wire in wires(path)] == [[{"itemId": "1"}], [{"itemId": "2"}]]


def test_the_template_names_every_member_of_a_booking(write: Write):
    columns = template()
    assert columns[:2] == ("reference", "renderId")
    assert {"receiverAddress.zip", "freightInfo.serviceId", "quantity", "tmallOrderInfo.tmallOrderId"} <= {*columns}
    values = {"reference": "o-1", "quantity": "2", "price": "1.50"}
    path = write(",".join(columns) + "\n" + ",".join(values.get(column, "x") for column in columns))
    ((_, request),) = read_bookings(path)
    assert request.line_items[0].price == Decimal("1.50")
    assert request.receiver_address is not None
    assert request.receiver_address.tax_id == "x"


@pytest.mark.parametrize(
    ("rows", "where"),
    [
        ("o-1,FF1,US,2.04E+15,1,1", [(2, "itemId")]),
        ("o-1,FF1,US,2,04E+15,1", [(2, "quantity")]),
        ("o-1,FF1,US,#N/A,1,1", [(2, "itemId")]),
        ("o-1,FF1,US,11,one,1", [(2, "quantity")]),
        ("o-1,FF1,US,11,1.0,1", [(2, "quantity")]),
        ("o-1,FF1,US,11,0,1", [(2, "quantity")]),
        ("o-1,FF1,US,11,99999999999999999999,1", [(2, "quantity")]),
        ("o-1,FF1,US,11,1,1\no-1,FF2,US,11,1,1", [(3, "renderId")]),
        ("o-1,FF1,US,11,1,1\no-1,FF1,US,11,-1,1", [(3, "quantity")]),
        ("o-1,FF1,US,11,1,1\no-1,FF1,,11,1,1", [(3, "receiverAddress.country")]),
        ("o-1,FF1,US,11,1,1,extra", [(2, "7")]),
        ("o-1,FF1,US,11,x,1\no-2,FF1,US,11,y,1", [(2, "quantity"), (3, "quantity")]),
        ('o-1,"FF1,US,11,1,1', [(2, None)]),
        ('o-1,"FF1,US,11,1,1\no-2,FF2,US,11,1,1', [(2, None), (3, None)]),
        ('o-1,FF"1,US,11,1,1\no-2,"a"b,US,11,1,1', [(3, None)]),
        ("o-1,F\0F,US,11,1,1", [(2, None)]),
    ],
)
def test_a_bad_cell_is_named_by_line_and_column(write: Write, rows: str, where: list[tuple[int, str | None]]):
    assert mistakes(write(f"{HEADER}\n{rows}\n")) == where


def test_a_line_break_inside_a_cell_counts(write: Write):
    path = write(f'{HEADER}\no-1,"FF\n1",US,11,1,1\no-2,FF2,US,11,x,1\n')
    assert mistakes(path) == [(4, "quantity")]


@pytest.mark.parametrize(
    ("header", "column"),
    [
        ("reference,renderID", "renderID"),
        ("reference,renderId,renderId", "renderId"),
        ("reference,,renderId", "2"),
        (",,", None),
        ("item-id;renderId", "item-id"),
    ],
)
def test_a_header_that_cannot_be_one_is_refused(write: Write, header: str, column: str | None):
    assert mistakes(write(f"{header}\n1,2,3\n")) == [(1, column)]


def test_utf_16_is_refused_with_advice(write: Write):
    with pytest.raises(FileError, match="UTF-16"):
        wires(write((HEADER + "\n").encode("utf-16")))


def test_bytes_that_are_no_utf_8_are_named_by_line(write: Write):
    assert mistakes(write(f"{HEADER}\no-1,FF1,US,11,1,1\no-2,Stra\xdfe,US,11,1,1\n".encode("latin-1"))) == [(3, None)]


def test_a_huge_cell_is_refused(write: Write):
    assert mistakes(write(f"{HEADER}\no-1,{'x' * 5_000_000},US,11,1,1\n")) == [(2, None)]


def test_lines_after_a_huge_one_are_read(write: Write):
    path = write('{"remark": "' + "x" * 5_000_000 + '"}\n{"renderId": 1}\n')
    assert mistakes(path) == [(1, None), (2, "renderId")]


# --- rejects ---


def rejects_of(path: Path) -> bytes:
    source = BookingFile(path)
    target = path.with_suffix(".rejects")
    with ProblemsWriter(target, source) as writer:
        for booking in source:
            if booking.findings:
                writer.add(booking, booking.findings)
    return target.read_bytes()


def test_rejects_of_a_sheet_keep_its_columns_and_say_what_is_wrong(write: Write):
    path = write(f"{HEADER}\no-1,FF1,US,11,1,1\no-2,FF2,US,11,x,1\no-2,FF2,US,12,1,1\n".replace(",", ";"))
    content = rejects_of(path).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(content), delimiter=";"))
    assert [(row["reference"], row["line"], row["column"]) for row in rows] == [
        ("o-2", "3", "quantity"),
        ("o-2", "4", ""),
    ]
    assert rows[0]["problem"] == "expected a whole number"


def test_a_quote_that_is_not_closed_loses_no_line(write: Write):
    path = write(f'{HEADER}\no-1,"FF1,US,11,1,1\no-2,FF2,US,11,1,1\no-3,FF3,US,11,1,1\n')
    rows = list(csv.DictReader(io.StringIO(rejects_of(path).decode("utf-8-sig"))))
    assert [row["reference"] for row in rows] == ["o-1", "o-2", "o-3"]
    assert [row["line"] for row in rows] == ["2", "3", "4"]


def test_corrected_rejects_are_taken(write: Write, tmp_path: Path):
    path = write(f"{HEADER}\no-2,=FF2,US,11,x,1\n")
    corrected = tmp_path / "corrected"
    corrected.write_bytes(rejects_of(path).replace(b",x,", b",1,"))
    ((reference, wire),) = wires(corrected)
    assert (reference, wire["renderId"], wire["lineItems"][0]["quantity"]) == ("o-2", "=FF2", 1)


def test_rejects_of_json_lines_are_json_lines(write: Write, tmp_path: Path):
    path = write('{"reference": "o-1", "renderId": 5}\n{broken\n')
    first, second = map(json.loads, rejects_of(path).splitlines())
    assert (first["reference"], first["renderId"], first["line"], first["column"]) == ("o-1", 5, 1, "renderId")
    assert (second["text"], second["line"]) == ("{broken", 2)
    corrected = tmp_path / "corrected"
    corrected.write_text(json.dumps({**first, "renderId": "5"}))
    assert wires(corrected) == [("o-1", {"renderId": "5"})]


def test_rejects_may_be_read_by_their_owner_only(write: Write):
    path = write('{"renderId": 5}\n')
    rejects_of(path)
    assert path.with_suffix(".rejects").stat().st_mode & 0o777 == 0o600


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
        assert all(mistake.line >= 1 for mistake in refused.findings)


def test_the_error_of_a_file_is_a_request_error():
    assert issubclass(FileError, RequestError)
