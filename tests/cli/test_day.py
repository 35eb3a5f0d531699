"""``pandapon day``: one command, stopped at any step and started again; nothing is booked twice, nothing is lost."""

from __future__ import annotations

import csv
import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from pandapon_async import Journal
from pandapon_async.testing import FakeVendor, Faults

from .conftest import Pandapon, environment, process
from .files import rows_of, write
from .test_question import real

__all__ = ["real"]

BOOK, PREVIEW = "logistics.order.book_freight", "logistics.order.render_freight"
HEADER = (
    "reference", "receiverAddress.name", "receiverAddress.country", "receiverAddress.zip", "itemId", "skuId", "quantity",
    "freightInfo.serviceId",
)  # fmt: skip
Orders = Callable[..., Path]

on_a_terminal = pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals")
if os.name == "posix":
    from .terminal import terminal


@pytest.fixture
def orders(tmp_path: Path) -> Orders:
    """Writes orders ``o-0``, ... without previews: those of ``wrong`` can't be read, and of ``held`` a zip has lost its zero."""

    def make(count: int, *, wrong: tuple[int, ...] = (), held: tuple[int, ...] = (), account: str = "") -> Path:
        path = tmp_path / "orders.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow((*HEADER, *(["account"] if account else [])))
            for number in range(count):
                postcode = "1002" if number in held else f"{10000 + number}"
                cells = [f"o-{number}", f"Jane Example {number}", "US", postcode, 2048 + number, 413]
                cells += ["x" if number in wrong else "1", 1]
                rows.writerow(cells + ([account.split()[number % len(account.split())]] if account else []))
        return path

    return make


def asked(shop: FakeVendor, operation: str) -> int:
    return sum(request.operation == operation for request in shop.ledger.requests)


def states(folder: Path) -> dict[str, str]:
    with Journal.open(folder / "bookings.db") as journal:
        return {row.reference: row.state for row in journal.rows()}


def is_true(shop: FakeVendor, folder: Path, count: int) -> None:
    """The vendor has booked so many orders, each once, and the journal has the same ones."""
    with Journal.open(folder / "bookings.db") as journal:
        known = {str((row.body or {})["renderId"]): row.reference for row in journal.rows(state="done")}
    assert dict.fromkeys(known, 1) == shop.ledger.bookings
    assert len(set(known.values())) == count


def until(holds: Callable[[], object]) -> None:
    give_up = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < give_up
        time.sleep(0.005)


def corrected(path: Path, **fixes: dict[str, str]) -> None:
    """Edit a problems file: ``o_3={"quantity": "1"}``."""
    write(path, [{**row, **fixes.get(row["reference"].replace("-", "_"), {})} for row in rows_of(path)])


# --- what must not be sent ---


def test_a_file_that_is_wrong_as_a_whole_is_refused_before_anything_is_asked(
    keys: None, pandapon: Pandapon, shop: FakeVendor, orders: Orders, tmp_path: Path
):
    result = pandapon("day", str(orders(6, wrong=(0, 1, 2, 3, 4, 5))))
    assert result.exit_code == 2
    assert "line 2, column quantity" in result.stderr
    assert "render" not in result.stderr
    assert "none of the 6" in result.stderr
    assert not shop.ledger.requests
    assert [path.name for path in tmp_path.iterdir()] == ["orders.csv"]


def test_more_than_a_fifth_wrong_is_refused_unless_the_problems_file_is_named(
    keys: None, pandapon: Pandapon, shop: FakeVendor, orders: Orders, tmp_path: Path
):
    file = orders(6, wrong=(1, 2))
    assert pandapon("day", str(file)).exit_code == 2
    assert not shop.ledger.requests
    assert pandapon("day", str(file), "--problems", str(tmp_path / "mine.csv")).exit_code == 1
    is_true(shop, tmp_path, 4)
    assert {row["reference"] for row in rows_of(tmp_path / "mine.csv")} == {"o-1", "o-2"}


