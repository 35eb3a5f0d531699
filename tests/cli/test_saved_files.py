"""What a person edits in a spreadsheet and saves: exports, offers and problems files come back as they were meant, or are named.

The files are made here as Excel and LibreOffice 7.4 were seen to save ours; the people in them are invented.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from pandapon_async import Journal
from pandapon_async.testing import FakeVendor
from tests.journal.support import hours_later

from .conftest import Pandapon, order
from .files import rows_of

pytest.importorskip("xlsxwriter")
pytest.importorskip("python_calamine")

pytestmark = pytest.mark.usefixtures("both")
Cells = Mapping[str, Any]
LONG = "187179767389898274"


@pytest.fixture
def journal(pandapon: Pandapon, shop: FakeVendor, tmp_path: Path) -> str:
    """5001 done with a long order id, 5002 and 5003 in doubt, 5004 refused; some hours ago."""
    path = str(tmp_path / "bookings.db")
    fee = {"amount": "12.50", "currency": "USD"}
    done = {"done": True, "json": {"errorCode": 200, "success": True, "data": {"orderId": LONG, "orderFee": fee}}}
    shop.script(done, "drop_after", "drop_after", "refuse")
    lines = "\n".join(json.dumps(order(number, reference=str(number))) for number in range(5001, 5005))
    arguments = ("--vendor", "pandapon", "--journal", path, "--concurrency", "1")
    assert pandapon("book", "-", *arguments, stdin=lines).exit_code == 3
    hours_later(path)
    return path


@pytest.fixture
def exported(pandapon: Pandapon, journal: str, tmp_path: Path) -> list[dict[str, str]]:
    path = tmp_path / "export.csv"
    assert pandapon("journal", journal, "--export", str(path)).exit_code == 0
    return rows_of(path)


def workbook(path: Path, rows: Iterable[Cells], *, first: str | None = None) -> Path:
    """A workbook as somebody saves it: with a filter, formats beyond the table, and a sheet of notes in front if ``first``."""
    rows = list(rows)
    book = openpyxl.Workbook()
    sheet: Any = book.active
    if first is not None:
        sheet.title = first
        sheet.append(["remember", "to call the vendor"])
        sheet = book.create_sheet("data")
    sheet.append([*rows[0], None, None])
    for row in rows:
        sheet.append([*row.values(), None, None])
    sheet.auto_filter.ref = f"A1:C{len(rows) + 1}"
    sheet.row_dimensions[2].hidden = True
    sheet.cell(len(rows) + 5, len(rows[0]) + 3).number_format = "@"
    book.save(path)
    return path


def as_numbers(cells: Cells) -> dict[str, Any]:
    """A row of our CSV as LibreOffice reads it: what looks like a number is one, in 15 digits."""
    return {name: _number(cell) for name, cell in cells.items()}


def _number(cell: Any) -> Any:
    try:
        return float(f"{float(cell):.15g}") if isinstance(cell, str) else cell
    except ValueError:
        return cell or None


def german(cells: Cells) -> dict[str, str]:
    """A row of our CSV as a German Excel saves it: long ids rounded, an amount a month."""
    months = dict(enumerate(["Jan", "Feb", "Mrz", "Apr", "Mai", "Jun", "Jul", "Aug", "Sep", "Okt", "Nov", "Dez"], 1))
    found: dict[str, str] = {}
    for name, cell in cells.items():
        month, _, rest = str(cell).partition(".")
        if name == "fee" and month.isdigit() and int(month) in months:
            cell = f"{months[int(month)]} {rest}"
        elif str(cell).isdigit() and len(str(cell)) > 11:
            cell = f"{int(cell):.5E}".replace(".", ",")
        found[name] = str(cell)
    return found


def semicolons(path: Path, rows: Iterable[Cells]) -> Path:
    """A CSV of the German Excel, with rows and columns of nothing behind the others."""
    rows = list(rows)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerows([[*rows[0], "", ""], *([*row.values(), "", ""] for row in rows)])
        writer.writerows([[""] * (len(rows[0]) + 2)] * 3)
    return path


def changed(rows: Iterable[Cells], which: str, /, **cells: Any) -> list[dict[str, Any]]:
    return [{**row, **(cells if row["reference"] == which else {})} for row in rows]


def states(journal: str) -> dict[str, str]:
    with Journal.open(journal) as opened:
        return {row.reference: row.state for row in opened.rows()}


SAVED: Mapping[str, Callable[[Path, list[dict[str, Any]]], Path]] = {
    "LibreOffice, of our CSV": lambda folder, rows: workbook(folder / "f.xlsx", map(as_numbers, rows)),
    "Excel, of our workbook": lambda folder, rows: workbook(folder / "f.xlsx", rows),
    "Excel, behind a sheet of notes": lambda folder, rows: workbook(folder / "f.xlsx", rows, first="notes"),
    "a German Excel, of our CSV": lambda folder, rows: semicolons(folder / "f.csv", map(german, rows)),
}


# --- exports ---


@pytest.mark.parametrize("saved", SAVED)
def test_an_export_that_was_only_saved_changes_nothing(
    pandapon: Pandapon, journal: str, exported: list[dict[str, str]], tmp_path: Path, saved: str
):
    before = states(journal)
    result = pandapon("journal", journal, "--resolve", str(SAVED[saved](tmp_path, exported)), "--by", "Jane")
    assert (result.exit_code, result.stdout) == (0, "Resolved 0 bookings\n"), result.stderr
    assert states(journal) == before


@pytest.mark.parametrize("saved", SAVED)
@pytest.mark.parametrize("fee", ["9,8", "9.80", 9.8, "1.009,80", "1,009.80"])
def test_what_a_person_has_entered_counts_whatever_the_spreadsheet_did_to_the_other_rows(
    pandapon: Pandapon, journal: str, exported: list[dict[str, str]], tmp_path: Path, saved: str, fee: Any
):
    rows = [dict(row) for row in exported]
    path = SAVED[saved](tmp_path, rows)
    mine = {"state": "done", "order_id": "8002", "fee": fee, "currency": "usd"}
    again = (rows_of_any(path), "5002", mine)
    path = resaved(path, changed(again[0], again[1], **again[2]))
    result = pandapon("journal", journal, "--resolve", str(path), "--by", "Jane")
    assert (result.exit_code, result.stdout) == (0, "Resolved 1 bookings\n"), result.stderr
    with Journal.open(journal) as opened:
        row = opened.get("5002")
    amount = "1009.80" if len(str(fee)) > 5 else "9.8"
    assert (row.state, row.order_id, str(row.fee and row.fee.amount.normalize())) == (
        "done", "8002", amount.removesuffix("0"),
    )  # fmt: skip


def rows_of_any(path: Path) -> list[dict[str, Any]]:
    """The rows of a file that was saved, with their cells' types."""
    if path.suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines: list[list[Any]] = list(csv.reader(file, delimiter=";"))
    else:
        lines = [list(row) for row in openpyxl.load_workbook(path).worksheets[-1].iter_rows(values_only=True)]
    names = [name for name in lines[0] if name]
    rows = [dict(zip(names, row, strict=False)) for row in lines[1:]]
    return [{**row, "reference": str(row["reference"]).removesuffix(".0")} for row in rows if row["reference"]]


