"""The questions before money is spent, on a real terminal."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pandapon_async import Journal
from pandapon_async.testing import FakeVendor

from .conftest import Pandapon, environment, process
from .files import Write

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals")

if os.name == "posix":
    from .terminal import terminal


@pytest.fixture
def real(shop: FakeVendor, tmp_path: Path) -> str:
    """A file of accounts whose vendor isn't on this machine by its name: the fake one plays its proxy."""
    account = next(one for one in shop.accounts if one.kind == "pandapon")
    here = shop.profile("pandapon").base_url
    path = tmp_path / "vendors.toml"
    path.write_text(
        f"""
[vendors.shop-a]
kind = "pandapon"
base_url = "http://vendor.example"
allow_insecure = true
proxy = "{here}"
access_key = "{account.access_key}"
access_secret = "{account.access_secret}"
user_id = "{account.user_id}"
daily_spend_limit = "50000 USD"
""",
        encoding="utf-8",
    )
    return str(path)


@pytest.mark.parametrize("width", [60, 120])
def test_the_question_tells_who_is_paid_for_what(real: str, orders: Write, shop: FakeVendor, width: int):
    with terminal("book", orders(3), "--config", real, "--spend-limit", "9000", "USD", width=width) as screen:
        screen.until("Enter is no:")
        assert all(len(line) <= width for line in screen.lines() if "bookings.db" not in line)
        for told in ("shop-a at vendor.example", "3 new", "0 USD of 50000 USD", "9000 USD", "Book 3 now?"):
            assert told in screen.seen
        assert not shop.ledger.requests
        screen.type("y\n")
        status, seen = screen.end()
    assert (status, "Booked" in seen) == (0, True)
    assert len(shop.ledger.bookings) == 3


@pytest.mark.parametrize("answer", ["\n", "n\n", "no\n", "maybe\n", "\x04", " \n"])
def test_anything_but_yes_is_no(real: str, orders: Write, shop: FakeVendor, answer: str):
    with terminal("book", orders(3), "--config", real) as screen:
        screen.until("Enter is no:")
        screen.type(answer)
        status, seen = screen.end()
    assert (status, "Nothing was sent." in seen) == (2, True)
    assert not shop.ledger.requests


@pytest.mark.parametrize(("typed", "count"), [("y\n", 0), ("100\n", 0), ("101\n", 101)])
def test_above_a_hundred_the_count_is_typed(real: str, orders: Write, shop: FakeVendor, typed: str, count: int):
    with terminal("book", orders(101), "--config", real) as screen:
        screen.until("Type 101 to book them")
        screen.type(typed)
        assert screen.end()[0] == (0 if count else 2)
    assert len(shop.ledger.bookings) == count


def test_an_interruption_of_the_question_sends_nothing(real: str, orders: Write, shop: FakeVendor):
    with terminal("book", orders(3), "--config", real) as screen:
        screen.until("Enter is no:")
        screen.child.send_signal(2)
        status, seen = screen.end()
    assert (status, "Interrupted." in seen) == (130, True)
    assert not shop.ledger.requests


def test_a_script_says_yes_beforehand(real: str, orders: Write, shop: FakeVendor):
    with process("book", orders(101), "--config", real, "--yes") as child:
        _, err = child.communicate(timeout=60)
    assert child.returncode == 0, err
    assert "shop-a at vendor.example" in err
    assert len(shop.ledger.bookings) == 101


def test_without_a_terminal_and_without_yes_nothing_is_sent(real: str, orders: Write, shop: FakeVendor, tmp_path: Path):
    with process("book", orders(3), "--config", real) as child:
        _, err = child.communicate(timeout=60)
    assert child.returncode == 2
    assert "--yes" in err
    assert not shop.ledger.requests
    assert not (tmp_path / "bookings.db").exists()


@pytest.mark.usefixtures("keys")
def test_a_vendor_on_this_machine_is_not_asked_for(orders: Write, shop: FakeVendor):
    with terminal("book", orders(3), environ=environment(shop, "pandapon")) as screen:
        status, seen = screen.end()
    assert (status, "Enter is no" in seen) == (0, False)


def test_what_is_booked_already_costs_nothing_and_is_not_asked_for(real: str, orders: Write, shop: FakeVendor):
    book = ("book", orders(3), "--config", real)
    with process(*book, "--yes") as child:
        assert child.wait(60) == 0
    with process(*book) as again:
        assert again.wait(60) == 0
    with terminal("book", orders(5), "--config", real) as screen:
        screen.until("Enter is no:")
        assert "2 new" in screen.seen
        assert "3 booked before" in screen.seen
        screen.type("y\n")
        assert screen.end()[0] == 0
    assert set(shop.ledger.bookings.values()) == {1}


def test_the_question_is_asked_in_the_clerks_language(real: str, orders: Write, shop: FakeVendor):
    with terminal("book", orders(3), "--config", real, environ={"LC_ALL": "zh_CN.UTF-8"}) as screen:
        screen.until("直接回车为否")
        screen.type("是\n")
        status, seen = screen.end()
    assert (status, "已下单" in seen) == (0, True)
    assert len(shop.ledger.bookings) == 3