@pytest.mark.parametrize("name", ["orders.previewed.csv", "orders.problems.csv", "orders.tracking.csv"])
def test_what_it_did_not_write_is_not_replaced(
    keys: None, pandapon: Pandapon, shop: FakeVendor, orders: Orders, tmp_path: Path, name: str
):
    file = orders(3)
    (tmp_path / name).write_text("somebody,else\n1,2\n")
    result = pandapon("day", str(file))
    assert (result.exit_code, name in result.stderr) == (2, True)
    assert (tmp_path / name).read_text() == "somebody,else\n1,2\n"
    assert not shop.ledger.requests


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="everybody may write what root may")
@pytest.mark.parametrize("name", ["orders.previewed.csv", "orders.problems.csv"])
def test_an_output_that_can_not_be_written_is_told_before_anything_is_sent(
    keys: None, pandapon: Pandapon, shop: FakeVendor, orders: Orders, tmp_path: Path, name: str
):
    file = orders(6, wrong=(1,))
    assert pandapon("day", str(file)).exit_code == 1
    (tmp_path / name).chmod(0o400)
    sent = len(shop.ledger.requests)
    result = pandapon("day", str(file))
    assert (result.exit_code, f"{name} can't be written" in result.stderr) == (2, True)
    assert len(shop.ledger.requests) == sent


def test_without_a_terminal_and_without_yes_nothing_is_sent(
    real: str, shop: FakeVendor, orders: Orders, tmp_path: Path
):
    with process("day", str(orders(3)), "--config", real) as child:
        _, err = child.communicate(timeout=60)
    assert (child.returncode, "--yes" in err) == (2, True)
    assert not shop.ledger.requests
    assert not (tmp_path / "bookings.db").exists()
    with process("day", str(orders(3)), "--config", real, "--yes") as child:
        assert child.wait(60) == 0
    is_true(shop, tmp_path, 3)
    with process("day", str(orders(3)), "--config", real) as child:  # nothing is left to be asked for
        assert child.wait(60) == 0
    assert asked(shop, PREVIEW) == 3


def test_a_trial_sends_nothing_and_writes_nothing(
    keys: None, pandapon: Pandapon, shop: FakeVendor, orders: Orders, tmp_path: Path
):
    result = pandapon("day", str(orders(6, held=(2,))), "--dry-run")
    assert (result.exit_code, "5 good, 0 wrong, 1 held" in result.stdout) == (2, True)
    assert not shop.ledger.requests
    assert [path.name for path in tmp_path.iterdir()] == ["orders.csv"]


# --- stopped, and started again ---


@on_a_terminal
@pytest.mark.parametrize("width", [60, 120])
def test_after_no_the_previews_are_kept_and_the_problems_can_be_corrected(
    real: str, shop: FakeVendor, orders: Orders, tmp_path: Path, width: int
):
    day = ("day", orders(8, wrong=(3,), held=(5,)).name, "--config", real)
    with terminal(*day, width=width, cwd=str(tmp_path)) as screen:
        screen.until("Enter is no:")
        assert "Book 6 now?" in screen.seen
        assert "1 wrong, 1 held" in screen.seen
        assert "render id" not in screen.seen
        assert "Problems     2 in orders.problems.csv" in screen.seen
        assert [line for line in screen.lines() if len(line) > width and ": line " not in line] == []
        screen.type("\n")
        assert screen.end()[0] == 2
    assert (asked(shop, PREVIEW), asked(shop, BOOK)) == (6, 0)
    corrected(tmp_path / "orders.problems.csv", o_3={"quantity": "2"}, o_5={"decision": "book"})
    with terminal(*day, width=width, cwd=str(tmp_path)) as screen:
        screen.until("Book 8 now?")
        screen.type("y\n")
        status, seen = screen.end()
        assert [line for line in screen.lines() if len(line) > width and "was made" not in line] == []
    assert (status, "Corrected    2 in orders.problems.csv" in seen) == (0, True)
    assert asked(shop, PREVIEW) == 8
    is_true(shop, tmp_path, 8)
    assert {row["state"] for row in rows_of(tmp_path / "orders.tracking.csv")} == {"done"}


@on_a_terminal
def test_above_a_hundred_the_count_is_typed_and_the_sum_of_the_previews_is_told(
    real: str, shop: FakeVendor, orders: Orders, tmp_path: Path
):
    with terminal("day", str(orders(101)), "--config", real) as screen:
        screen.until("Type 101 to book them")
        assert "Previewed" in screen.seen
        assert "0 USD of 50000 USD" in screen.seen
        screen.type("101\n")
        assert screen.end()[0] == 0
    is_true(shop, tmp_path, 101)


