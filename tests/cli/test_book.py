"""`pandapon book`."""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pandapon_async import Journal
from pandapon_async.testing import FakeVendor, Faults
from tests.journal.support import hours_later

from .conftest import Pandapon, environment, order, process
from .files import rows_of, write

BOOK = "logistics.order.book_freight"
HEADER = "reference,renderId,receiverAddress.name,receiverAddress.country,itemId,skuId,quantity,freightInfo.serviceId"
NIGHT = int(os.environ.get("PANDAPON_TEST_NIGHT", "1500"))

pytestmark = pytest.mark.usefixtures("keys")


def row(number: int, **changes: str) -> dict[str, str]:
    cells = [f"o-{number}", f"FF{number}", "Jane Example", "US", str(2048020617114736 + number), "413", "1", "1"]
    return {**dict(zip(HEADER.split(","), cells, strict=True)), **changes}


def write_rows(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, HEADER.split(","))
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture
def orders(tmp_path: Path) -> Callable[..., str]:
    """Writes a file of bookings ``o-0``, ... and gives its path."""

    def write(count: int = 3, **changed: dict[str, str]) -> str:
        rows = [row(number, **changed.get(f"o{number}", {})) for number in range(count)]
        return str(write_rows(tmp_path / "orders.csv", rows))

    return write


@pytest.fixture
def journal(tmp_path: Path) -> str:
    return str(tmp_path / "bookings.db")


def states(journal: str) -> dict[str, str]:
    with Journal.open(journal) as opened:
        return {found.reference: found.state for found in opened.rows()}


# --- booking ---


def test_a_file_is_booked_and_summed_up(pandapon: Pandapon, shop: FakeVendor, orders: Callable[..., str], journal: str):
    result = pandapon("book", orders(), "--journal", journal)
    assert result.exit_code == 0
    assert "Booked             3" in result.stdout
    assert states(journal) == {"o-0": "done", "o-1": "done", "o-2": "done"}
    assert shop.ledger.bookings == {"FF0": 1, "FF1": 1, "FF2": 1}


def test_once_more_books_nothing_twice(pandapon: Pandapon, shop: FakeVendor, orders: Callable[..., str], journal: str):
    pandapon("book", orders(), "--journal", journal)
    result = pandapon("book", orders(4), "--journal", journal)
    assert result.exit_code == 0
    assert "Booked             4, 3 of them by other runs" in result.stdout
    assert set(shop.ledger.bookings.values()) == {1}
    assert len(shop.ledger.bookings) == 4


def test_json_lines_from_a_pipe(pandapon: Pandapon, shop: FakeVendor, journal: str):
    lines = "".join(json.dumps(order(n)) + "\n" for n in range(2))
    result = pandapon("book", "-", "--journal", journal, "--json", stdin=lines)
    assert result.exit_code == 0
    told = [json.loads(line) for line in result.stdout.splitlines()]
    assert {one["reference"]: one["state"] for one in told} == {"o-0": "done", "o-1": "done"}
    assert told[0]["fee"]["currency"] == "USD"
    assert "Booked: 2" in result.stderr
    assert len(shop.ledger.bookings) == 2


def test_json_tells_the_order_id_of_what_an_earlier_run_made_though_this_one_ended_before_it(
    pandapon: Pandapon, shop: FakeVendor, orders: Callable[..., str], journal: str, tmp_path: Path
):
    shop.script({"status": 401})
    pandapon("book", orders(700), "--journal", journal, "--concurrency", "1")
    pandapon("book", str(write_rows(tmp_path / "some.csv", [row(699)])), "--journal", journal)
    shop.script({"status": 401})
    result = pandapon("book", orders(700), "--journal", journal, "--concurrency", "1", "--json")
    told = {one["reference"]: one for one in map(json.loads, result.stdout.splitlines())}
    with Journal.open(journal) as opened:
        for found in opened.rows(state="done"):
            one = told[found.reference]
            assert (one["recorded"], one["order_id"], tuple(one["tracking"])) == (
                "done",
                found.order_id,
                found.tracking,
            )
            assert found.fee is not None
            assert one["fee"] == {"amount": str(found.fee.amount), "currency": found.fee.currency}
    assert (told["o-0"]["recorded"], told["o-0"]["order_id"]) == ("pending", None)


