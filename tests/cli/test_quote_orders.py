"""From a quote to an order by files: every offer out, what a person has taken in, a booking file out."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from pandapon_async.testing import FakeVendor

from .conftest import Pandapon, order
from .files import rows_of, write

pytestmark = pytest.mark.usefixtures("both")
HEADER = "reference,receiverAddress.name,receiverAddress.country,itemId,skuId,quantity"
PATH = "/v2/open/pp/logistics/itemLogisticsPrice"


@pytest.fixture
def orders(tmp_path: Path) -> Path:
    """Orders ``o-0`` to ``o-2``; ``o-1`` has two items, and each goes to another country."""
    lines = [f"o-{n},Jane Example {n},{country},{2048 + n},413,1" for n, country in enumerate(("US", "VN", "DE"))]
    lines.insert(2, ",,,4096,413,2")
    path = tmp_path / "orders.csv"
    path.write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def offers(pandapon: Pandapon, orders: Path, tmp_path: Path) -> Callable[..., Path]:
    """The offers of the orders, by the rules of some settings."""

    def quote(settings: str = "", *more: str) -> Path:
        (tmp_path / "pandapon.toml").write_text(settings)
        out = tmp_path / "offers.csv"
        result = pandapon("quote", str(orders), "--out", str(out), *more)
        assert result.exit_code == 0, result.stderr
        return out

    return quote


def taken(path: Path) -> dict[str, dict[str, str]]:
    found = [row for row in rows_of(path) if row["take"]]
    assert len({row["reference"] for row in found}) == len(found)
    return {row["reference"]: row for row in found}


# --- offers ---


def test_every_offer_is_written_and_the_cheapest_of_each_whole_order_is_taken(offers: Callable[..., Path]):
    path = offers()
    assert len(rows_of(path)) == 3 * 2 * 3
    for reference, choice in taken(path).items():
        prices = [Decimal(row["price"]) for row in rows_of(path) if row["reference"] == reference]
        assert Decimal(choice["price"]) == min(prices)
    assert taken(path)["o-1"]["goods"] == "1 x 2049/413, 2 x 4096/413"


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        ('allow_accounts = ["xportcn_ka"]', lambda row: row["account"] == "xportcn_ka"),
        ('exclude_accounts = ["xportcn_ka"]', lambda row: row["account"] == "pandapon"),
        ('allow_services = ["ucs"]', lambda row: row["company"] == "UCS"),
        ('exclude_services = ["3"]', lambda row: row["service_id"] == "2"),
        ('prefer_services = ["UCS EXPRESS"]', lambda row: row["service_id"] == "1"),
        ('prefer_accounts = ["pandapon"]', lambda row: (row["account"], row["service_id"]) == ("pandapon", "3")),
    ],
)
def test_the_rules_of_the_settings_decide_what_is_taken(
    offers: Callable[..., Path], rule: str, holds: Callable[[dict[str, str]], bool]
):
    choices = taken(offers(f"[quotes]\n{rule}\n"))
    assert len(choices) == 3
    assert all(holds(row) for row in choices.values())


def test_above_the_highest_price_of_its_country_nothing_is_taken_and_it_is_told(
    pandapon: Pandapon, orders: Path, tmp_path: Path
):
    (tmp_path / "pandapon.toml").write_text('[quotes.highest_price]\nDE = "1 USD"\nVN = "1 CNY"\n"*" = "900 USD"\n')
    out = tmp_path / "offers.csv"
    result = pandapon("quote", str(orders), "--out", str(out))
    assert result.exit_code == 1
    assert "2 orders have no offer that is taken" in result.stderr
    assert {*taken(out)} == {"o-0"}
    notes = {row["reference"]: row["note"] for row in rows_of(out)}
    assert notes["o-2"] == "above the highest price, 1 USD"
    assert "without --fx" in notes["o-1"]


def test_a_name_in_the_rules_that_nothing_has_is_told(pandapon: Pandapon, orders: Path, tmp_path: Path):
    (tmp_path / "pandapon.toml").write_text('[quotes]\nexclude_services = ["FAR80"]\n')
    result = pandapon("quote", str(orders))
    assert "[quotes] exclude_services: FAR80: no offer has that name" in result.stderr


@pytest.mark.parametrize(
    "rules",
    [
        'exclude = ["3"]',
        'allow_services = "3"',
        '[quotes.highest_price]\nUS = "30"',
        '[quotes.highest_price]\nUS = "0 USD"',
    ],
)
def test_rules_that_cannot_be_understood_are_refused_before_anything_is_asked(
    pandapon: Pandapon, shop: FakeVendor, orders: Path, tmp_path: Path, rules: str
):
    (tmp_path / "pandapon.toml").write_text(f"[quotes]\n{rules}\n")
    result = pandapon("quote", str(orders))
    assert result.exit_code == 2
    assert "[quotes]" in result.stderr
    assert not shop.ledger.requests


def test_prices_in_two_currencies_are_not_compared(pandapon: Pandapon, shop: FakeVendor, orders: Path, tmp_path: Path):
    data = [{"serviceId": "9", "fee": {"amount": "7.00", "currency": "CNY"}}]
    shop.route("POST", PATH, {"errorCode": 200, "success": True, "data": data})
    out = tmp_path / "offers.csv"
    assert pandapon("quote", str(orders), "--out", str(out)).exit_code == 1
    assert not taken(out)
    assert pandapon("quote", str(orders), "--out", str(out), "--fx", "USD/CNY=7.1").exit_code == 0
    assert {row["account"] for row in taken(out).values()} == {"pandapon"}


def test_a_row_that_names_an_account_is_quoted_there_only(pandapon: Pandapon, orders: Path, tmp_path: Path):
    lines = [{**row, "account": row["reference"] and "xportcn_ka"} for row in rows_of(orders)]
    out = tmp_path / "offers.csv"
    assert pandapon("quote", str(write(orders, lines)), "--out", str(out)).exit_code == 0
    assert {row["account"] for row in rows_of(out)} == {"xportcn_ka"}


def test_what_cannot_be_quoted_is_named_and_comes_back_as_it_was(pandapon: Pandapon, orders: Path, tmp_path: Path):
    orders.write_text(
        orders.read_text().replace("o-2,Jane Example 2,DE,2050,413,1", "o-2,Jane Example 2,DE,2050,413,x")
    )
    out, chosen = tmp_path / "offers.csv", tmp_path / "chosen.csv"
    result = pandapon("quote", str(orders), "--out", str(out))
    assert result.exit_code == 1
    assert "line 5, column quantity: expected a whole number" in result.stderr
    assert pandapon("quote", str(orders), "--chosen", str(out), "--orders", str(chosen)).exit_code == 1
    last = rows_of(chosen)[-1]
    assert (last["reference"], last["quantity"], last["account"]) == ("o-2", "x", "")


def test_a_torn_row_comes_back_as_it_was(pandapon: Pandapon, orders: Path, tmp_path: Path):
    with orders.open("a", encoding="utf-8") as file:
        file.write("Jane Example 7,US\n")
    out, chosen = tmp_path / "offers.csv", tmp_path / "chosen.csv"
    assert pandapon("quote", str(orders), "--out", str(out)).exit_code == 1
    assert pandapon("quote", str(orders), "--chosen", str(out), "--orders", str(chosen)).exit_code == 1
    assert chosen.read_text(encoding="utf-8-sig").splitlines()[-1].startswith("Jane Example 7,US,")


def test_a_list_with_short_names_is_a_file_of_orders_if_offers_are_wanted(
    pandapon: Pandapon, orders: Path, tmp_path: Path
):
    pytest.importorskip("xlsxwriter")
    pytest.importorskip("python_calamine")
    orders.write_text("reference,item_id,sku_id,quantity,country\no-1,2048,413,1,US\n")
    offers, chosen = tmp_path / "offers.xlsx", tmp_path / "chosen.csv"
    assert pandapon("quote", str(orders), "--out", str(offers)).exit_code == 0
    assert pandapon("quote", str(orders), "--chosen", str(offers), "--orders", str(chosen)).exit_code == 0
    assert rows_of(chosen)[0]["freightInfo.serviceId"] == "3"


def test_offers_are_written_over_nothing_but_offers(pandapon: Pandapon, shop: FakeVendor, orders: Path, tmp_path: Path):
    other = tmp_path / "other.csv"
    other.write_text("name\nJane Example\n")
    for out in (orders, other):
        assert pandapon("quote", str(orders), "--out", str(out)).exit_code == 2
    assert not shop.ledger.requests


def test_of_many_orders_the_sum_of_each_service_is_shown_and_what_comes_next(
    pandapon: Pandapon, tmp_path: Path, shop: FakeVendor
):
    """The clerk's shop names its columns its own way, and its file's name has a blank."""
    lines = [f"o-{n},Jane Example {n},US,SHOE,1" for n in range(25)]
    source = tmp_path / "my orders.csv"
    source.write_text("\n".join(["reference,receiverAddress.name,receiverAddress.country,Artikel,quantity", *lines]))
    (tmp_path / "skus.csv").write_text("sku,itemId,skuId\nSHOE,2048,413\n")
    (tmp_path / "pandapon.toml").write_text('[files.shop]\ncolumns = { Artikel = "sku" }\nsku_table = "skus.csv"\n')
    out, orders = tmp_path / "offers.csv", tmp_path / "chosen.csv"
    result = pandapon("quote", str(source), "--as", "shop", "--out", str(out))
    assert result.exit_code == 0, result.stderr
    (row,) = [line.split() for line in result.stdout.splitlines() if "FAR800" in line]
    assert row[:4] == ["pandapon", "FAR800", "ECONOMY", "25"]
    assert "o-24" not in result.stdout
    following = shlex.split(result.stdout.split("then: ")[1])
    assert following[:5] == ["pandapon", "quote", str(source), "--as", "shop"]
    result = pandapon(*following[1:-1], str(orders))
    assert result.exit_code == 0, result.stderr
    following = shlex.split(result.stdout.split("then: ")[1])
    assert pandapon(*following[1:-1], str(tmp_path / "previewed.csv")).exit_code == 0


# --- the choice ---


def test_what_was_taken_is_filled_in_and_booked_at_its_account_with_its_service(
    pandapon: Pandapon, shop: FakeVendor, offers: Callable[..., Path], orders: Path, tmp_path: Path
):
    path = offers()
    changed = [
        {**row, "take": "X" if (row["account"], row["service_id"]) == ("pandapon", "1") else ""}
        for row in rows_of(path)
    ]
    write(path, changed)
    asked = len(shop.ledger.requests)
    chosen, previewed = tmp_path / "chosen.csv", tmp_path / "previewed.csv"
    assert pandapon("quote", str(orders), "--chosen", str(path), "--orders", str(chosen)).exit_code == 0
    assert len(shop.ledger.requests) == asked
    assert [{name: row[name] for name in HEADER.split(",")} for row in rows_of(chosen)] == rows_of(orders)
    assert {row["freightInfo.serviceId"] for row in rows_of(chosen)} == {"1"}
    assert pandapon("book", str(chosen), "--preview", "--out", str(previewed)).exit_code == 0
    fees = {row["reference"]: row["previewedFee"] for row in rows_of(previewed) if row["reference"]}
    assert fees == {row["reference"]: row["price"] for row in changed if row["take"]}
    assert pandapon("book", str(previewed), "--journal", str(tmp_path / "b.db")).exit_code == 0
    assert len(shop.ledger.bookings) == 3


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda found: found[0].update(take=""), "line 2, column take: order o-0 has no offer that is taken"),
        (lambda found: found[1].update(take="x"), "line 3, column take: order o-0 has another offer"),
        (lambda found: found[0].update(take="maybe"), "line 2, column take: expected x, or nothing"),
        (lambda found: found[0].update(account="nobody"), "line 2, column account: isn't an account"),
        (lambda found: found[0].update(service_id=""), "line 2, column service_id: is empty"),
        (lambda found: found[0].update(reference="o-77"), "line 2, column reference: isn't an order of "),
        (lambda found: found[0].update(goods="9 x 1/2"), "line 2, column goods: isn't what "),
        (lambda found: found.__delitem__(slice(0, 6)), "order o-0 of "),
    ],
)
def test_a_choice_that_is_not_one_for_each_order_is_named_by_line_and_column(
    pandapon: Pandapon,
    offers: Callable[..., Path],
    orders: Path,
    tmp_path: Path,
    change: Callable[[list[dict[str, str]]], None],
    told: str,
):
    path, chosen = offers(), tmp_path / "chosen.csv"
    found = rows_of(path)
    change(found)
    result = pandapon("quote", str(orders), "--chosen", str(write(path, found)), "--orders", str(chosen))
    assert result.exit_code == 2
    assert told in result.stderr
    assert not chosen.exists()


def test_offers_of_another_state_of_the_file_are_refused(
    pandapon: Pandapon, offers: Callable[..., Path], orders: Path, tmp_path: Path
):
    path, chosen = offers(), tmp_path / "chosen.csv"
    orders.write_text(orders.read_text().replace("2048,413,1", "2048,413,5"))
    result = pandapon("quote", str(orders), "--chosen", str(path), "--orders", str(chosen))
    assert result.exit_code == 2
    assert "line 2, column goods: isn't what " in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [["--chosen", "{offers}"], ["--orders", "new.csv"], ["--chosen", "{offers}", "--orders", "{file}"],
     ["--chosen", "{offers}", "--orders", "{offers}"], ["--chosen", "{offers}", "--orders", "new.xlsx"]],
)  # fmt: skip
def test_bad_usage_is_status_2(pandapon: Pandapon, offers: Callable[..., Path], orders: Path, arguments: list[str]):
    path, before = offers(), orders.read_bytes()
    filled = [one.format(offers=path, file=orders) for one in arguments]
    assert pandapon("quote", str(orders), *filled).exit_code == 2
    assert orders.read_bytes() == before


def test_json_and_workbooks_go_the_same_way(pandapon: Pandapon, shop: FakeVendor, tmp_path: Path):
    pytest.importorskip("xlsxwriter")
    pytest.importorskip("python_calamine")
    source, offers, chosen = tmp_path / "orders.json", tmp_path / "offers.xlsx", tmp_path / "chosen.json"
    source.write_text(json.dumps([{k: v for k, v in order(n).items() if k != "renderId"} for n in range(2)]))
    assert pandapon("quote", str(source), "--out", str(offers)).exit_code == 0
    assert pandapon("quote", str(source), "--out", str(offers)).exit_code == 0  # over its own
    assert pandapon("quote", str(source), "--chosen", str(offers), "--orders", str(chosen)).exit_code == 0
    found = json.loads(chosen.read_text())
    assert {one["account"] for one in found} <= {"pandapon", "xportcn_ka"}
    assert all(item["freightInfo"]["serviceId"] == "3" for one in found for item in one["lineItems"])