@on_a_terminal
def test_interrupted_at_the_question_and_in_the_middle_it_goes_on_where_it_stood(
    real: str, shop: FakeVendor, orders: Orders, tmp_path: Path
):
    day = ("day", str(orders(40)), "--config", real, "--concurrency", "4")
    with terminal(*day) as screen:
        screen.until("Book 40 now?")
        screen.child.send_signal(signal.SIGINT)
        assert screen.end()[0] == 130
    assert asked(shop, BOOK) == 0
    with terminal(*day) as screen:
        screen.until("Book 40 now?")
        shop.faults = Faults(latency=0.3)
        screen.type("y\n")
        until(lambda: len(shop.ledger.bookings) >= 4)
        screen.child.send_signal(signal.SIGINT)
        assert screen.end()[0] == 130
    shop.faults = Faults()
    left = Counter(states(tmp_path).values())
    assert set(left) == {"done", "pending"}
    with terminal(*day) as screen:
        screen.until(f"Book {left['pending']} now?")
        screen.type("y\n")
        assert screen.end()[0] == 0
    assert asked(shop, PREVIEW) == 40
    is_true(shop, tmp_path, 40)


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
def test_killed_in_the_previews_and_again_in_the_bookings_nothing_is_booked_twice(
    shop: FakeVendor, orders: Orders, tmp_path: Path
):
    day, environ = ("day", str(orders(60)), "--concurrency", "4"), environment(shop, "pandapon")
    shop.faults = Faults(latency=0.2)
    with process(*day, environ=environ) as child:
        until(lambda: asked(shop, PREVIEW) >= 8)
        child.kill()
        child.wait()
    assert asked(shop, BOOK) == 0
    shop.faults = Faults()
    with process(*day, environ=environ) as child:
        until(lambda: asked(shop, BOOK) >= 1)
        shop.faults = Faults(latency=0.5)
        until(lambda: asked(shop, BOOK) >= 8 or child.poll() is not None)
        child.kill()
        child.wait()
    shop.faults = Faults()
    previews = asked(shop, PREVIEW)
    with process(*day, environ=environ) as child:
        out, err = child.communicate(timeout=60)
    assert asked(shop, PREVIEW) == previews, err
    found = Counter(states(tmp_path).values())
    assert child.returncode == (3 if found["unknown"] else 0), err
    assert sum(found.values()) == found["done"] + found["unknown"] == 60
    assert ("--review" in out) == bool(found["unknown"])
    assert set(shop.ledger.bookings.values()) == {1}
    assert found["done"] <= len(shop.ledger.bookings) <= 60


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
def test_previews_that_came_before_an_interruption_are_not_asked_again(
    keys: None, pandapon: Pandapon, shop: FakeVendor, orders: Orders, tmp_path: Path
):
    day = ("day", str(orders(30)), "--concurrency", "2")
    shop.faults = Faults(latency=0.2)
    with process(*day, environ=environment(shop, "pandapon")) as child:
        until(lambda: asked(shop, PREVIEW) >= 10)
        child.send_signal(signal.SIGINT)
        assert child.wait(60) == 130
    shop.faults = Faults()
    kept = {row["renderId"] for row in rows_of(tmp_path / "orders.previewed.csv")}
    assert len(kept) >= 6  # all but those under way
    assert pandapon(*day).exit_code == 0
    assert kept <= shop.ledger.bookings.keys()
    is_true(shop, tmp_path, 30)


@on_a_terminal
def test_two_people_with_different_previews_of_one_file_book_it_once(
    real: str, shop: FakeVendor, orders: Orders, tmp_path: Path
):
    day = ("day", str(orders(5)), "--config", real)
    with terminal(*day) as jane:
        jane.until("Book 5 now?")
        (tmp_path / "orders.previewed.csv").unlink()
        with terminal(*day) as li:
            li.until("Book 5 now?")
            jane.type("y\n")
            assert jane.end()[0] == 0
            li.type("y\n")
            status, seen = li.end()
    assert asked(shop, PREVIEW) == 10
    assert (status, "5, 5 of them by other runs" in seen) == (0, True)
    is_true(shop, tmp_path, 5)


def test_what_is_booked_already_is_said_and_its_tracking_written_again(
    keys: None, pandapon: Pandapon, shop: FakeVendor, orders: Orders, tmp_path: Path
):
    day = ("day", str(orders(5)))
    assert pandapon(*day).exit_code == 0
    for one in ("orders.tracking.csv", "orders.previewed.csv"):
        (tmp_path / one).unlink()
    sent = len(shop.ledger.requests)
    result = pandapon(*day)
    assert (result.exit_code, "Nothing is left to be booked" in result.stderr) == (0, True)
    assert len(shop.ledger.requests) == sent
    assert [row["reference"] for row in rows_of(tmp_path / "orders.tracking.csv")] == [f"o-{n}" for n in range(5)]
    is_true(shop, tmp_path, 5)