# --- a part of the file is wrong ---


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize(("answer", "booked"), [("y\n", 9), ("\n", 0)])
def test_the_good_ones_are_booked_and_the_others_written_if_somebody_says_so(
    orders: Write, shop: FakeVendor, tmp_path: Path, answer: str, booked: int
):
    with terminal("book", orders(10, wrong=(4,)), width=60) as screen:
        screen.until("Enter is no:")
        assert "line 6, column quantity" in screen.seen
        screen.type(answer)
        status, _ = screen.end()
    assert (status, len(shop.ledger.bookings)) == (1 if booked else 2, booked)
    assert (tmp_path / "orders.problems.csv").exists() == bool(booked)


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize("how", [["--yes"], []])
def test_without_somebody_to_ask_nothing_of_it_is_sent(
    pandapon: Pandapon, orders: Write, shop: FakeVendor, how: list[str]
):
    result = pandapon("book", orders(10, wrong=(4,)), *how)
    assert result.exit_code == 2
    assert "--problems" in result.stderr
    assert not shop.ledger.requests


@pytest.mark.usefixtures("keys")
def test_a_file_of_which_more_than_a_fifth_is_wrong_is_not_asked_about(orders: Write, shop: FakeVendor):
    with terminal("book", orders(10, wrong=(4, 5, 6))) as screen:
        status, seen = screen.end()
    assert (status, "more than a fifth" in seen) == (2, True)
    assert not shop.ledger.requests


@pytest.mark.usefixtures("keys")
def test_another_order_with_the_same_parcel_is_asked_about_once_the_journal_has_said_so(
    pandapon: Pandapon, orders: Write, shop: FakeVendor, tmp_path: Path
):
    assert pandapon("book", orders(1)).exit_code == 0
    path = Path(orders(8))
    path.write_text(path.read_text().replace("o-0,FF0", "o-99,FF99"))
    with terminal("book", str(path)) as screen:
        screen.until("Book the 7 good ones, write 1 to")
        assert len(shop.ledger.bookings) == 1
        screen.type("y\n")
        assert screen.end()[0] == 1
    assert len(shop.ledger.bookings) == 8
    assert "same-parcel" in (tmp_path / "orders.problems.csv").read_text("utf-8-sig")


# --- a trial ---


@pytest.mark.usefixtures("keys")
def test_a_dry_run_knows_the_journal(pandapon: Pandapon, orders: Write, shop: FakeVendor):
    shop.script("drop_after")
    assert pandapon("book", orders(3), "--concurrency", "1").exit_code == 3
    path = Path(orders(5))
    path.write_text(path.read_text().replace(f"{2048020617114736 + 2}", "7"))
    before = len(shop.ledger.requests)
    result = pandapon("book", str(path), "--dry-run")
    assert result.exit_code == 2
    for told in ("2 new", "1 booked before", "1 unclear", "1 changed", "nothing was sent"):
        assert told in result.stdout
    assert "lineItems[0].itemId" in result.stderr
    assert len(shop.ledger.requests) == before


def states(path: Path) -> dict[str, str]:
    with Journal.open(path) as journal:
        return {f"{row.account}/{row.reference}": row.state for row in journal.rows()}


def test_a_file_may_name_an_account_for_each_booking(
    pandapon: Pandapon, orders: Write, shop: FakeVendor, ann_and_bob: str, tmp_path: Path
):
    file = orders(6, account="ann bob")
    result = pandapon("book", file, "--config", ann_and_bob)
    assert result.exit_code == 0, result.stderr
    assert states(tmp_path / "bookings.db") == {f"{'ann' if n % 2 == 0 else 'bob'}/o-{n}": "done" for n in range(6)}
    wrong = pandapon("book", orders(6, account="ann bop"), "--config", ann_and_bob)
    assert wrong.exit_code == 2
    assert "line 3, column account" in wrong.stderr
    assert "'bob'" in wrong.stderr


@pytest.mark.parametrize(("typed", "count"), [("y\n", 2), ("n\n", 0)])
@pytest.mark.parametrize("width", [60, 120])
def test_other_work_is_asked_for_by_its_name(
    real: str, shop: FakeVendor, tmp_path: Path, typed: str, count: int, width: int
):
    file = tmp_path / "cancel.csv"
    file.write_text("orderId,webSite,cancelReason\n11,1688,other\n12,1688,other\n")
    with terminal("bulk", "alibaba.orders.cancel", str(file), "--config", real, width=width) as screen:
        screen.until("Send 2 now")
        assert "alibaba.orders.cancel" in screen.seen
        assert not shop.ledger.requests
        screen.type(typed)
        status, _ = screen.end()
    assert status == (0 if count else 2)
    assert len(shop.ledger.requests) == count
