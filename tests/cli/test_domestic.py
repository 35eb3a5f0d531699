"""``pandapon domestic``: domestic parcels of booked orders, by a file."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pandapon_async import Journal
from pandapon_async.testing import FakeVendor

from .conftest import Pandapon, order

UPDATE = "logistics.update_domestic_shipment"
PATH = "/open/pp/logistics/updateLogisticInfo"
HEADER = "reference,itemId,carrier,number"

pytestmark = pytest.mark.usefixtures("keys")


def parcel(number: str, *items: tuple[str, str, int]) -> dict[str, Any]:
    return {
        "itemInfos": [{"itemId": item, "skuId": sku, "quantity": count} for item, sku, count in items],
        "internationalLogisticInfos": {"logisticNumer": number, "logisticCompanyName": "UCS"},
    }


def reply(order_id: str, *parcels: dict[str, Any]) -> dict[str, Any]:
    data = {"orderId": order_id, "orderFee": {"amount": "12.50", "currency": "USD"}, "subOrders": list(parcels)}
    return {"done": True, "json": {"errorCode": 200, "success": True, "data": data}}


@pytest.fixture
def journal(pandapon: Pandapon, shop: FakeVendor, tmp_path: Path) -> str:
    """o-1 is booked in two parcels, o-2 refused, o-3 booked in one; o-4 has an item in two parcels."""
    shop.script(
        reply("8001", parcel("T1", ("601", "55", 2)), parcel("T2", ("603", "57", 1))),
        "refuse",
        reply("8003", parcel("T3", ("604", "58", 1))),
        reply("8004", parcel("T4", ("605", "59", 1)), parcel("T5", ("605", "59", 1))),
    )
    file = tmp_path / "orders.jsonl"
    bodies = [order(number) | {"reference": f"o-{number}"} for number in range(1, 5)]
    file.write_text("".join(json.dumps(body) + "\n" for body in bodies))
    path = str(tmp_path / "bookings.db")
    assert pandapon("book", str(file), "--journal", path, "--concurrency", "1").exit_code == 1
    return path


@pytest.fixture
def domestic(pandapon: Pandapon, tmp_path: Path, journal: str) -> Callable[..., Any]:
    """Writes a file of these rows and runs the command on it."""

    def run(*rows: str, header: str = HEADER, name: str = "parcels.csv", options: tuple[str, ...] = ()) -> Any:
        file = tmp_path / name
        file.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
        return pandapon("domestic", str(file), "--journal", journal, *options)

    return run


def updates(journal: str) -> list[Any]:
    """The bodies of the updates, as they were sent."""
    with Journal.open(journal) as opened:
        return [row.body for row in opened.rows(operation=UPDATE) if row.sent_at is not None]


def received(shop: FakeVendor) -> int:
    """How many updates came to the vendor."""
    return sum(one.path == PATH for one in shop.ledger.requests)


def rows_of(journal: str) -> dict[tuple[str, int], str]:
    with Journal.open(journal) as opened:
        return {(row.reference, row.shipment): row.state for row in opened.rows(operation=UPDATE)}


# --- what can't be sent ---


def test_what_is_not_booked_is_a_problem_row_and_nothing_is_sent(domestic: Callable[..., Any], shop: FakeVendor):
    result = domestic("o-1,601,SF,D1", "o-2,1,SF,D2", "o-9,1,SF,D3")
    assert result.exit_code == 2
    assert "line 3, column reference: isn't booked: the journal has it as refused" in result.stderr
    assert "line 4, column reference: isn't in the journal" in result.stderr
    assert received(shop) == 0


def test_with_a_problems_file_the_booked_ones_are_reported_and_the_file_has_the_others(
    domestic: Callable[..., Any], journal: str, tmp_path: Path
):
    problems = tmp_path / "p.csv"
    rows = ["o-3,604,SF,D1", "o-1,601,SF,D1", "o-4,605,SF,D5", "o-2,1,SF,D2"]
    result = domestic(*rows, options=("--problems", str(problems)))
    assert result.exit_code == 1
    with problems.open(encoding="utf-8-sig", newline="") as file:
        written = [(row["reference"], row["code"].split()[0]) for row in csv.DictReader(file)]
    assert written == [("o-4", "several-parcels"), ("o-2", "not-booked")]
    assert sorted(one["orderId"] for one in updates(journal)) == ["8001", "8003"]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["o-1,999,SF,D1"], "line 2, column itemId: no parcel of this order has it"),
        (["o-1,,SF,D1"], "may be in several parcels (T1, T2)"),
        (["o-4,605,SF,D1"], "may be in several parcels (T4, T5)"),
        (["o-1,601,SF,"], "line 2, column number: is missing"),
        (["o-1,601,,D1"], "line 2, column carrier: is missing"),
        (["o-1,601,SF,1.23E+11"], "was altered by a spreadsheet"),
        ([",601,SF,D1"], "write the reference of its order into it"),
    ],
)
def test_a_row_that_says_too_little_is_named_by_line_and_column(
    domestic: Callable[..., Any], shop: FakeVendor, rows: list[str], said: str
):
    result = domestic(*rows)
    assert result.exit_code == 2
    assert said in result.stderr
    assert received(shop) == 0


def test_without_a_journal_nothing_was_booked(pandapon: Pandapon, tmp_path: Path):
    file = tmp_path / "parcels.csv"
    file.write_text(f"{HEADER}\no-1,601,SF,D1\n")
    result = pandapon("domestic", str(file))
    assert result.exit_code == 2
    assert "there is no journal" in result.stderr
    assert not (tmp_path / "bookings.db").exists()


def test_a_file_without_order_numbers_is_refused(domestic: Callable[..., Any], shop: FakeVendor):
    result = domestic("601,SF,D1", header="itemId,carrier,number")
    assert result.exit_code == 2
    assert "which booking is it" in result.stderr
    assert received(shop) == 0


def test_an_update_in_doubt_is_not_sent_again(domestic: Callable[..., Any], shop: FakeVendor, journal: str):
    shop.script("drop_after")
    assert domestic("o-3,604,SF,D1").exit_code == 3
    assert domestic("o-3,604,SF,D1").exit_code == 3
    assert received(shop) == 1
    assert rows_of(journal) == {("o-3", 1): "unknown"}


def test_a_refused_update_is_corrected_by_another_file(domestic: Callable[..., Any], shop: FakeVendor, journal: str):
    shop.script("refuse")
    assert domestic("o-3,604,SF,D1").exit_code == 1
    assert domestic("o-3,604,SF,D2").exit_code == 0
    assert rows_of(journal) == {("o-3", 1): "done"}
    (info,) = updates(journal)[-1]["logisticInfos"]
    assert [one["logisticNumer"] for one in info["domesticLogisticInfo"]] == ["D2"]


# --- what is sent ---


def test_the_order_id_the_international_number_and_the_account_come_from_the_journal(
    domestic: Callable[..., Any], shop: FakeVendor, journal: str
):
    result = domestic("o-1,601,顺丰,D1", "o-1,601,顺丰,D2", "o-1,603,中通,D3")
    assert result.exit_code == 0
    assert "Done               1" in result.stdout
    assert updates(journal) == [
        {
            "orderId": "8001",
            "logisticInfos": [
                {
                    "lineItem": {"itemId": "601", "skuId": "55", "quantity": 2},
                    "logisticNumer": "T1",
                    "domesticLogisticInfo": [
                        {"logisticNumer": "D1", "logisticCompanyName": "顺丰"},
                        {"logisticNumer": "D2", "logisticCompanyName": "顺丰"},
                    ],
                },
                {
                    "lineItem": {"itemId": "603", "skuId": "57", "quantity": 1},
                    "logisticNumer": "T2",
                    "domesticLogisticInfo": [{"logisticNumer": "D3", "logisticCompanyName": "中通"}],
                },
            ],
        }
    ]


def test_a_file_that_is_fed_again_reports_nothing_twice(domestic: Callable[..., Any], shop: FakeVendor, journal: str):
    for _ in range(2):
        assert domestic("o-1,601,SF,D1", "o-3,604,SF,D2").exit_code == 0
    assert received(shop) == 2
    assert rows_of(journal) == {("o-1", 1): "done", ("o-3", 1): "done"}


def test_later_parcels_are_a_further_update_with_all_so_far(
    domestic: Callable[..., Any], shop: FakeVendor, journal: str
):
    assert domestic("o-3,604,SF,D1").exit_code == 0
    for _ in range(2):
        assert domestic("o-3,604,SF,D2", name="later.csv").exit_code == 0
        assert domestic("o-3,604,SF,D1").exit_code == 0
    assert rows_of(journal) == {("o-3", 1): "done", ("o-3", 2): "done"}
    numbers = [
        [one["logisticNumer"] for one in body["logisticInfos"][0]["domesticLogisticInfo"]] for body in updates(journal)
    ]
    assert numbers == [["D1"], ["D1", "D2"]]


def test_another_carrier_of_a_known_parcel_is_a_correction(domestic: Callable[..., Any], journal: str):
    assert domestic("o-3,604,SF,D1").exit_code == 0
    assert domestic("o-3,604,ZTO,D1").exit_code == 0
    (info,) = updates(journal)[-1]["logisticInfos"]
    assert info["domesticLogisticInfo"] == [{"logisticNumer": "D1", "logisticCompanyName": "ZTO"}]


def test_an_item_in_several_parcels_is_told_by_the_international_number(domestic: Callable[..., Any], journal: str):
    result = domestic("o-4,605,SF,D1,T5", header=f"{HEADER},international tracking number")
    assert result.exit_code == 0
    assert [one["logisticNumer"] for one in updates(journal)[0]["logisticInfos"]] == ["T5"]


def test_an_order_with_one_parcel_needs_no_item(domestic: Callable[..., Any], journal: str):
    assert domestic("o-3,SF,D1", header="order no,carrier,number").exit_code == 0
    assert [one["logisticNumer"] for one in updates(journal)[0]["logisticInfos"]] == ["T3"]


@pytest.mark.parametrize(
    "header", ["Bestellnummer;itemId;Versanddienst;Sendungsnummer", "订单号;宝贝ID;快递公司;快递单号"]
)
def test_headers_in_german_and_chinese_are_read(domestic: Callable[..., Any], shop: FakeVendor, header: str):
    assert domestic("o-3;604;SF;D1", header=header).exit_code == 0
    assert received(shop) == 1


def test_json_has_the_parcels_as_a_list(pandapon: Pandapon, shop: FakeVendor, journal: str, tmp_path: Path):
    file = tmp_path / "parcels.jsonl"
    parcels = [{"itemId": "604", "carrier": "SF", "number": "D1"}, {"itemId": "604", "carrier": "SF", "number": "D2"}]
    file.write_text(json.dumps({"reference": "o-3", "parcels": parcels}))
    assert pandapon("domestic", str(file), "--journal", journal).exit_code == 0
    assert len(updates(journal)[0]["logisticInfos"][0]["domesticLogisticInfo"]) == 2


def test_a_dry_run_says_what_would_be_sent(domestic: Callable[..., Any], shop: FakeVendor, journal: str):
    result = domestic("o-3,604,SF,D1", options=("--dry-run",))
    assert result.exit_code == 0
    assert UPDATE in result.stdout
    assert received(shop) == 0
    assert rows_of(journal) == {}


def test_a_credit_and_a_look_are_about_the_booking_and_not_about_what_was_reported_of_it(
    pandapon: Pandapon, domestic: Callable[..., Any], journal: str
):
    assert domestic("o-3,604,SF,D1").exit_code == 0
    assert pandapon("journal", journal, "--credit", "o-3", "2.50", "USD", "--by", "Jane").exit_code == 0
    shown = json.loads(pandapon("journal", journal, "o-3", "--json").stdout)
    assert (shown["operation"], shown["order_id"]) == ("logistics.book_freight", "8003")
    shown = json.loads(pandapon("journal", journal, "o-3", "--operation", UPDATE, "--json").stdout)
    assert shown["operation"] == UPDATE
    result = pandapon("journal", journal, "--mark", "o-3=void", "--by", "Jane")
    assert (result.exit_code, "name the account or the operation" in " ".join(result.stderr.split())) == (2, True)


def test_a_short_order_number_is_that_order_and_no_other_that_looks_like_it(
    pandapon: Pandapon, shop: FakeVendor, tmp_path: Path
):
    numbers = ("90", "9", "09", "19")
    shop.script(*(reply(f"80{number}", parcel(f"T{number}", ("601", "55", 1))) for number in numbers))
    orders, parcels = tmp_path / "short.jsonl", tmp_path / "parcels.csv"
    bodies = [order(index) | {"reference": number} for index, number in enumerate(numbers)]
    orders.write_text("".join(json.dumps(body) + "\n" for body in bodies))
    book = str(tmp_path / "b.db")
    assert pandapon("book", str(orders), "--journal", book, "--concurrency", "1").exit_code == 0
    parcels.write_text(f"{HEADER}\n9,601,SF,D1\n")
    assert pandapon("domestic", str(parcels), "--journal", book).exit_code == 0
    assert [(one["orderId"], one["logisticInfos"][0]["logisticNumer"]) for one in updates(book)] == [("809", "T9")]
    for unknown in ("009", "9.0", "0"):
        parcels.write_text(f"{HEADER}\n{unknown},601,SF,D1\n")
        result = pandapon("domestic", str(parcels), "--journal", book)
        assert (result.exit_code, "line 2, column reference" in result.stderr) == (2, True)