# --- a file that changes ---


def test_a_row_that_was_added_is_previewed_and_booked_alone(
    keys: None, pandapon: Pandapon, shop: FakeVendor, orders: Orders, tmp_path: Path
):
    file = orders(3)
    assert pandapon("day", str(file)).exit_code == 0
    write(file, [{**rows_of(file)[0], "reference": "new", "itemId": "7"}, *rows_of(file)])
    assert pandapon("day", str(file)).exit_code == 0
    assert (asked(shop, PREVIEW), asked(shop, BOOK)) == (4, 4)
    assert [row["reference"] for row in rows_of(tmp_path / "orders.tracking.csv")] == ["new", "o-0", "o-1", "o-2"]


def test_a_row_that_was_changed_after_it_was_booked_is_a_problem(
    keys: None, pandapon: Pandapon, shop: FakeVendor, orders: Orders, tmp_path: Path
):
    file = orders(6)
    assert pandapon("day", str(file)).exit_code == 0
    corrected(file, o_4={"quantity": "5"})
    result = pandapon("day", str(file))
    assert result.exit_code == 1
    assert "with other content (lineItems[0].quantity)" in result.stderr
    assert [row["reference"] for row in rows_of(tmp_path / "orders.problems.csv")] == ["o-4"]
    assert asked(shop, PREVIEW) == asked(shop, BOOK) == 6


def test_an_old_preview_is_asked_again_and_one_that_became_dearer_is_held_until_somebody_decides(
    keys: None, pandapon: Pandapon, shop: FakeVendor, orders: Orders, tmp_path: Path
):
    file = orders(6)
    assert pandapon("day", str(file), "--spend-limit", "1", "USD").exit_code == 4  # nothing but the previews
    at = (datetime.now(timezone.utc) - timedelta(hours=13)).isoformat(timespec="seconds")
    previewed = tmp_path / "orders.previewed.csv"
    write(previewed, [{**row, "previewedAt": at} for row in rows_of(previewed)])
    shop.script("price_moved")
    result = pandapon("day", str(file), "--concurrency", "1")
    assert (result.exit_code, "6 previews are older than 12 h" in result.stderr) == (1, True)
    assert asked(shop, PREVIEW) == 12
    is_true(shop, tmp_path, 5)
    corrected(tmp_path / "orders.problems.csv", **{f"o_{n}": {"decision": "book"} for n in range(6)})
    assert pandapon("day", str(file)).exit_code == 0
    is_true(shop, tmp_path, 6)


# --- the problems file ---


def test_a_correction_that_is_still_wrong_stays_and_the_others_are_booked(
    keys: None, pandapon: Pandapon, shop: FakeVendor, orders: Orders, tmp_path: Path
):
    day, problems = ("day", str(orders(16, wrong=(3, 4, 5)))), tmp_path / "orders.problems.csv"
    assert pandapon(*day).exit_code == 1
    corrected(problems, o_3={"quantity": "2"}, o_4={"quantity": "2 0"})
    result = pandapon(*day)
    assert result.exit_code == 1
    assert "2 in " in result.stdout
    assert {row["reference"]: row["problem"][:6] for row in rows_of(problems)} == {
        "o-3": "",
        "o-4": "expect",
        "o-5": "expect",
    }
    is_true(shop, tmp_path, 14)
    corrected(problems, o_4={"quantity": "20"}, o_5={"quantity": "1"})
    assert pandapon(*day).exit_code == 0
    assert pandapon(*day).exit_code == 0
    is_true(shop, tmp_path, 16)
    handed = {row["reference"]: row["quantity"] for row in rows_of(tmp_path / "orders.tracking.csv")}
    assert (handed["o-3"], handed["o-4"], len(handed)) == ("2", "20", 16)


