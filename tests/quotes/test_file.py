"""Files of quote requests: read as people save them, every mistake named by line and column."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from pandapon_async._files.findings import FileError
from pandapon_async._quotes.file import quote_columns, read_quote_file

HEAD = "item_id,sku_id,quantity,price,currency,country,state,city,zip\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "quotes.csv"


def test_a_line_is_an_estimate(file: Path) -> None:
    file.write_text("reference," + HEAD + "order-1,2048,4970,2,12.50,USD,CN,广东省,深圳市,518000\n", encoding="utf-8")
    (ask,) = read_quote_file(file)
    request, address = ask.request, ask.request.receiver_address
    assert (ask.reference, request.item_id, request.sku_id) == ("order-1", "2048", "4970")  # type: ignore[union-attr]
    assert (request.quantity, request.price, request.currency) == (2, Decimal("12.50"), "USD")  # type: ignore[union-attr]
    assert address is not None
    assert (address.country, address.state, address.city, address.zip) == ("CN", "广东省", "深圳市", "518000")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_it_is_read_as_spreadsheets_save_it(file: Path, delimiter: str, encoding: str, end: str) -> None:
    lines = ["item_id,sku_id,country", "1,2,US", "", ",,", "3,4,VN"]
    file.write_bytes((end.join(lines) + end).replace(",", delimiter).encode(encoding))
    assert [ask.request.item_id for ask in read_quote_file(file)] == ["1", "3"]  # type: ignore[union-attr]


def test_columns_may_have_the_vendors_names(file: Path) -> None:
    file.write_text("itemId,skuId,receiverAddress.country,receiverAddress.mobilePhone\n1,2,US,5550100100\n")
    (ask,) = read_quote_file(file)
    assert ask.request.receiver_address is not None
    assert ask.request.receiver_address.mobile_phone == "5550100100"


def test_a_neutralised_cell_is_what_it_was(file: Path) -> None:
    file.write_text("item_id,sku_id,country,phone\n1,2,US,'+49 30\n")
    (ask,) = read_quote_file(file)
    assert ask.request.receiver_address is not None
    assert ask.request.receiver_address.phone == "+49 30"


def test_the_quantity_is_one_unless_given(file: Path) -> None:
    file.write_text("item_id,sku_id,country,quantity\n1,2,US,\n1,2,US\n")
    assert [ask.request.quantity for ask in read_quote_file(file)] == [1, 1]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (",2,1,,,US,,,", "line 2, column item_id: is empty"),
        ("1,2,1,,,,,,", "line 2, column country: is empty"),
        ("1,2,two,,,US,,,", "line 2, column quantity: expected a whole number"),
        ("1,2,0,,,US,,,", "line 2, column quantity: must be at least 1"),
        ("1,2,1.5,,,US,,,", "line 2, column quantity: expected a whole number"),
        ("1,2,1,cheap,,US,,,", "line 2, column price: expected a number"),
        ('1,2,1,"12,50",USD,US,,,', "line 2, column price: expected a number"),
        ("1,2,1,-1,USD,US,,,", "line 2, column price: must not be below 0"),
        ("1,2,1,NaN,USD,US,,,", "line 2, column price: expected a number"),
        ("2.04E+15,2,1,,,US,,,", "line 2, column item_id: was altered by a spreadsheet"),
        ('1,"4,97E+12",1,,,US,,,', "line 2, column sku_id: was altered by a spreadsheet"),
        ("1,2,1,,,US,,,,more", "line 2: has 10 cells, and the header 9"),
        ('1,2,1,,,US,"open,,', "line 2: not CSV: unexpected end of data"),
    ],
)
def test_a_mistake_is_named_by_line_and_column(file: Path, line: str, told: str) -> None:
    file.write_text(HEAD + line + "\n", encoding="utf-8")
    with pytest.raises(FileError) as caught:
        read_quote_file(file)
    assert told in str(caught.value)


def test_a_line_is_counted_as_an_editor_counts_it(file: Path) -> None:
    file.write_text(HEAD + '1,2,1,,,US,"two\nlines",,\n\n1,2,none,,,US,,,\n', encoding="utf-8")
    with pytest.raises(FileError, match=r"line 5, column quantity"):
        read_quote_file(file)


def test_all_mistakes_are_listed_the_first_few_in_words(file: Path) -> None:
    file.write_text(HEAD + "1,2,none,,,US,,,\n" * 300, encoding="utf-8")
    with pytest.raises(FileError) as caught:
        read_quote_file(file)
    assert [mistake.line for mistake in caught.value.findings] == list(range(2, 102))
    assert str(caught.value).endswith("; and 95 more")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "line 1: there is no header"),
        (b"a,b\n1,2\n", "line 1: not the header of a quote file: the columns are item_id, sku_id, country, and"),
        (b"item_id,sku_id\n1,2\n", "line 1, column country: is missing"),
        (b"item_id,sku_id,country\n", "contains nothing to quote"),
        (b"item_id,sku_id,contry\n", "line 1, column contry: is unknown (did you mean 'country'?)"),
        (b"item_id,itemId,sku_id,country\n", "line 1, column itemId: is the same as item_id"),
        (b"item_id,sku_id,country,city\n1,2,CN,\xb9\xe3\n", "line 2, column city: has bytes that aren't UTF-8"),
    ],
)
def test_a_file_that_is_not_a_quote_file_is_refused(file: Path, content: bytes, told: str) -> None:
    file.write_bytes(content)
    with pytest.raises(FileError) as caught:
        read_quote_file(file)
    assert told in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"none\.csv: isn't there"):
        read_quote_file(tmp_path / "none.csv")


def test_a_title_of_the_vendors_is_named_as_it_stands(file: Path) -> None:
    file.write_text("itemId,sku_id,receiverAddress.country,quantity\n1,2,,0\n")
    with pytest.raises(FileError, match=r"line 2, column receiverAddress.country: is empty"):
        read_quote_file(file)


def test_personal_cells_are_not_in_an_error(file: Path) -> None:
    file.write_text("item_id,sku_id,country,quantity,price\n1,2,US,Jane Example,5550100100x\n")
    with pytest.raises(FileError) as caught:
        read_quote_file(file)
    assert not any(text in repr(caught.value) + str(caught.value.findings) for text in ("Jane", "5550"))


def test_the_columns_begin_with_what_people_need() -> None:
    assert quote_columns()[:4] == ("reference", "item_id", "sku_id", "country")
    assert len(quote_columns()) == 16
