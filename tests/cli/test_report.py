"""``pandapon journal PATH --report``: the evening's page."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pandapon_async import Journal
from pandapon_async.testing import FakeVendor

from .browser import CHROMIUM, browser
from .conftest import Pandapon, order

LONG = "x" * 200


@pytest.fixture
def journal(pandapon: Pandapon, shop: FakeVendor, keys: None, tmp_path: Path) -> str:
    """Two done, one in doubt, one refused, one of a long name that is pending."""
    path = str(tmp_path / "bookings.db")
    shop.script("ok", "ok", "drop_after", "refuse", {"status": 403})
    names = ["o-1", "<b>o-2</b>", "o-3", "o-4", LONG]
    lines = "\n".join(json.dumps(order(index, reference=name)) for index, name in enumerate(names))
    assert (
        pandapon("book", "-", "--journal", path, "--concurrency", "1", "--text", "reference", stdin=lines).exit_code
        == 3
    )
    return path


def page(pandapon: Pandapon, journal: str, *options: str) -> str:
    file = Path(journal).with_name("day.html")
    result = pandapon("journal", journal, "--report", str(file), *options)
    assert (result.exit_code, result.stdout) == (0, f"Wrote {file}; times are in UTC\n")
    return file.read_text("utf-8")


def tiles(page: str) -> dict[str, int]:
    return {name: int(count) for count, name in re.findall(r"<b>(\d+)</b>([a-z ]+)</li>", page)}


def test_another_file_is_not_overwritten_by_a_report_and_the_journal_least_of_all(
    pandapon: Pandapon, journal: str, tmp_path: Path
):
    other = tmp_path / "letter.html"
    other.write_text("<!DOCTYPE html><p>Dear Jane")
    for file in (other, Path(journal)):
        before = file.read_bytes()
        assert pandapon("journal", journal, "--report", str(file)).exit_code == 2
        assert file.read_bytes() == before


def test_it_counts_bookings_and_money_as_the_journal_does(pandapon: Pandapon, journal: str):
    found = page(pandapon, journal)
    assert tiles(found) == {"booked": 2, "unclear": 1, "refused by vendor": 1, "waiting": 1}
    with Journal.open(journal) as opened:
        (total,) = opened.totals()
    assert f">{total.net:,f}<" in found


def test_what_was_reported_of_a_booking_is_not_another_one(pandapon: Pandapon, journal: str, tmp_path: Path):
    parcels = tmp_path / "parcels.csv"
    parcels.write_text("reference,carrier,number\no-1,SF,SF1\n")
    assert pandapon("domestic", str(parcels), "--journal", journal).exit_code == 0
    assert tiles(page(pandapon, journal))["booked"] == 2


def test_what_a_person_must_do_is_listed_with_its_reason_and_no_exception_s_name(pandapon: Pandapon, journal: str):
    found = page(pandapon, journal)
    todo = found[found.index("What is to be done") :]
    assert todo.index("1 unclear") < todo.index("1 refused by vendor")
    assert "o-3" in todo
    assert LONG in todo
    assert "Error:" not in found


def test_markup_in_a_reference_stays_text(pandapon: Pandapon, shop: FakeVendor, journal: str):
    shop.script("drop_after")
    line = json.dumps(order(9, reference="<script>alert(1)</script>"))
    pandapon("book", "-", "--journal", journal, "--text", "reference", stdin=line)
    found = page(pandapon, journal)
    assert "<script" not in found
    assert "&lt;script&gt;alert(1)" in found


def test_a_month_has_its_own_bounds(pandapon: Pandapon, journal: str):
    found = page(pandapon, journal, "--month", "2020-02")
    assert "from 2020-02-01 00:00 until 2020-03-01 00:00" in found
    assert tiles(found) == {"booked": 0}
    assert pandapon("journal", journal, "--month", "2020-13", "--totals").exit_code == 2
    assert pandapon("journal", journal, "--month", "2020-02", "--since", "2020-02-01").exit_code == 2


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed: nobody looked at the page")
@pytest.mark.parametrize("width", [400, 1000])
async def test_in_a_browser_nothing_overflows_and_no_request_goes_out(
    pandapon: Pandapon, journal: str, tmp_path: Path, width: int
):
    page(pandapon, journal)
    async with browser() as tab:
        await tab.open(tmp_path / "day.html", width)
        assert await tab.value("document.documentElement.scrollWidth") <= width
        assert await tab.value("document.querySelectorAll('li').length") >= 3
        assert {address.partition(":")[0] for address in tab.requests} == {"file"}
        assert len(tab.requests) == 1