def test_a_refused_booking_is_previewed_anew_once_it_is_corrected(
    keys: None, pandapon: Pandapon, shop: FakeVendor, orders: Orders, tmp_path: Path
):
    day = ("day", str(orders(6)), "--concurrency", "1")
    shop.script(*["ok"] * 6, "refuse")
    assert pandapon(*day).exit_code == 1
    sent = len(shop.ledger.requests)
    assert pandapon(*day).exit_code == 1
    assert len(shop.ledger.requests) == sent
    (row,) = rows_of(tmp_path / "orders.problems.csv")
    corrected(
        tmp_path / "orders.problems.csv", **{row["reference"].replace("-", "_"): {"receiverAddress.zip": "99999"}}
    )
    assert pandapon(*day).exit_code == 0
    assert (asked(shop, PREVIEW), asked(shop, BOOK)) == (7, 7)
    is_true(shop, tmp_path, 6)


@on_a_terminal
def test_after_no_the_problems_of_the_run_before_are_still_there(
    real: str, shop: FakeVendor, orders: Orders, tmp_path: Path
):
    file, problems = orders(6, wrong=(1,)), tmp_path / "orders.problems.csv"
    day = ("day", str(file), "--config", real, "--concurrency", "1")
    shop.script(*["ok"] * 5, "refuse")
    with process(*day, "--yes") as child:
        assert child.wait(60) == 1
    before = rows_of(problems)
    assert {row["code"].split()[0] for row in before} == {"whole-number", "refused"}
    corrected(problems, o_1={"quantity": "1 0"})
    write(file, [*rows_of(file), {**rows_of(file)[0], "reference": "new", "itemId": "7"}])
    with terminal(*day) as screen:
        screen.until("Enter is no:")
        screen.type("\n")
        assert screen.end()[0] == 2
    assert [row["reference"] for row in rows_of(problems)] == [row["reference"] for row in before]


@on_a_terminal
def test_what_is_corrected_while_the_question_waits_is_not_replaced_by_the_problems_of_that_run(
    real: str, shop: FakeVendor, orders: Orders, tmp_path: Path
):
    file, problems = orders(8, wrong=(3,)), tmp_path / "orders.problems.csv"
    with terminal("day", str(file), "--config", real) as screen:
        screen.until("Enter is no:")
        corrected(problems, o_3={"quantity": "2"})
        kept = problems.read_bytes()
        screen.type("y\n")
        assert screen.end()[0] == 1
    assert problems.read_bytes() == kept
    assert [row["reference"] for row in rows_of(tmp_path / "orders.problems (2).csv")] == ["o-3"]
    with process("day", str(file), "--config", real, "--yes") as child:
        assert child.wait(60) == 0
    is_true(shop, tmp_path, 8)


def test_what_was_refused_is_tried_again_with_a_preview_of_its_own(
    keys: None, pandapon: Pandapon, shop: FakeVendor, orders: Orders, tmp_path: Path
):
    day = ("day", str(orders(6)), "--concurrency", "1")
    shop.script(*["ok"] * 6, "render_expired")
    assert pandapon(*day).exit_code == 1
    assert pandapon(*day, "--retry-refused").exit_code == 0
    assert asked(shop, PREVIEW) == 7
    is_true(shop, tmp_path, 6)


def test_an_order_without_a_number_gets_one_in_the_problems_file_for_good(
    keys: None, pandapon: Pandapon, shop: FakeVendor, orders: Orders, tmp_path: Path
):
    file = orders(6)
    write(file, [{**row, "reference": row["reference"].replace("o-2", "")} for row in rows_of(file)])
    day, problems = ("day", str(file)), tmp_path / "orders.problems.csv"
    assert pandapon(*day).exit_code == 1
    write(problems, [{**row, "reference": "o-two"} for row in rows_of(problems)])
    assert pandapon(*day).exit_code == 0
    write(file, rows_of(file)[1:])  # the file's lines have moved
    assert pandapon(*day).exit_code == 0
    is_true(shop, tmp_path, 6)
    assert states(tmp_path)["o-two"] == "done"


def test_a_file_without_order_numbers_is_booked_once_by_what_its_rows_say(
    keys: None, pandapon: Pandapon, shop: FakeVendor, orders: Orders, tmp_path: Path
):
    file = orders(6)
    rows = [{name: cell for name, cell in row.items() if name != "reference"} for row in rows_of(file)]
    write(file, [*rows, rows[2]])  # two orders, or a mistake
    for _ in range(2):
        assert pandapon("day", str(file)).exit_code == 1
        assert len(rows_of(tmp_path / "orders.problems.csv")) == 1
        is_true(shop, tmp_path, 6)
    (tmp_path / "orders.previewed.csv").unlink()
    assert pandapon("day", str(file)).exit_code == 1
    assert asked(shop, PREVIEW) <= 7
    is_true(shop, tmp_path, 6)