def resaved(path: Path, rows: list[dict[str, Any]]) -> Path:
    return semicolons(path, rows) if path.suffix == ".csv" else workbook(path, rows, first="notes")


BAD: Mapping[str, tuple[dict[str, Any], str]] = {
    "an id that was rounded": ({"state": "done", "order_id": float(LONG)}, "column order_id: is a number of more than"),
    "an id in exponents": ({"state": "done", "order_id": "1,87E+17"}, "column order_id: was altered by a spreadsheet"),
    "an amount made a date": (
        {"state": "done", "fee": datetime(2050, 12, 1), "currency": "USD"},
        "column fee: was made a date by a spreadsheet",
    ),
    "an amount made a month": (
        {"state": "done", "fee": "Dez 50", "currency": "USD"},
        "column fee: was made a date by a spreadsheet",
    ),
    "thousands or decimals": ({"state": "done", "fee": "1,234", "currency": "USD"}, "column fee: "),
    "a state made a truth": ({"state": True}, "column state: was made TRUE or FALSE"),
    "a reference made a date": ({"reference": datetime(2026, 2, 1)}, "column reference: was made a date"),
    "a reference that lost its zeros": ({"reference": 2}, "column reference: "),
    "an error of the spreadsheet": ({"state": "#NAME?"}, "column state: "),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_can_not_be_meant_is_named_by_line_and_column_and_nothing_is_changed(
    pandapon: Pandapon, journal: str, exported: list[dict[str, str]], tmp_path: Path, kind: str
):
    cells, said = BAD[kind]
    before = states(journal)
    path = workbook(tmp_path / "f.xlsx", changed(changed(exported, "5003", state="done"), "5002", **cells))
    result = pandapon("journal", journal, "--resolve", str(path), "--by", "Jane")
    assert result.exit_code == 2
    assert f"line 3, {said}" in " ".join(result.stderr.split())
    assert states(journal) == before


@pytest.mark.parametrize(("hours", "status"), [(0, 0), (1, 2)])
def test_a_time_that_a_spreadsheet_made_a_date_is_in_the_time_zone_of_the_settings(
    pandapon: Pandapon, journal: str, tmp_path: Path, hours: int, status: int
):
    (tmp_path / "pandapon.toml").write_text('time_zone = "Asia/Shanghai"\n')
    path = tmp_path / "export.csv"
    assert pandapon("journal", journal, "--export", str(path)).exit_code == 0
    rows = changed(rows_of(path), "5002", state="pending")
    for row in rows:
        row["sent_at"] = datetime.fromisoformat(row["sent_at"]).replace(tzinfo=None) - timedelta(hours=hours)
    result = pandapon("journal", journal, "--resolve", str(workbook(tmp_path / "f.xlsx", rows)), "--by", "Jane")
    assert result.exit_code == status, result.stderr
    assert ("was sent again since the export" in result.stderr) == bool(status)


def test_an_export_is_a_workbook_whose_ids_are_text_and_whose_fees_are_numbers(
    pandapon: Pandapon, journal: str, exported: list[dict[str, str]], tmp_path: Path
):
    path = tmp_path / "books.xlsx"
    for _ in range(2):  # over its own
        assert pandapon("journal", journal, "--export", str(path)).exit_code == 0
    header, first, *_ = openpyxl.load_workbook(path).active.iter_rows(values_only=True)  # type: ignore[union-attr]
    cells = dict(zip(header, first, strict=True))
    assert [*cells] == [*exported[0]]
    assert (cells["reference"], cells["order_id"], cells["fee"]) == ("5001", LONG, 12.5)
    assert all(cell is None or isinstance(cell, str) for name, cell in cells.items() if name != "fee")
    result = pandapon("journal", journal, "--resolve", str(path), "--by", "Jane")
    assert (result.exit_code, result.stdout) == (0, "Resolved 0 bookings\n")


@pytest.mark.parametrize("name", ["books.ods", "books.xls", "letter.xlsx", "bookings.db"])
def test_an_export_replaces_nothing_else_and_is_no_other_workbook(
    pandapon: Pandapon, journal: str, tmp_path: Path, name: str
):
    path = tmp_path / name
    if name.startswith("letter"):
        workbook(path, [{"Dear": "Jane"}])
    before = path.read_bytes() if path.exists() else None
    assert pandapon("journal", journal, "--export", str(path)).exit_code == 2
    assert (path.read_bytes() if path.exists() else None) == before


def test_proposals_may_be_a_workbook(pandapon: Pandapon, journal: str, tmp_path: Path):
    statement, proposals = tmp_path / "statement.csv", tmp_path / "proposals.xlsx"
    statement.write_text("order id,preview no,fee,currency\n8002,FF5002,9.80,USD\n")
    assert pandapon("journal", journal, "--compare", str(statement), "--export", str(proposals)).exit_code == 0
    assert pandapon("journal", journal, "--resolve", str(proposals), "--by", "Jane").exit_code == 0
    assert states(journal)["5002"] == "done"


# --- offers ---


@pytest.fixture
def orders(tmp_path: Path) -> Path:
    path = tmp_path / "orders.csv"
    header = "reference,receiverAddress.name,receiverAddress.country,itemId,skuId,quantity"
    lines = [f"{7000 + n},Jane Example {n},US,{2048 + n},413,1" for n in range(3)]
    path.write_text("\n".join([header, *lines, ""]))
    return path


@pytest.fixture
def offers(pandapon: Pandapon, orders: Path, tmp_path: Path) -> list[dict[str, str]]:
    out = tmp_path / "offers.csv"
    assert pandapon("quote", str(orders), "--out", str(out)).exit_code == 0
    return rows_of(out)


def choose(rows: list[dict[str, str]], yes: Any, no: Any) -> list[dict[str, Any]]:
    """Take the express service of the first account for each order."""
    return [{**row, "take": yes if (row["account"], row["service_id"]) == ("pandapon", "1") else no} for row in rows]


@pytest.mark.parametrize("saved", SAVED)
@pytest.mark.parametrize(
    ("yes", "no"), [("x", ""), ("X ", None), (True, False), ("WAHR", "FALSCH"), (1, 0), ("是", "否")]
)
def test_a_choice_counts_whatever_a_spreadsheet_has_made_of_it(
    pandapon: Pandapon, orders: Path, offers: list[dict[str, str]], tmp_path: Path, saved: str, yes: Any, no: Any
):
    words = {True: "TRUE", False: "FALSE", None: ""}
    if saved.startswith("a German"):
        words = {True: "WAHR", False: "FALSCH", None: ""}
        yes, no = (
            words.get(one, one) if not isinstance(one, int) or isinstance(one, bool) else one for one in (yes, no)
        )
    path = SAVED[saved](tmp_path, choose(offers, yes, no))
    chosen = tmp_path / "chosen.csv"
    result = pandapon("quote", str(orders), "--chosen", str(path), "--orders", str(chosen))
    assert result.exit_code == 0, result.stderr
    assert {(row["account"], row["freightInfo.serviceId"]) for row in rows_of(chosen)} == {("pandapon", "1")}


def test_a_service_that_a_spreadsheet_made_a_date_is_named(
    pandapon: Pandapon, orders: Path, offers: list[dict[str, str]], tmp_path: Path
):
    rows: list[dict[str, Any]] = [dict(row) for row in offers]
    rows[1]["service_id"] = datetime(2026, 2, 1)
    path = workbook(tmp_path / "f.xlsx", rows)
    result = pandapon("quote", str(orders), "--chosen", str(path), "--orders", str(tmp_path / "chosen.csv"))
    assert result.exit_code == 2
    assert "line 3, column service_id: was made a date by a spreadsheet" in result.stderr


# --- problems files ---


@pytest.fixture
def problems(pandapon: Pandapon, tmp_path: Path) -> list[dict[str, str]]:
    """The problems of a file: a zip that lost its zero, and a quantity that is none."""
    path, out = tmp_path / "in.csv", tmp_path / "problems.csv"
    header = "reference,renderId,receiverAddress.name,receiverAddress.country,receiverAddress.zip,itemId,skuId,quantity"
    codes = ("90001", "1002", "90003", "90004")
    lines = [f"{7000 + n},FF{n},Jane Example {n},US,{codes[n]},{2048 + n},413,{'x' if n == 2 else 1}" for n in range(4)]
    path.write_text("\n".join([header, *lines, ""]))
    arguments = ("--vendor", "pandapon", "--journal", str(tmp_path / "b.db"), "--problems", str(out))
    assert pandapon("book", str(path), *arguments).exit_code == 1
    return rows_of(out)


@pytest.mark.parametrize("saved", SAVED)
def test_a_problems_file_that_was_only_saved_books_nothing(
    pandapon: Pandapon, shop: FakeVendor, problems: list[dict[str, str]], tmp_path: Path, saved: str
):
    path = SAVED[saved](tmp_path, problems)
    if "notes" in saved:
        pytest.skip("which sheet holds bookings is never guessed")
    result = pandapon("book", str(path), "--vendor", "pandapon", "--journal", str(tmp_path / "b.db"))
    assert result.exit_code == 2
    assert "column receiverAddress.zip: has 4 digits" in result.stderr
    assert "column quantity: expected a whole number" in result.stderr
    assert len(shop.ledger.bookings) == 2


@pytest.mark.parametrize("saved", [one for one in SAVED if "notes" not in one])
def test_what_is_corrected_in_a_problems_file_is_booked_however_it_was_saved(
    pandapon: Pandapon, shop: FakeVendor, problems: list[dict[str, str]], tmp_path: Path, saved: str
):
    rows = changed(changed(problems, "7001", **{"receiverAddress.zip": "10020"}), "7002", quantity="2")
    path = SAVED[saved](tmp_path, rows)
    result = pandapon("book", str(path), "--vendor", "pandapon", "--journal", str(tmp_path / "b.db"))
    assert result.exit_code == 0, result.stderr
    assert set(shop.ledger.bookings) == {"FF0", "FF1", "FF2", "FF3"}
