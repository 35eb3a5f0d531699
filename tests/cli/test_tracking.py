"""``pandapon tracking``: the shop's file comes back with its tracking numbers."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from pandapon_async import Journal
from pandapon_async._files.tracking import TRACKING
from pandapon_async.testing import FakeVendor

from .conftest import Pandapon

HEADER = "Bestellnummer;renderId;Name;Land;itemId;skuId;Menge;Kunde"
ROWS = [
    "o-1;FF1;Jane Example;US;601;55;3;K-7",
    "o-2;FF2;Joe Example;US;602;56;1;K-8",
    "o-1;;;;603;57;1;",
    "o-3;FF3;Jim Example;US;604;58;1;K-9",
]
READING = ("--map", "Name=receiverAddress.name", "--keep", "Kunde")


def parcel(number: str, *items: tuple[str, str, int]) -> dict[str, Any]:
    return {
        "itemInfos": [{"itemId": item, "skuId": sku, "quantity": count} for item, sku, count in items],
        "internationalLogisticInfos": {
            "logisticNumer": number,
            "logisticCompanyName": "UCS",
            "trackingUrl": f"https://track.example/{number}",
        },
    }


def reply(order_id: str, *parcels: dict[str, Any]) -> dict[str, Any]:
    fee = {"amount": "12.50", "currency": "USD"}
    data = {"orderId": order_id, "orderFee": fee, "subOrders": list(parcels)}
    return {"done": True, "json": {"errorCode": 200, "success": True, "data": data}}


@pytest.fixture
def orders(tmp_path: Path) -> Path:
    file = tmp_path / "orders.csv"
    file.write_text("\r\n".join([HEADER, *ROWS, ""]), encoding="utf-8-sig", newline="")
    return file


@pytest.fixture
def booked(pandapon: Pandapon, shop: FakeVendor, keys: None, orders: Path) -> Path:
    """o-1 in two parcels, o-2 refused, o-3 in one."""
    shop.script(
        reply("8001", parcel("T1", ("601", "55", 2)), parcel("T2", ("601", "55", 1), ("603", "57", 1))),
        "refuse",
        reply("8003", parcel("T3", ("604", "58", 1))),
    )
    result = pandapon("book", str(orders), "--vendor", "pandapon", "--concurrency", "1", *READING)
    assert result.exit_code == 1, result.stderr
    return orders


def tracked(pandapon: Pandapon, orders: Path, *options: str, out: str = "tracking.csv") -> list[dict[str, str]]:
    path = orders.with_name(out)
    result = pandapon("tracking", str(orders), "--out", str(path), *READING, *options)
    assert result.exit_code == 0, result.stderr
    text = path.read_text("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text), delimiter=";" if ";" in text.splitlines()[0] else ","))


def test_without_a_journal_nothing_is_written(pandapon: Pandapon, orders: Path, keys: None):
    out = orders.with_name("tracking.csv")
    result = pandapon("tracking", str(orders), "--out", str(out), *READING)
    assert (result.exit_code, out.exists()) == (2, False)
    assert "no journal" in result.stderr


@pytest.mark.parametrize("name", ["orders.csv", "bookings.db", "letter.csv"])
def test_no_input_no_journal_and_nobody_elses_file_is_replaced(pandapon: Pandapon, booked: Path, name: str):
    path = booked.with_name(name)
    if not path.exists():
        path.write_text("Dear Jane;\n")
    before = path.read_bytes()
    assert pandapon("tracking", str(booked), "--out", str(path), *READING).exit_code == 2
    assert path.read_bytes() == before


def test_a_layout_that_is_not_there_is_named(pandapon: Pandapon, booked: Path):
    result = pandapon("tracking", str(booked), "--out", str(booked.with_name("t.csv")), "--layout", "shopfy", *READING)
    assert result.exit_code == 2
    assert "did you mean 'shopify'" in " ".join(result.stderr.split())


def test_the_input_comes_back_with_its_columns_and_rows_and_an_item_in_two_parcels_has_two(
    pandapon: Pandapon, booked: Path
):
    rows = tracked(pandapon, booked)
    assert [*rows[0]] == [*HEADER.split(";"), *TRACKING]
    names = ("Bestellnummer", "itemId", "state", "tracking_number", "quantity_in_parcel")
    assert [tuple(row[name] for name in names) for row in rows] == [
        ("o-1", "601", "done", "T1", "2"),
        ("o-1", "601", "done", "T2", "1"),
        ("o-2", "602", "refused", "", ""),
        ("o-1", "603", "done", "T2", "1"),
        ("o-3", "604", "done", "T3", "1"),
    ]
    assert rows[0]["Kunde"] == "K-7"
    assert (rows[0]["order_id"], rows[0]["carrier"], rows[0]["tracking_link"]) == (
        "8001",
        "UCS",
        "https://track.example/T1",
    )
    assert "refused" in rows[2]["why"]
    assert "Error" not in rows[2]["why"]


def test_an_item_that_no_row_names_is_not_lost(pandapon: Pandapon, shop: FakeVendor, keys: None, orders: Path):
    shop.script(reply("8001", parcel("T1", ("601", "55", 3), ("999", "9", 1))), "ok", "ok")
    pandapon("book", str(orders), "--vendor", "pandapon", "--concurrency", "1", *READING)
    rows = tracked(pandapon, orders)
    (extra,) = [row for row in rows if row["Bestellnummer"] == "o-1" and not row["itemId"]]
    assert (extra["tracking_number"], extra["quantity_in_parcel"], extra["Name"]) == ("T1", "1", "")


def test_every_sub_order_of_every_reply_stands_in_it_exactly_once(pandapon: Pandapon, booked: Path):
    rows = tracked(pandapon, booked)
    found = Counter(
        (row["tracking_number"], row["itemId"], row["quantity_in_parcel"]) for row in rows if row["carrier"]
    )
    assert found == Counter([("T1", "601", "2"), ("T2", "601", "1"), ("T2", "603", "1"), ("T3", "604", "1")])


def test_only_what_is_new_or_has_changed_comes_again(pandapon: Pandapon, booked: Path):
    tracked(pandapon, booked)
    result = pandapon("tracking", str(booked), "--out", str(booked.with_name("more.csv")), "--new", *READING)
    assert (result.stdout, booked.with_name("more.csv").exists()) == ("Nothing new to hand back\n", False)
    pandapon("journal", str(booked.with_name("bookings.db")), "--mark", "o-3=void", "--by", "Jane")
    rows = tracked(pandapon, booked, "--new", out="more.csv")
    assert [(row["Bestellnummer"], row["state"]) for row in rows] == [("o-3", "void")]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "1 orders are not booked: the column why says why not"),
        (("--layout", "amazon"), "1 orders are not booked\n"),
    ],
)
def test_how_many_have_nothing_to_hand_back_is_told(
    pandapon: Pandapon, booked: Path, options: tuple[str, ...], said: str
):
    result = pandapon("tracking", str(booked), "--out", str(booked.with_name("t.csv")), *READING, *options)
    assert result.stdout.startswith("2 orders handed back in ")
    assert said in result.stdout


def test_the_journal_notes_what_went_where(pandapon: Pandapon, booked: Path):
    tracked(pandapon, booked, "--by", "Jane")
    with Journal.open(booked.with_name("bookings.db")) as journal:
        row = journal.get("o-1")
    assert (row.handed, row.history[-1].by, row.history[-1].note) == ("done T1 T2", "Jane", "tracking.csv")


def test_a_shop_s_layout_has_only_its_columns_and_what_has_a_number(pandapon: Pandapon, booked: Path):
    rows = tracked(pandapon, booked, "--layout", "shopify", out="shopify.csv")
    assert [*rows[0]] == ["Order Name", "Tracking Number", "Tracking Company", "Tracking URL"]
    assert [row["Tracking Number"] for row in rows] == ["T1", "T2", "T2", "T3"]


def test_a_layout_of_ones_own_stands_in_the_settings(pandapon: Pandapon, booked: Path):
    booked.with_name("pandapon.toml").write_text('[layouts.mine]\n"Nr" = "reference"\n"Kd" = "Kunde"\n"Via" = "air"\n')
    rows = tracked(pandapon, booked, "--layout", "mine", out="mine.csv")
    assert rows[0] == {"Nr": "o-1", "Kd": "K-7", "Via": "air"}


def test_receivers_are_added_only_where_asked_for(pandapon: Pandapon, booked: Path):
    assert tracked(pandapon, booked, "--contact", out="c.csv")[0]["receiverAddress.name"] == "Jane Example"


def test_a_workbook_comes_back_as_a_workbook(pandapon: Pandapon, booked: Path):
    book = openpyxl.Workbook()
    assert book.active is not None
    for line in [HEADER, *ROWS]:
        book.active.append(line.split(";"))
    book.save(booked.with_suffix(".xlsx"))
    out = booked.with_name("tracking.xlsx")
    assert pandapon("tracking", str(booked.with_suffix(".xlsx")), "--out", str(out), *READING).exit_code == 0
    sheet = openpyxl.load_workbook(out).active
    assert sheet is not None
    cells = [list(row) for row in sheet.iter_rows(values_only=True)]
    assert cells[0] == [*HEADER.split(";"), *TRACKING]
    assert [row[HEADER.count(";") + 4] for row in cells[1:]] == ["T1", "T2", None, "T2", "T3"]


def test_json_comes_back_with_the_parcels_as_a_list(pandapon: Pandapon, booked: Path):
    lines = [{"reference": "o-1", "renderId": "FF1"}, {"reference": "o-9", "renderId": "FF9"}]
    file = booked.with_suffix(".jsonl")
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    out = booked.with_name("tracking.jsonl")
    assert pandapon("tracking", str(file), "--out", str(out)).exit_code == 0
    one, two = map(json.loads, out.read_text().splitlines())
    assert (one["renderId"], one["state"], [parcel["tracking_number"] for parcel in one["parcels"]]) == (
        "FF1", "done", ["T1", "T2", "T2"],
    )  # fmt: skip
    assert two["parcels"] == []
    assert two["why"]


def test_an_order_number_of_several_accounts_is_no_unbooked_one_but_asked_about(
    pandapon: Pandapon, shop: FakeVendor, orders: Path, ann_and_bob: str
):
    config = ("--config", ann_and_bob)
    shop.script(*(reply(number, parcel(f"T{number}", ("601", "55", 3))) for number in ("8001", "8002")))
    one = orders.with_name("one.csv")
    for account, item in (("ann", "601"), ("bob", "602")):
        one.write_text(
            f"{HEADER}\r\no-1;FF{item};Jane Example;US;{item};55;3;K-7\r\n", encoding="utf-8-sig", newline=""
        )
        assert pandapon("book", str(one), "--vendor", account, "--yes", *config, *READING).exit_code == 0
    out = orders.with_name("tracking.csv")
    result = pandapon("tracking", str(one), "--out", str(out), *READING)
    assert (result.exit_code, out.exists()) == (2, False)
    assert "o-1 is booked at several accounts (ann, bob)" in result.stderr
    assert "--vendor" in result.stderr
    (row,) = tracked(pandapon, one, "--vendor", "bob")
    assert row["order_id"] == "8002"


def test_a_second_shipment_alone_is_found(pandapon: Pandapon, shop: FakeVendor, orders: Path, keys: None):
    shop.script(reply("8001", parcel("T1", ("601", "55", 3))))
    orders.write_text(
        f"{HEADER};shipment\r\no-1;FF1;Jane Example;US;601;55;3;K-7;2\r\n", encoding="utf-8-sig", newline=""
    )
    assert pandapon("book", str(orders), *READING).exit_code == 0
    (row,) = tracked(pandapon, orders)
    assert row["order_id"] == "8001"