def test_rows_of_one_number_that_are_two_orders_are_told_apart_there(
    keys: None, pandapon: Pandapon, shop: FakeVendor, orders: Orders, tmp_path: Path
):
    file, problems = orders(8), tmp_path / "orders.problems.csv"
    write(file, [{**row, "reference": row["reference"].replace("o-5", "o-4")} for row in rows_of(file)])
    assert pandapon("day", str(file)).exit_code == 1
    first, second = rows_of(problems)
    write(problems, [first, {**second, "reference": "o-5"}])
    assert pandapon("day", str(file)).exit_code == 0
    assert pandapon("day", str(file)).exit_code == 0
    is_true(shop, tmp_path, 8)


def test_a_second_decision_keeps_the_first_one(
    keys: None, pandapon: Pandapon, shop: FakeVendor, orders: Orders, tmp_path: Path
):
    file, problems = orders(8, held=(2,)), tmp_path / "orders.problems.csv"
    twin = {**rows_of(file)[2], "reference": "twin"}
    write(file, [*rows_of(file), twin])
    assert pandapon("day", str(file)).exit_code == 1
    corrected(problems, o_2={"decision": "book"}, twin={"decision": "book"})
    assert pandapon("day", str(file)).exit_code == 1  # now the journal knows its parcel
    assert {row["reference"]: row["code"].split()[0] for row in rows_of(problems)}["twin"] == "same-parcel"
    corrected(problems, twin={"decision": "book"})
    assert pandapon("day", str(file)).exit_code == 0
    is_true(shop, tmp_path, 9)


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda rows: [{**row, "code": "1"} for row in rows], "line 2: the code was altered"),
        (lambda rows: [*rows, dict.fromkeys(rows[0], "") | {"reference": "stranger"}], "line 3: no row of"),
        (lambda rows: [{"more": "1", **row} for row in rows], "the columns of"),
    ],
    ids=["altered", "stranger", "columns"],
)
def test_a_problems_file_that_does_not_fit_is_refused_and_kept(
    keys: None,
    pandapon: Pandapon,
    shop: FakeVendor,
    orders: Orders,
    tmp_path: Path,
    act: Callable[[list[dict[str, str]]], list[dict[str, str]]],
    said: str,
):
    file, problems = orders(6, wrong=(1,)), tmp_path / "orders.problems.csv"
    assert pandapon("day", str(file)).exit_code == 1
    write(problems, act(rows_of(problems)))
    before, sent = problems.read_bytes(), len(shop.ledger.requests)
    result = pandapon("day", str(file), "--ignore-columns")
    assert (result.exit_code, said in result.stderr) == (2, True), result.stderr
    assert problems.read_bytes() == before
    assert len(shop.ledger.requests) == sent


def test_an_order_that_was_changed_in_both_files_is_refused_and_in_the_file_alone_is_taken(
    keys: None, pandapon: Pandapon, shop: FakeVendor, orders: Orders, tmp_path: Path
):
    file, problems = orders(6, wrong=(1,)), tmp_path / "orders.problems.csv"
    assert pandapon("day", str(file)).exit_code == 1
    corrected(file, o_1={"quantity": "1"})
    untouched = rows_of(problems)
    corrected(problems, o_1={"quantity": "2"})
    result = pandapon("day", str(file))
    assert (result.exit_code, "line 2: corrected here, and changed in" in result.stderr) == (2, True)
    write(problems, untouched)
    assert pandapon("day", str(file)).exit_code == 0
    is_true(shop, tmp_path, 6)


# --- accounts, formats, faults ---


def test_two_accounts_are_booked_each_with_its_own_previews(
    pandapon: Pandapon, shop: FakeVendor, orders: Orders, ann_and_bob: str, tmp_path: Path
):
    day, problems = (
        ("day", str(orders(12, wrong=(3,), account="ann bob")), "--config", ann_and_bob),
        "orders.problems.csv",
    )
    assert pandapon(*day).exit_code == 1
    corrected(tmp_path / problems, o_3={"quantity": "1"})
    assert pandapon(*day).exit_code == 0
    is_true(shop, tmp_path, 12)
    with Journal.open(tmp_path / "bookings.db") as journal:
        found = {row.reference: row.account for row in journal.rows()}
    assert found == {f"o-{n}": "ann" if n % 2 == 0 else "bob" for n in range(12)}
    assert asked(shop, PREVIEW) == 12


