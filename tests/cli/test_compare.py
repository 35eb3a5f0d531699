"""``pandapon journal PATH --compare``: the vendor's statement beside the journal."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from pandapon_async import Journal
from pandapon_async.testing import FakeVendor

from .conftest import Pandapon, order
from .files import rows_of


@pytest.fixture
def journal(pandapon: Pandapon, shop: FakeVendor, keys: None, tmp_path: Path) -> str:
    """o-0 and o-1 done, o-2 and o-3 in doubt."""
    path = str(tmp_path / "bookings.db")
    shop.script("ok", "ok", "drop_after", "drop_before")
    lines = "\n".join(json.dumps(order(number)) for number in range(4))
    assert pandapon("book", "-", "--journal", path, "--concurrency", "1", stdin=lines).exit_code == 3
    return path


def facts(journal: str, reference: str) -> tuple[str, str, str]:
    with Journal.open(journal) as opened:
        row = opened.get(reference)
    assert row.order_id is not None
    assert row.fee is not None
    return row.order_id, format(row.fee.amount, "f"), row.fee.currency


def statement(
    journal: str, *rows: list[Any], name: str = "statement.csv", header: str = "订单号,预览号,运费,币种"
) -> Path:
    path = Path(journal).with_name(name)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([header.split(","), *rows])
    return path


def found(pandapon: Pandapon, journal: str, path: Path, *options: str) -> list[tuple[Any, ...]]:
    result = pandapon("journal", journal, "--compare", str(path), "--json", *options)
    assert result.exit_code == 0, result.stderr
    lines = map(json.loads, result.stdout.splitlines())
    return [(one["found"], one["reference"], one["line"], one["by"]) for one in lines]


BROKEN = {
    "no column says the order": ("a,b", ["1", "2"], "--map THEIRS=order_id"),
    "two columns are the order no.": ("order id,order no", ["1", "2"], "is the same column as"),
    "a fee that is none": ("order id,fee,currency", ["1", "1,5", "USD"], "line 2, column fee"),
    "an order no. that was rounded": ("order id", ["5.77E+17"], "line 2, column order_id"),
    "a row that is cut": ("order id,fee,currency", ["1"], "has 1 cells, and the header 3"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_statement_that_can_not_be_read_is_named_by_line_and_column(pandapon: Pandapon, journal: str, kind: str):
    header, row, text = BROKEN[kind]
    path = statement(journal, row, header=header)
    result = pandapon("journal", journal, "--compare", str(path))
    assert result.exit_code == 2
    assert text in " ".join(result.stderr.split())


def test_all_that_differs_is_found_and_nothing_is_changed(pandapon: Pandapon, journal: str):
    (first, fee, currency), (second, _, _) = facts(journal, "o-0"), facts(journal, "o-1")
    path = statement(
        journal,
        [first, "", fee, currency],
        [second, "", "0.01", currency],
        [second, "", "0.01", currency],
        ["8003", "FF2", "9.90", "USD"],
        ["8004", "FF77", "9.90", "USD"],
    )
    before = Path(journal).read_bytes()
    assert found(pandapon, journal, path) == [
        ("both", "o-0", 2, None),
        ("other fee", "o-1", 3, None),
        ("twice", "o-1", 4, None),
        ("proposal", "o-2", 5, "preview no."),
        ("only theirs", None, 6, None),
        ("only ours", "o-3", None, None),
    ]
    assert Path(journal).read_bytes() == before


def test_proposals_are_written_down_and_resolve_what_they_are_about(pandapon: Pandapon, journal: str):
    path = statement(journal, ["8003", "FF2", "9.90", "USD"])
    proposals = Path(journal).with_name("proposals.csv")
    result = pandapon("journal", journal, "--compare", str(path), "--export", str(proposals))
    assert f"Wrote 1 proposals to {proposals}" in " ".join(result.stdout.split())
    assert pandapon("journal", journal, "--resolve", str(proposals), "--by", "Jane").exit_code == 0
    with Journal.open(journal) as opened:
        row = opened.get("o-2")
    assert (row.state, row.order_id, str(row.fee)) == ("done", "8003", "9.90 USD")
    assert row.note == "line 2 of the statement, by preview no."


def test_columns_of_any_name_are_mapped(pandapon: Pandapon, journal: str):
    first, fee, currency = facts(journal, "o-0")
    path = statement(journal, [first, fee.replace(".", ","), currency], header="Beleg,Summe,Währung")
    options = ("--map", "Beleg=order_id", "--map", "Summe=fee", "--decimal", ",")
    assert found(pandapon, journal, path, *options)[0] == ("both", "o-0", 2, None)
    result = pandapon("journal", journal, "--compare", str(path), "--map", "Beleg=oder_id")
    assert "did you mean 'order_id'" in " ".join(result.stderr.split())


def test_a_workbook_is_read_too(pandapon: Pandapon, journal: str):
    first, fee, currency = facts(journal, "o-0")
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in (["Statement of November"], ["Order no", "Fee", "Currency"], [first, float(fee), currency]):
        book.active.append(row)
    path = Path(journal).with_name("statement.xlsx")
    book.save(path)
    assert found(pandapon, journal, path)[0] == ("both", "o-0", 3, None)


def test_what_was_reported_of_a_booking_is_on_no_statement(pandapon: Pandapon, journal: str, tmp_path: Path):
    reported = tmp_path / "parcels.csv"
    reported.write_text("reference,carrier,number\no-0,SF,SF1\n")
    first, fee, currency = facts(journal, "o-0")
    assert pandapon("domestic", str(reported), "--journal", journal).exit_code == 0
    path = statement(journal, [first, "", fee, currency])
    assert [one[:2] for one in found(pandapon, journal, path)] == [
        ("both", "o-0"), ("only ours", "o-1"), ("only ours", "o-2"), ("only ours", "o-3"),
    ]  # fmt: skip


def test_times_of_proposals_are_in_the_time_zone_of_the_settings(pandapon: Pandapon, journal: str, tmp_path: Path):
    (tmp_path / "pandapon.toml").write_text('time_zone = "Asia/Shanghai"\n')
    proposals = tmp_path / "proposals.csv"
    path = statement(journal, ["8003", "FF2", "9.90", "USD"])
    assert pandapon("journal", journal, "--compare", str(path), "--export", str(proposals)).exit_code == 0
    (row,) = rows_of(proposals)
    assert row["sent_at"].endswith("+08:00")


def test_on_a_screen_it_counts_and_lists(pandapon: Pandapon, journal: str):
    path = statement(journal, ["8003", "FF2", "9.90", "USD"])
    shown = pandapon("journal", journal, "--compare", str(path)).stdout
    assert "proposal     1" in shown
    assert "preview no." in shown
    assert "Nothing was changed" in shown
