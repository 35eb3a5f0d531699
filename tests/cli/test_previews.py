"""From a preview to a booking by files: what is previewed is what is paid, or it isn't booked."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest

from pandapon_async import Journal
from pandapon_async.testing import FakeVendor

from .conftest import Pandapon, order
from .files import rows_of, write

BOOK, PREVIEW = "logistics.order.book_freight", "logistics.order.render_freight"
HEADER = "reference,receiverAddress.name,receiverAddress.country,itemId,skuId,quantity,freightInfo.serviceId"

pytestmark = pytest.mark.usefixtures("keys")


@pytest.fixture
def orders(tmp_path: Path) -> Path:
    """Orders ``o-0`` to ``o-5``, without a preview; ``o-1`` has two items."""
    lines = [f"o-{n},Jane Example {n},US,{2048 + n},413,1,1" for n in range(6)]
    lines.insert(2, ",,,4096,413,2,1")
    path = tmp_path / "orders.csv"
    path.write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def previewed(pandapon: Pandapon, orders: Path, tmp_path: Path) -> Callable[..., Path]:
    """The orders with their previews, which were asked some hours ago."""

    def preview(hours: float = 0) -> Path:
        out = tmp_path / "previewed.csv"
        assert pandapon("book", str(orders), "--preview", "--out", str(out)).exit_code == 0
        at = (datetime.now(timezone.utc) - timedelta(hours=hours)).isoformat(timespec="seconds")
        changed = [{**row, "previewedAt": row["previewedAt"] and at} for row in rows_of(out)]
        return write(out, changed)

    return preview


def fees(journal: Path) -> dict[str, Decimal]:
    with Journal.open(str(journal)) as opened:
        return {row.reference: row.fee.amount for row in opened.rows(state="done") if row.fee is not None}


def asked(shop: FakeVendor, operation: str) -> int:
    return sum(request.operation == operation for request in shop.ledger.requests)


# --- preview ---


def test_a_preview_adds_account_render_id_fee_and_time_to_the_file_as_it_came(
    previewed: Callable[..., Path], orders: Path
):
    out = rows_of(previewed())
    assert [{name: row[name] for name in HEADER.split(",")} for row in out] == rows_of(orders)
    assert {row["account"] for row in out} == {"pandapon", ""}  # blank where only an item stands
    assert len({row["renderId"] for row in out if row["reference"]}) == 6
    assert {row["previewedCurrency"] for row in out if row["reference"]} == {"USD"}


def test_what_could_not_be_previewed_goes_to_the_problems(
    pandapon: Pandapon, shop: FakeVendor, orders: Path, tmp_path: Path
):
    text = orders.read_text().replace("o-3,Jane Example 3,US,2051,413,1,1", "o-3,Jane Example 3,US,2051,413,x,1")
    orders.write_text(text.replace("o-4,Jane Example 4,US,2052,413,1,1", "o-4,Jane Example 4,US,2052,413,1,"))
    shop.script("refuse")
    out, problems = tmp_path / "previewed.csv", tmp_path / "problems.csv"
    arguments = ("--preview", "--out", str(out), "--problems", str(problems), "--concurrency", "1")
    result = pandapon("book", str(orders), *arguments)
    assert result.exit_code == 1
    assert [row["reference"] for row in rows_of(out)] == ["o-1", "", "o-2", "o-5"]
    found = {row["reference"]: row["code"].split()[0] for row in rows_of(problems)}
    assert found == {"o-0": "not-previewed", "o-3": "whole-number", "o-4": "not-previewed"}
    assert not shop.ledger.bookings


def test_a_preview_writes_over_nothing_but_its_own(pandapon: Pandapon, shop: FakeVendor, orders: Path, tmp_path: Path):
    other = tmp_path / "other.csv"
    other.write_text("name,amount\nJane Example,1\n")
    for out in (orders, other, tmp_path / "out.xlsx"):
        assert pandapon("book", str(orders), "--preview", "--out", str(out)).exit_code == 2
    assert not shop.ledger.requests
    assert other.read_text() == "name,amount\nJane Example,1\n"


@pytest.mark.parametrize("ending", ["jsonl", "xlsx"])
def test_every_format_comes_back_as_itself_and_is_booked_for_what_was_previewed(
    pandapon: Pandapon, shop: FakeVendor, tmp_path: Path, ending: str
):
    source, out, journal = tmp_path / f"orders.{ending}", tmp_path / f"out.{ending}", tmp_path / "b.db"
    if ending == "jsonl":
        item = {"itemId": "2048", "skuId": "413", "quantity": 1, "freightInfo": {"serviceId": "1"}}
        lines = [json.dumps(order(n, lineItems=[{**item, "itemId": str(2048 + n)}])) for n in range(3)]
        source.write_text("\n".join(lines) + "\n")
    else:
        xlsxwriter = pytest.importorskip("xlsxwriter")
        pytest.importorskip("python_calamine")
        with xlsxwriter.Workbook(source) as book:
            sheet = book.add_worksheet()
            sheet.write_row(0, 0, HEADER.split(","))
            for n in range(3):
                sheet.write_row(n + 1, 0, [f"o-{n}", "Jane Example", "US", str(2048 + n), "413", 1, "1"])
    assert pandapon("book", str(source), "--preview", "--out", str(out)).exit_code == 0
    result = pandapon("book", str(out), "--journal", str(journal))
    assert result.exit_code == 0
    assert len(shop.ledger.bookings) == 3
    assert all(render.startswith("FF0") and len(render) == 20 for render in shop.ledger.bookings)
    assert asked(shop, PREVIEW) == 3


# --- booking what was previewed ---


def test_a_current_preview_is_booked_for_its_fee(
    pandapon: Pandapon, shop: FakeVendor, previewed: Callable[..., Path], tmp_path: Path
):
    path, journal = previewed(), tmp_path / "b.db"
    assert pandapon("book", str(path), "--journal", str(journal)).exit_code == 0
    assert fees(journal) == {
        row["reference"]: Decimal(row["previewedFee"]) for row in rows_of(path) if row["reference"]
    }
    assert asked(shop, PREVIEW) == 6


def test_the_journal_notes_what_was_previewed(pandapon: Pandapon, previewed: Callable[..., Path], tmp_path: Path):
    path, journal = previewed(), tmp_path / "b.db"
    pandapon("book", str(path), "--journal", str(journal))
    told = {row["reference"]: Decimal(row["previewedFee"]) for row in rows_of(path) if row["reference"]}
    with Journal.open(str(journal)) as opened:
        assert {row.reference: row.previewed and row.previewed.amount for row in opened.rows()} == told


def test_what_was_previewed_and_what_was_paid_stand_side_by_side(
    pandapon: Pandapon, shop: FakeVendor, previewed: Callable[..., Path], tmp_path: Path
):
    path, journal = previewed(), tmp_path / "b.db"
    shop.script("price_moved")
    result = pandapon("book", str(path), "--journal", str(journal))
    was, paid = sum(Decimal(row["previewedFee"] or 0) for row in rows_of(path)), sum(fees(journal).values())
    assert was < paid
    assert f"Previewed          {was} USD; these bookings cost {paid} USD" in result.stdout


def test_the_fee_is_written_with_the_files_decimal_sign_and_read_with_it(
    pandapon: Pandapon, shop: FakeVendor, orders: Path, tmp_path: Path
):
    out = tmp_path / "previewed.csv"
    orders.write_text(orders.read_text().replace(",", ";"))
    assert pandapon("book", str(orders), "--decimal", ",", "--preview", "--out", str(out)).exit_code == 0
    assert ";" in out.read_text(encoding="utf-8").splitlines()[0]
    assert pandapon("book", str(out), "--decimal", ",", "--journal", str(tmp_path / "b.db")).exit_code == 0
    assert len(shop.ledger.bookings) == 6
    result = pandapon("book", str(out), "--journal", str(tmp_path / "b.db"))
    assert "column previewedFee: expected a number with the decimal sign ." in result.stderr


def test_an_old_preview_is_asked_again_and_once_more_books_nothing_twice(
    pandapon: Pandapon, shop: FakeVendor, previewed: Callable[..., Path], tmp_path: Path
):
    path, journal = previewed(hours=13), tmp_path / "b.db"
    first = pandapon("book", str(path), "--journal", str(journal))
    assert first.exit_code == 0
    assert "6 previews are older than 12 h" in first.stderr
    assert asked(shop, PREVIEW) == 12
    assert not {row["renderId"] for row in rows_of(path)} & {*shop.ledger.bookings}
    second = pandapon("book", str(path), "--journal", str(journal))
    assert (second.exit_code, asked(shop, PREVIEW), asked(shop, BOOK)) == (0, 12, 6)
    assert "6 of them by other runs" in second.stdout


def test_an_old_preview_without_an_order_no_is_booked_once_all_the_same(
    pandapon: Pandapon, shop: FakeVendor, previewed: Callable[..., Path], tmp_path: Path
):
    path, journal = previewed(hours=13), tmp_path / "b.db"
    lines = [{k: v for k, v in row.items() if k != "reference"} for row in rows_of(path) if row["reference"]]
    write(path, lines)
    for _ in range(2):
        assert pandapon("book", str(path), "--journal", str(journal)).exit_code == 0
    assert asked(shop, BOOK) == 6


def test_a_run_that_broke_off_goes_on_with_old_previews_and_sends_nothing_in_doubt_again(
    pandapon: Pandapon, shop: FakeVendor, previewed: Callable[..., Path], tmp_path: Path
):
    path, journal = previewed(hours=13), tmp_path / "b.db"
    shop.script(*["ok"] * 6, "ok", "drop_after", {"status": 401})
    arguments = ("book", str(path), "--journal", str(journal), "--concurrency", "1")
    assert pandapon(*arguments).exit_code == 3
    assert len(shop.ledger.bookings) == 2
    for _ in range(2):
        assert pandapon(*arguments).exit_code == 3  # the one in doubt stays so until somebody looks
    assert sorted(shop.ledger.bookings.values()) == [1] * 6
    with Journal.open(str(journal)) as opened:
        counts = opened.counts()
    assert (counts["done"], counts["unknown"]) == (5, 1)


def test_what_was_booked_and_is_previewed_anew_is_not_booked_again(
    pandapon: Pandapon, shop: FakeVendor, previewed: Callable[..., Path], tmp_path: Path
):
    journal = tmp_path / "b.db"
    assert pandapon("book", str(previewed()), "--journal", str(journal)).exit_code == 0
    result = pandapon("book", str(previewed(hours=-1)), "--journal", str(journal))
    assert result.exit_code == 2
    assert "is booked in the journal" in result.stderr
    assert len(shop.ledger.bookings) == 6


def test_what_was_refused_is_not_sent_again_because_its_preview_grew_old(
    pandapon: Pandapon, shop: FakeVendor, previewed: Callable[..., Path], tmp_path: Path
):
    path, journal = previewed(hours=13), tmp_path / "b.db"
    shop.script(*["ok"] * 6, "render_expired")
    arguments = ("book", str(path), "--journal", str(journal), "--concurrency", "1")
    assert pandapon(*arguments).exit_code == 1
    assert pandapon(*arguments).exit_code == 1
    assert asked(shop, BOOK) == 6
    assert pandapon(*arguments, "--retry-refused").exit_code == 0
    assert (asked(shop, BOOK), len(shop.ledger.bookings)) == (7, 6)


@pytest.mark.parametrize(("setting", "held"), [("", 1), ("max_increase = 12\n", 0)])
def test_what_has_become_dearer_is_held(
    pandapon: Pandapon, shop: FakeVendor, previewed: Callable[..., Path], tmp_path: Path, setting: str, held: int
):
    (tmp_path / "pandapon.toml").write_text(setting)
    path, journal, problems = previewed(hours=13), tmp_path / "b.db", tmp_path / "problems.csv"
    shop.script("price_moved")
    result = pandapon("book", str(path), "--journal", str(journal), "--problems", str(problems), "--concurrency", "1")
    assert result.exit_code == held
    assert len(shop.ledger.bookings) == 6 - held
    assert ("and the preview said" in result.stderr) is bool(held)
    if held:
        (found,) = rows_of(problems)
        assert found["code"].split()[0] == "price-moved"
        write(problems, [{**found, "decision": "book"}])
        assert pandapon("book", str(problems), "--journal", str(journal)).exit_code == 0
        assert len(shop.ledger.bookings) == 6


def test_an_old_preview_that_cannot_be_asked_again_is_not_booked(
    pandapon: Pandapon, shop: FakeVendor, previewed: Callable[..., Path], tmp_path: Path
):
    path, problems = previewed(hours=13), tmp_path / "problems.csv"
    shop.script("render_expired")
    arguments = ("--journal", str(tmp_path / "b.db"), "--problems", str(problems), "--concurrency", "1")
    assert pandapon("book", str(path), *arguments).exit_code == 1
    assert [row["code"].split()[0] for row in rows_of(problems)] == ["not-previewed"]
    assert len(shop.ledger.bookings) == 5


def test_three_bookings_in_a_row_above_their_previewed_fee_end_the_run(
    pandapon: Pandapon, shop: FakeVendor, previewed: Callable[..., Path], tmp_path: Path
):
    path, journal = previewed(), tmp_path / "b.db"
    shop.script("price_moved", "price_moved", "ok", "price_moved", "price_moved", "price_moved")
    result = pandapon("book", str(path), "--journal", str(journal), "--concurrency", "1")
    assert (result.exit_code, asked(shop, BOOK)) == (0, 6)
    again = write(
        path, [{**row, "reference": row["reference"] and f"x-{row['reference']}"} for row in rows_of(previewed())]
    )
    text = path.read_text().replace("Jane", "June")
    again.write_text(text)
    shop.script("price_moved", "price_moved", "price_moved")
    result = pandapon("book", str(again), "--journal", str(journal), "--concurrency", "1")
    assert (result.exit_code, asked(shop, BOOK)) == (4, 9)
    assert "3 bookings in a row cost more than their preview said" in result.stdout


def test_a_dry_run_asks_nothing_and_tells_the_previewed_sum_and_how_many_have_none(
    pandapon: Pandapon, shop: FakeVendor, previewed: Callable[..., Path], tmp_path: Path
):
    lines = rows_of(previewed(hours=13))
    lines[0].update(previewedFee="", previewedCurrency="", previewedAt="")
    path = write(tmp_path / "previewed.csv", lines)
    before = len(shop.ledger.requests)
    result = pandapon("book", str(path), "--dry-run")
    told = sum(Decimal(row["previewedFee"] or 0) for row in lines)
    assert result.exit_code == 0
    assert f"{told} USD; 1 without a preview" in result.stdout
    assert "5 previews are older than 12 h" in result.stderr
    assert len(shop.ledger.requests) == before


@pytest.mark.parametrize(
    ("cells", "column"),
    [
        ({"previewedAt": ""}, "previewedAt"),
        ({"previewedAt": "45321.4"}, "previewedAt"),
        ({"previewedAt": "2026-05-01T09:30:00"}, "previewedAt"),
        ({"previewedCurrency": ""}, "previewedCurrency"),
        ({"previewedCurrency": "usd"}, "previewedCurrency"),
        ({"previewedFee": "12,50"}, "previewedFee"),
        ({"previewedFee": "-1"}, "previewedFee"),
    ],
)
def test_a_preview_that_says_nothing_whole_is_named_and_nothing_is_sent(
    pandapon: Pandapon,
    shop: FakeVendor,
    previewed: Callable[..., Path],
    tmp_path: Path,
    cells: dict[str, str],
    column: str,
):
    first, *others = rows_of(previewed())
    path = write(tmp_path / "previewed.csv", [{**first, **cells}, *others])
    before = len(shop.ledger.requests)
    result = pandapon("book", str(path), "--journal", str(tmp_path / "b.db"))
    assert result.exit_code == 2
    assert f"line 2, column {column}: " in result.stderr
    assert len(shop.ledger.requests) == before


# --- spending ---


def test_a_previewed_fee_in_every_row_lets_a_limited_run_go_at_full_speed(
    pandapon: Pandapon, shop: FakeVendor, previewed: Callable[..., Path], tmp_path: Path
):
    path = previewed()
    result = pandapon("book", str(path), "--journal", str(tmp_path / "b.db"), "--spend-limit", "1000", "USD")
    assert result.exit_code == 0
    assert "one at a time" not in result.stderr


def test_a_row_without_one_makes_it_go_one_at_a_time_and_say_so(
    pandapon: Pandapon, shop: FakeVendor, previewed: Callable[..., Path], tmp_path: Path
):
    lines = rows_of(previewed())
    lines[-1].update(previewedFee="", previewedCurrency="", previewedAt="")
    path = write(tmp_path / "previewed.csv", lines)
    result = pandapon("book", str(path), "--journal", str(tmp_path / "b.db"), "--spend-limit", "1000", "USD")
    assert result.exit_code == 0
    assert "one at a time" in result.stderr


def test_previewed_fees_never_lead_beyond_the_limit(
    pandapon: Pandapon, shop: FakeVendor, previewed: Callable[..., Path], tmp_path: Path
):
    path, journal = previewed(), tmp_path / "b.db"
    limit = sum(Decimal(row["previewedFee"] or 0) for row in rows_of(path)) / 2
    arguments = ("--problems", str(tmp_path / "problems.csv"), "--spend-limit", f"{limit:.2f}", "USD")
    assert pandapon("book", str(path), "--journal", str(journal), *arguments).exit_code == 4
    assert Decimal() < sum(fees(journal).values()) <= limit


def test_each_booking_is_previewed_at_its_own_account(
    pandapon: Pandapon, shop: FakeVendor, both: None, orders: Path, tmp_path: Path
):
    accounts = ["pandapon", "xportcn_ka"] * 3
    lines = [row for row in rows_of(orders) if row["reference"]]
    path = write(tmp_path / "two.csv", [{**row, "account": name} for row, name in zip(lines, accounts, strict=True)])
    out = tmp_path / "out.csv"
    assert pandapon("book", str(path), "--preview", "--out", str(out)).exit_code == 0
    assert [row["account"] for row in rows_of(out)] == accounts
    assert {request.vendor for request in shop.ledger.requests} == {"pandapon", "xportcn_ka"}


# --- previewing again ---


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
@pytest.mark.parametrize("step", ["refuse", "render_expired"])
def test_what_the_vendor_refused_is_previewed_again_as_it_is_and_booked(
    pandapon: Pandapon, shop: FakeVendor, tmp_path: Path, orders: Path, ending: str, step: str
):
    if ending == "jsonl":
        orders = tmp_path / "orders.jsonl"
        item = {"skuId": "413", "quantity": 1, "freightInfo": {"serviceId": "1"}}
        lines = [json.dumps(order(n, lineItems=[{**item, "itemId": str(2048 + n)}])) for n in range(6)]
        orders.write_text("\n".join(lines) + "\n")
    first, refused, again = (str(tmp_path / f"{name}.{ending}") for name in ("first", "refused", "again"))
    journal = ("--journal", str(tmp_path / "b.db"))
    assert pandapon("book", str(orders), "--preview", "--out", first).exit_code == 0
    shop.script(step, step)
    assert pandapon("book", first, *journal, "--problems", refused).exit_code == 1
    assert pandapon("book", refused, *journal).exit_code == 2  # as it is, it stays out
    assert pandapon("book", refused, "--preview", "--out", again).exit_code == 0
    result = pandapon("book", again, *journal)
    assert (result.exit_code, "Booked             2" in result.stdout) == (0, True)
    assert len(fees(tmp_path / "b.db")) == len(shop.ledger.bookings) == 6


def test_what_could_not_be_previewed_is_tried_again_as_it_is(
    pandapon: Pandapon, shop: FakeVendor, orders: Path, tmp_path: Path
):
    out, problems, again = (str(tmp_path / name) for name in ("out.csv", "p.csv", "again.csv"))
    shop.script("refuse")
    assert pandapon("book", str(orders), "--preview", "--out", out, "--problems", problems).exit_code == 1
    result = pandapon("book", problems, "--preview", "--out", again)
    assert (result.exit_code, "Previewed    1 bookings" in result.stdout) == (0, True)


def test_a_mistake_that_was_not_corrected_is_not_previewed(
    pandapon: Pandapon, shop: FakeVendor, orders: Path, tmp_path: Path
):
    out, problems, again = (str(tmp_path / name) for name in ("out.csv", "p.csv", "again.csv"))
    orders.write_text(
        orders.read_text().replace("o-3,Jane Example 3,US,2051,413,1", "o-3,Jane Example 3,US,2051,413,x")
    )
    assert pandapon("book", str(orders), "--preview", "--out", out, "--problems", problems).exit_code == 1
    before = asked(shop, PREVIEW)
    result = pandapon("book", problems, "--preview", "--out", again)
    assert (result.exit_code, asked(shop, PREVIEW)) == (1, before)
    assert "To book" not in result.stdout


def test_how_refused_ones_are_written_to_a_file_is_told(
    pandapon: Pandapon, shop: FakeVendor, previewed: Callable[..., Path], tmp_path: Path
):
    path = previewed()
    shop.script("refuse")
    result = pandapon("book", str(path), "--journal", str(tmp_path / "b.db"))
    assert "the same command with --problems FILE writes what was refused" in result.stdout