@pytest.mark.parametrize("kind", ["jsonl", "json", "xlsx"])
def test_outputs_are_in_the_inputs_format(
    keys: None, pandapon: Pandapon, shop: FakeVendor, orders: Orders, tmp_path: Path, kind: str
):
    made = rows_of(orders(8, wrong=(2,), held=(4,)))
    file, problems = tmp_path / f"orders.{kind}", tmp_path / f"orders.problems.{kind}"
    (save, load) = _FORMATS[kind]
    save(file, made)
    assert pandapon("day", str(file)).exit_code == 1
    assert [one["reference"] for one in load(problems)] == ["o-2", "o-4"]
    save(problems, [_fixed(one) for one in load(problems)])
    assert pandapon("day", str(file)).exit_code == 0
    assert pandapon("day", str(file)).exit_code == 0
    is_true(shop, tmp_path, 8)
    assert asked(shop, PREVIEW) == 8
    assert len(load(tmp_path / f"orders.previewed.{kind}")) == len(load(tmp_path / f"orders.tracking.{kind}")) == 8


def test_what_is_unclear_is_status_3_and_the_way_on_is_told(
    keys: None, pandapon: Pandapon, shop: FakeVendor, orders: Orders, tmp_path: Path
):
    day = ("day", str(orders(8)), "--concurrency", "1")
    shop.script(*["ok"] * 8, "drop_after", "half_body")
    result = pandapon(*day)
    assert result.exit_code == 3
    assert "2 unclear" in result.stdout
    assert "--review" in result.stdout
    sent = len(shop.ledger.requests)
    assert pandapon(*day).exit_code == 3
    assert len(shop.ledger.requests) == sent
    unclear = [reference for reference, state in states(tmp_path).items() if state == "unknown"]
    for reference in unclear:
        journal = str(tmp_path / "bookings.db")
        assert pandapon("journal", journal, "--mark", f"{reference}=done", "--by", "Jane").exit_code == 0
    result = pandapon(*day)
    assert (result.exit_code, "--review" in result.stdout) == (0, False)
    assert len(shop.ledger.requests) == sent
    assert sum(shop.ledger.bookings.values()) == 8


def test_whatever_the_vendor_does_the_same_command_ends_the_day(
    keys: None, pandapon: Pandapon, shop: FakeVendor, orders: Orders, tmp_path: Path
):
    (tmp_path / "pandapon.toml").write_text("not_booked_after = 0\n")
    file, journal = orders(40, wrong=(7,), held=(9,)), str(tmp_path / "bookings.db")
    shop.faults = Faults(
        drop_before=0.05, drop_after=0.1, half_body=0.05, garbage=0.05, refuse=0.1, render_expired=0.05, seed=7
    )
    seen: list[int] = []
    while not seen or seen[-1] != 0:
        assert len(seen) < 20, seen
        result = pandapon("day", str(file), *(["--retry-refused"] if seen and seen[-1] == 1 else []))
        seen.append(result.exit_code)
        assert ("unclear: look them up" in result.stdout) == (seen[-1] == 3)
        for reference in [name for name, state in states(tmp_path).items() if state == "unknown"]:
            with Journal.open(journal) as opened:
                render = (opened.get(reference).body or {})["renderId"]
            state = "done" if shop.ledger.count(render) else "pending"
            assert pandapon("journal", journal, "--mark", f"{reference}={state}", "--by", "Jane").exit_code == 0
        if (problems := tmp_path / "orders.problems.csv").exists():
            corrected(problems, o_7={"quantity": "1"}, o_9={"receiverAddress.zip": "01002"})
    assert 3 in seen
    is_true(shop, tmp_path, 40)
    handed = rows_of(tmp_path / "orders.tracking.csv")
    assert [(row["reference"], row["state"]) for row in handed] == [(f"o-{n}", "done") for n in range(40)]


def test_a_tracking_file_that_can_not_be_written_is_told_and_changes_no_booking(
    keys: None, pandapon: Pandapon, shop: FakeVendor, orders: Orders, tmp_path: Path
):
    (tmp_path / "orders.tracking.csv").mkdir()
    result = pandapon("day", str(orders(3)))
    assert (result.exit_code, "orders.tracking.csv could not be written" in result.stderr) == (1, True)
    is_true(shop, tmp_path, 3)
    (tmp_path / "orders.tracking.csv").rmdir()
    assert pandapon("day", str(orders(3))).exit_code == 0
    assert len(rows_of(tmp_path / "orders.tracking.csv")) == 3


