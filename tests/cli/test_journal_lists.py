"""``pandapon journal PATH --todo``, ``--assign`` and ``--runs``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from pandapon_async import Journal
from pandapon_async._journal.journal import write_down
from pandapon_async.testing import FakeVendor

from .conftest import Pandapon, order


@pytest.fixture
def journal(pandapon: Pandapon, shop: FakeVendor, keys: None, tmp_path: Path) -> str:
    """o-0 done, o-1 in doubt, o-2 refused, o-3 pending, o-4 done without a fee."""
    path = str(tmp_path / "bookings.db")
    bare = {"done": True, "json": {"errorCode": 200, "success": True, "data": {"orderId": "77"}}}
    shop.script("ok", "drop_after", "refuse", bare, {"status": 403})
    lines = "\n".join(json.dumps(order(index)) for index in (0, 1, 2, 4, 3))
    assert pandapon("book", "-", "--journal", path, "--concurrency", "1", stdin=lines).exit_code == 3
    return path


def todo(pandapon: Pandapon, journal: str) -> dict[tuple[str, str], dict[str, Any]]:
    lines = pandapon("journal", journal, "--todo", "--json").stdout.splitlines()
    return {(one["what"], one["reference"]): one for one in map(json.loads, lines)}


def test_all_that_a_person_has_to_see_to_is_listed(pandapon: Pandapon, journal: str):
    assert [*todo(pandapon, journal)] == [
        ("unclear", "o-1"),
        ("refused by vendor", "o-2"),
        ("waiting", "o-3"),
        ("not handed back", "o-0"),
        ("no fee", "o-4"),
        ("not handed back", "o-4"),
    ]


def test_a_cancelled_booking_is_listed_until_its_whole_fee_is_credited(pandapon: Pandapon, journal: str):
    pandapon("journal", journal, "--mark", "o-0=void", "--by", "Jane")
    with Journal.open(journal) as opened:
        fee = opened.get("o-0").fee
    assert fee is not None
    part = fee.amount - 1
    pandapon("journal", journal, "--credit", "o-0", str(part), fee.currency, "--by", "Jane")
    assert todo(pandapon, journal)["no credit", "o-0"]["why"] == f"cancelled, and 1.00 {fee.currency} not credited"
    pandapon("journal", journal, "--credit", "o-0", "1", fee.currency, "--by", "Jane")
    assert ("no credit", "o-0") not in todo(pandapon, journal)


def test_what_was_handed_back_comes_again_when_it_has_changed(pandapon: Pandapon, journal: str):
    with Journal.open(journal) as opened:
        row = opened.get("o-0")
        write_down(opened, [(row, {"handed": row.as_handed})], "Jane")
    assert ("not handed back", "o-0") not in todo(pandapon, journal)
    pandapon("journal", journal, "--mark", "o-0=void", "--by", "Jane")
    assert todo(pandapon, journal)["not handed back", "o-0"]["why"] == "the shop was told something else before"


def test_a_person_who_is_assigned_is_shown_until_the_booking_has_moved_on(pandapon: Pandapon, journal: str):
    assert pandapon("journal", journal, "--assign", "o-1=Ann", "--by", "Jane").stdout == "o-1 is Ann's now\n"
    assert todo(pandapon, journal)["unclear", "o-1"]["assigned"] == "Ann"
    assert pandapon("journal", journal, "--assign", "o-1", "--by", "Jane").exit_code == 2
    pandapon("journal", journal, "--mark", "o-1=done", "--by", "Jane")
    assert todo(pandapon, journal)["no fee", "o-1"]["assigned"] is None


def test_assigning_does_not_disturb_whoever_has_the_booking_under_way(pandapon: Pandapon, journal: str):
    with Journal.open(journal) as opened:
        before = opened.get("o-1")
        pandapon("journal", journal, "--assign", "o-1=Ann", "--by", "Jane")
        assert opened.get("o-1").version == before.version


def test_what_one_command_sees_to_is_counted_and_not_listed(pandapon: Pandapon, journal: str):
    shown = pandapon("journal", journal, "--todo").stdout
    assert "pandapon: 2 not handed back to the shop" in shown
    assert "told yet" not in shown


def test_a_report_about_a_booking_has_no_fee_and_is_told_to_no_shop(pandapon: Pandapon, journal: str, tmp_path: Path):
    before = todo(pandapon, journal)
    parcels = tmp_path / "parcels.csv"
    parcels.write_text("reference,carrier,number\no-0,SF,SF1\n")
    assert pandapon("domestic", str(parcels), "--journal", journal).exit_code == 0
    assert todo(pandapon, journal) == before
    assert "1 done" in pandapon("journal", journal, "--runs").stdout


@pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals")
@pytest.mark.parametrize("what", ["--runs", "--todo"])
@pytest.mark.parametrize(("width", "is_table"), [(60, False), (160, True)])
def test_where_the_terminal_is_too_narrow_for_a_table_its_rows_stand_below_each_other(
    journal: str, width: int, is_table: bool, what: str
):
    from .terminal import terminal

    with terminal("journal", journal, what, width=width) as screen:
        status, _ = screen.end()
    lines = screen.lines()
    assert status == 0
    assert max(map(len, lines)) <= width or what == "--todo"  # a command to copy stands in its last line
    assert any(line.startswith("account") and "pandapon" in line for line in lines) != is_table


def test_each_run_says_where_and_when(pandapon: Pandapon, journal: str):
    (run,) = map(json.loads, pandapon("journal", journal, "--runs", "--json").stdout.splitlines())
    assert (run["run"], run["account"], run["process"]) == (1, "pandapon", os.getpid())
    assert run["began"] <= run["ended"]
    assert "pandapon" in pandapon("journal", journal, "--runs").stdout