def test_without_a_file_the_journals_pending_rows_are_sent(
    pandapon: Pandapon, shop: FakeVendor, orders: Callable[..., str], journal: str
):
    shop.script({"status": 401})
    first = pandapon("book", orders(), "--journal", journal, "--concurrency", "1")
    assert first.exit_code == 4
    assert "Stopped" in first.stdout
    assert "Waiting            3" in first.stdout
    assert pandapon("book", "--journal", journal).exit_code == 0
    assert shop.ledger.bookings == {"FF0": 1, "FF1": 1, "FF2": 1}


@pytest.mark.parametrize(
    ("steps", "status"),
    [
        (["refuse", "ok", "ok"], 1),
        (["drop_after", "ok", "ok"], 3),
        (["drop_after", "refuse", "ok"], 3),
        (["refuse", {"status": 403}], 4),
    ],
)
def test_the_exit_status_tells_how_the_file_stands(
    pandapon: Pandapon,
    shop: FakeVendor,
    orders: Callable[..., str],
    journal: str,
    steps: list[object],
    status: int,
):
    shop.script(*steps)
    assert pandapon("book", orders(), "--journal", journal, "--concurrency", "1").exit_code == status


def test_the_exit_status_counts_earlier_runs(
    pandapon: Pandapon, shop: FakeVendor, orders: Callable[..., str], journal: str
):
    shop.script("drop_after")
    pandapon("book", orders(), "--journal", journal)
    assert pandapon("book", orders(), "--journal", journal).exit_code == 3


def test_what_was_sent_before_under_a_reference_that_is_wrong_now_is_still_in_doubt(
    pandapon: Pandapon, shop: FakeVendor, orders: Callable[..., str], journal: str, tmp_path: Path
):
    shop.script("drop_after")
    pandapon("book", orders(1), "--journal", journal)
    problems = str(tmp_path / "problems.csv")
    result = pandapon("book", orders(1, o0={"quantity": "2"}), "--journal", journal, "--problems", problems)
    assert result.exit_code == 3
    assert [found["reference"] for found in rows_of(Path(problems))] == ["o-0"]
    assert shop.ledger.bookings == {"FF0": 1}


def test_refused_ones_are_sent_again_when_asked(
    pandapon: Pandapon, shop: FakeVendor, orders: Callable[..., str], journal: str
):
    shop.script("refuse")
    assert pandapon("book", orders(1), "--journal", journal).exit_code == 1
    assert pandapon("book", orders(1), "--journal", journal).exit_code == 1
    assert pandapon("book", orders(1), "--journal", journal, "--retry-refused").exit_code == 0
    assert shop.ledger.bookings == {"FF0": 1}


def test_the_spend_bound_stops_the_job(pandapon: Pandapon, shop: FakeVendor, orders: Callable[..., str], journal: str):
    result = pandapon("book", orders(20), "--journal", journal, "--spend-limit", "600", "USD")
    assert result.exit_code == 4
    assert "Stopped" in result.stdout
    assert 1 <= len(shop.ledger.bookings) < 20


def test_a_rate_is_taken_into_the_profile(pandapon: Pandapon, orders: Callable[..., str], journal: str):
    assert pandapon("book", orders(2), "--journal", journal, "--rate", "1000").exit_code == 0


# --- bad input: nothing is sent ---


@pytest.mark.parametrize(
    "changed", [{"o1": {"quantity": "x"}}, {"o1": {"itemId": "2.04E+15"}}, {"o1": {"reference": "o-0"}}]
)
def test_a_bad_line_stops_the_whole_file(
    pandapon: Pandapon, shop: FakeVendor, orders: Callable[..., str], journal: str, changed: dict[str, dict[str, str]]
):
    result = pandapon("book", orders(**changed), "--journal", journal)
    assert result.exit_code == 2
    assert "line 3" in result.stderr
    assert not shop.ledger.requests