def test_after_the_bodies_were_erased_nothing_is_booked_again(
    keys: None, pandapon: Pandapon, shop: FakeVendor, orders: Orders, tmp_path: Path
):
    day = ("day", str(orders(3)))
    assert pandapon(*day).exit_code == 0
    with Journal.open(tmp_path / "bookings.db") as journal:
        journal.forget_before(datetime.now(timezone.utc))
        assert all(row.body is None for row in journal.rows())
    assert pandapon(*day).exit_code == 0
    assert asked(shop, PREVIEW) == asked(shop, BOOK) == 3
    (tmp_path / "orders.previewed.csv").unlink()
    assert pandapon(*day).exit_code == 1
    assert asked(shop, PREVIEW) == asked(shop, BOOK) == 3


@pytest.mark.skipif(os.name != "posix", reason="POSIX pipes")
def test_a_reader_that_leaves_changes_neither_the_status_nor_the_tracking_file(
    shop: FakeVendor, orders: Orders, tmp_path: Path
):
    with process("day", str(orders(3)), environ=environment(shop, "pandapon")) as child:
        assert child.stdout is not None
        child.stdout.close()
        assert child.wait(60) == 0
    is_true(shop, tmp_path, 3)
    assert len(rows_of(tmp_path / "orders.tracking.csv")) == 3


def test_as_json_stdout_has_one_object_an_order(keys: None, pandapon: Pandapon, orders: Orders):
    result = pandapon("day", str(orders(6, wrong=(2,))), "--json")
    told = [json.loads(line) for line in result.stdout.splitlines()]
    assert sorted(one["reference"] for one in told) == [f"o-{n}" for n in range(6)]
    assert "orders.tracking.csv" in result.stderr


def test_it_is_told_in_the_clerks_language(
    keys: None, pandapon: Pandapon, orders: Orders, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    result = pandapon("day", str(orders(6, wrong=(2,))))
    assert ("接下来" in result.stdout, "物流跟踪" in result.stdout) == (True, True)


# --- the formats ---


def _fixed(row: dict[str, Any]) -> dict[str, Any]:
    if row["reference"] == "o-4":
        return {**row, "decision": "book"}
    if "lineItems" in row:
        return {**row, "lineItems": [{**row["lineItems"][0], "quantity": 1}]}
    return {**row, "quantity": "1"}


def _objects(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [_object(row) if "itemId" in row else row for row in rows]


def _object(row: dict[str, Any]) -> dict[str, Any]:
    item = {
        "itemId": row["itemId"],
        "skuId": row["skuId"],
        "quantity": int(row["quantity"]) if row["quantity"].isdigit() else "x",
        "freightInfo": {"serviceId": row["freightInfo.serviceId"]},
    }
    receiver = {name: row[f"receiverAddress.{name}"] for name in ("name", "country", "zip")}
    return {"reference": row["reference"], "receiverAddress": receiver, "lineItems": [item]}


def _save_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(one) + "\n" for one in _objects(rows)), "utf-8")


def _save_array(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text(json.dumps(_objects(rows)), "utf-8")


def _save_workbook(path: Path, rows: list[dict[str, Any]]) -> None:
    xlsxwriter = pytest.importorskip("xlsxwriter")
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        for number, cells in enumerate([list(rows[0]), *[list(row.values()) for row in rows]]):
            for place, cell in enumerate(cells):
                sheet.write_string(number, place, cell)


def _load_workbook(path: Path) -> list[dict[str, Any]]:
    book: Any = pytest.importorskip("python_calamine").CalamineWorkbook.from_path(str(path))
    header, *rows = book.get_sheet_by_index(0).to_python()
    return [dict(zip(header, row, strict=True)) for row in rows]


_FORMATS: dict[str, tuple[Callable[..., None], Callable[[Path], list[dict[str, Any]]]]] = {
    "jsonl": (_save_lines, lambda path: [json.loads(line) for line in path.read_text("utf-8").splitlines()]),
    "json": (_save_array, lambda path: json.loads(path.read_text("utf-8"))),
    "xlsx": (_save_workbook, _load_workbook),
}