def test_what_the_journal_objects_to_is_named_by_line(
    pandapon: Pandapon, shop: FakeVendor, orders: Callable[..., str], journal: str
):
    pandapon("book", orders(), "--journal", journal)
    before = len(shop.ledger.requests)
    result = pandapon("book", orders(o1={"itemId": "7"}), "--journal", journal)
    assert result.exit_code == 2
    assert "line 3" in result.stderr
    assert "lineItems[0].itemId" in result.stderr
    assert len(shop.ledger.requests) == before


@pytest.mark.parametrize(
    "arguments",
    [
        ["--dry-run"],
        ["--preview"],
        ["nowhere.csv", "--journal", "j.db"],
        ["orders.csv", "--journal", "j.db", "--spend-limit", "x", "USD"],
        ["orders.csv", "--journal", "j.db", "--spend-limit", "5", "dollars"],
        ["orders.csv", "--journal", "j.db", "--problems", "orders.csv"],
        ["orders.csv", "--journal", "j.db", "--problems", "nofolder/problems.csv"],
        ["orders.csv", "--journal", "j.db", "--as", "nobody"],
        ["orders.csv", "--journal", "j.db", "--concurrency", "0"],
        ["orders.csv", "--journal", "j.db", "--vendor", "nobody"],
    ],
)
def test_bad_usage_is_status_2(
    pandapon: Pandapon,
    shop: FakeVendor,
    orders: Callable[..., str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
):
    orders()
    monkeypatch.chdir(tmp_path)
    assert pandapon("book", *arguments).exit_code == 2
    assert not shop.ledger.requests


def test_a_dry_run_sends_nothing(pandapon: Pandapon, shop: FakeVendor, orders: Callable[..., str], journal: str):
    assert pandapon("book", orders(), "--dry-run").exit_code == 0
    bad = pandapon("book", orders(o1={"quantity": "x"}), "--dry-run", "--journal", journal)
    assert bad.exit_code == 2
    assert "2 good, 1 wrong, 0 held" in bad.stdout
    assert not shop.ledger.requests
    assert not Path(journal).exists()


def test_a_preview_asks_for_the_fees_and_books_nothing(
    pandapon: Pandapon, shop: FakeVendor, orders: Callable[..., str]
):
    result = pandapon("book", orders(o1={"freightInfo.serviceId": ""}), "--preview")
    told = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 1
    assert {one["reference"]: one["error"] is None for one in told} == {"o-0": True, "o-1": False, "o-2": True}
    assert all("renderId" in one["preview"] for one in told if one["error"] is None)
    assert not shop.ledger.bookings


def test_the_template_is_a_header(pandapon: Pandapon):
    result = pandapon("book", "--template", "csv")
    assert result.stdout.startswith("reference,shipment,renderId,receiverAddress.name,")
    assert "reference: order id" in result.stderr


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_template_is_a_file_without_bookings_and_replaces_nothing_else(pandapon: Pandapon, tmp_path: Path, kind: str):
    if kind == "xlsx":
        pytest.importorskip("xlsxwriter")
        pytest.importorskip("python_calamine")
    out = tmp_path / f"orders.{kind}"
    assert pandapon("book", "--template", kind, "--out", str(out)).exit_code == 0
    result = pandapon("book", str(out), "--dry-run")
    assert (result.exit_code, "holds no booking" in result.stderr) == (2, True)
    assert pandapon("book", "--template", kind, "--out", str(out)).exit_code == 0  # nobody has filled it in
    out.write_bytes(b"something else")
    assert pandapon("book", "--template", kind, "--out", str(out)).exit_code == 2
    assert out.read_bytes() == b"something else"


def test_a_workbook_is_no_text_for_a_terminal(pandapon: Pandapon):
    assert pandapon("book", "--template", "xlsx").exit_code == 2
    assert pandapon("book", "--out", "x.csv").exit_code == 2


# --- problems ---


def test_with_problems_the_good_ones_are_booked_and_the_others_come_back(
    pandapon: Pandapon, shop: FakeVendor, orders: Callable[..., str], journal: str, tmp_path: Path
):
    shop.script("refuse")
    problems = tmp_path / "problems.csv"
    file = orders(6, o1={"quantity": "x"}, o4={"reference": "o-2"})
    result = pandapon("book", file, "--journal", journal, "--problems", str(problems), "--concurrency", "1")
    assert result.exit_code == 1
    found = {(one["reference"], one["line"]): one for one in rows_of(problems)}
    assert set(found) == {("o-0", "2"), ("o-1", "3"), ("o-2", "4"), ("o-2", "6")}
    assert "9001" in found["o-0", "2"]["problem"] or "refused" in found["o-0", "2"]["problem"]
    assert found["o-1", "3"]["column"] == "quantity"
    assert found["o-2", "6"]["code"].startswith("differs ")
    assert shop.ledger.bookings == {"FF3": 1, "FF5": 1}


# --- being interrupted ---


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_drains_and_the_next_run_goes_on(
    pandapon: Pandapon, shop: FakeVendor, orders: Callable[..., str], journal: str, number: signal.Signals
):
    shop.faults = Faults(latency=0.02)
    file = orders(400)
    environ = environment(shop, "pandapon")
    with process("book", file, "--journal", journal, "--concurrency", "4", environ=environ) as child:
        give_up = time.monotonic() + 30
        while len(shop.ledger.bookings) < 20 and time.monotonic() < give_up:
            time.sleep(0.01)
        child.send_signal(number)
        out, err = child.communicate(timeout=30)
    assert child.returncode == 128 + number, err
    assert "Booked" in out
    found = states(journal)
    assert set(found.values()) == {"done", "pending"}
    assert {reference for reference, state in found.items() if state == "done"} == {
        f"o-{name.removeprefix('FF')}" for name in shop.ledger.bookings
    }
    shop.faults = Faults()
    assert pandapon("book", file, "--journal", journal).exit_code == 0
    assert len(shop.ledger.bookings) == 400
    assert set(shop.ledger.bookings.values()) == {1}


# --- a night on paper ---

_DAMAGE = (
    {"quantity": "x"},
    {"quantity": "0"},
    {"quantity": "1.5"},
    {"itemId": "2.04E+15"},
    {"skuId": "#REF!"},
    {"quantity": "-3"},
    {"quantity": "1" * 25},
    {"quantity": "=1+1"},
)


def test_a_night_on_paper(pandapon: Pandapon, shop: FakeVendor, journal: str, tmp_path: Path):
    """A large file with mistakes of every kind; corrected, fed again, what is in doubt resolved, and the sums agree."""
    pick = random.Random(7)
    bad = {
        number: _DAMAGE[index % len(_DAMAGE)] for index, number in enumerate(pick.sample(range(NIGHT), NIGHT // 100))
    }
    rows = [row(number, **bad.get(number, {})) for number in range(NIGHT)]
    file = write_rows(tmp_path / "night.csv", rows)
    problems, corrected = tmp_path / "problems.csv", tmp_path / "corrected.csv"

    assert pandapon("book", str(file), "--journal", journal).exit_code == 2
    assert not shop.ledger.requests

    failures = ["drop_after"] * 20 + ["drop_before"] * 17 + ["refuse"] * 5
    shop.script(
        *[step for failure in failures for step in (failure, "ok", "ok")]
    )  # in a row they would slow the job down
    first = pandapon("book", str(file), "--journal", journal, "--problems", str(problems), "--concurrency", "16")
    assert first.exit_code == 3
    rejected = {one["reference"] for one in rows_of(problems)}
    assert rejected >= {f"o-{number}" for number in bad}
    assert len(rejected) == len(bad) + 5

    write_rows(corrected, [row(int(reference[2:])) for reference in sorted(rejected)])
    second = pandapon("book", str(corrected), "--journal", journal, "--retry-refused")
    assert second.exit_code == 0

    export, edited = tmp_path / "export.csv", tmp_path / "edited.csv"
    hours_later(journal)
    pandapon("journal", journal, "--export", str(export), "--state", "unknown")
    found = rows_of(export)
    assert len(found) == 37
    for one in found:
        was_made = f"FF{one['reference'][2:]}" in shop.ledger.bookings
        one.update(state="done" if was_made else "pending", note="looked up")
        if was_made:
            seen = shop.ledger.replies[f"FF{one['reference'][2:]}"]
            one.update(order_id=seen["orderId"], fee=seen["orderFee"]["amount"], currency=seen["orderFee"]["currency"])
    with edited.open("w", encoding="utf-8-sig", newline="") as target:
        writer = csv.DictWriter(target, list(found[0]))
        writer.writeheader()
        writer.writerows(found)
    resolved = pandapon("journal", journal, "--resolve", str(edited), "--by", "Jane")
    assert (resolved.exit_code, resolved.stdout) == (0, "Resolved 37 bookings\n")

    assert pandapon("book", "--journal", journal).exit_code == 0
    assert set(states(journal).values()) == {"done"}
    assert len(shop.ledger.bookings) == NIGHT
    assert set(shop.ledger.bookings.values()) == {1}
    with Journal.open(journal) as opened:
        assert sum(found.resolved_by == "Jane" and found.order_id is not None for found in opened.rows()) >= 20
        paid = {total.currency: total.net for total in opened.totals()}
    assert paid == shop.ledger.fees


def test_a_file_that_is_saved_again_while_the_question_waits_is_not_sent(
    pandapon: Pandapon, shop: FakeVendor, orders: Callable[..., str], journal: str, monkeypatch: pytest.MonkeyPatch
):
    path = orders(3)

    def answer(*_: object) -> str:
        orders(4)
        return "yes"

    monkeypatch.setattr("pandapon_async._cli.book_file.ask_before_spending", answer)
    result = pandapon("book", path, "--journal", journal)
    assert (result.exit_code, shop.ledger.bookings) == (2, {})
    assert "was changed or moved while it was in use" in result.stderr


def test_a_replacement_of_a_cancelled_booking_is_the_next_shipment_of_its_order(
    pandapon: Pandapon, shop: FakeVendor, orders: Callable[..., str], journal: str, tmp_path: Path
):
    first = orders(1)
    assert pandapon("book", first, "--journal", journal).exit_code == 0
    marked = pandapon("journal", journal, "--mark", "o-0=void", "--by", "Ann", "--note", "cancelled by phone")
    assert marked.exit_code == 0
    again = write(tmp_path / "again.csv", [{**rows_of(Path(first))[0], "shipment": "2", "renderId": "FF9"}])
    result = pandapon("book", str(again), "--journal", journal)
    assert (result.exit_code, shop.ledger.bookings) == (0, {"FF0": 1, "FF9": 1})
    assert pandapon("book", str(again), "--journal", journal).exit_code == 0  # fed again: once all the same
    export = tmp_path / "export.csv"
    assert pandapon("journal", journal, "--export", str(export)).exit_code == 0
    assert [(row["reference"], row["shipment"], row["state"]) for row in rows_of(export)] == [
        ("o-0", "1", "void"),
        ("o-0", "2", "done"),
    ]
    assert shop.ledger.doubled == {}


@pytest.mark.skipif(sys.platform == "win32", reason="has no such files")
@pytest.mark.parametrize("command", ["book", "day"])
@pytest.mark.parametrize("kind", ["pipe", "redirection"])
def test_a_pipe_is_no_file_and_no_journal_is_made_beside_it(
    orders: Callable[..., str], shop: FakeVendor, tmp_path: Path, command: str, kind: str
):
    """Nobody would write to it a second time; beside /dev/stdin it would be in /dev."""
    os.mkfifo(tmp_path / "pipe")
    file = str(tmp_path / "pipe") if kind == "pipe" else "/dev/stdin"
    with open(orders(2), "rb") as stdin, process(command, file, "--yes", stdin=stdin) as child:
        _, errors = child.communicate(timeout=60)
    assert child.returncode == 2
    assert "save it as a file" in errors
    assert not shop.ledger.requests
