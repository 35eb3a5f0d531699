"""What of a booked file is in the journal, and in everything that is made of it: exports, totals, lists, the page."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from pandapon_async import Journal, Money
from pandapon_async._cli.day_report import DayReport, above_preview
from pandapon_async._files.csv_table import neutral
from pandapon_async._files.resolutions import SourceColumns, read_resolutions, write_export
from pandapon_async._journal.rows import JournalRow
from pandapon_async._journal.store import Ending, Source
from pandapon_async.testing import FakeVendor
from tests.journal.support import NOW, entry, opened, taken, usd

from .conftest import Pandapon, order
from .files import rows_of

KEPT = {"Customer": "Acme", "note": "ring twice"}
Write = Callable[..., str]


@pytest.fixture
def file(tmp_path: Path) -> str:
    """Three orders of JSON lines with a customer and a note."""
    path = tmp_path / "orders.jsonl"
    lines = (
        json.dumps(order(number, Customer=name, note="ring twice"))
        for number, name in enumerate(["Acme", "Acme", "Zebra"])
    )
    path.write_text("\n".join(lines))
    return str(path)


@pytest.fixture
def journal(
    pandapon: Pandapon, shop: FakeVendor, keys: None, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """All three booked, and the first of them refused first."""
    monkeypatch.setenv("LOGNAME", "jane")
    path = str(tmp_path / "bookings.db")
    options = ("--journal", path, "--keep", "Customer", "--keep", "note", "--concurrency", "1")
    shop.script("refuse")
    assert pandapon("book", file, *options).exit_code == 1
    assert pandapon("book", file, *options, "--retry-refused", "--rate", "50").exit_code == 0
    return path


def test_kept_columns_stand_behind_the_fixed_ones_of_an_export(pandapon: Pandapon, journal: str, tmp_path: Path):
    path = tmp_path / "export.csv"
    assert pandapon("journal", journal, "--export", str(path)).exit_code == 0
    found = rows_of(path)
    assert list(found[0])[-3:] == ["note", "Customer", "kept note"]
    assert [(row["reference"], row["Customer"], row["kept note"], row["note"]) for row in found] == [
        ("o-0", "Acme", "ring twice", ""),
        ("o-1", "Acme", "ring twice", ""),
        ("o-2", "Zebra", "ring twice", ""),
    ]


def test_an_export_with_kept_columns_is_read_back(pandapon: Pandapon, journal: str, tmp_path: Path):
    path = tmp_path / "export.csv"
    pandapon("journal", journal, "--export", str(path))
    path.write_bytes(path.read_bytes().replace(b"o-0,done", b"o-0,void"))
    assert pandapon("journal", journal, "--resolve", str(path), "--by", "Jane").stdout == "Resolved 1 bookings\n"


_CELLS = st.text(st.characters(exclude_categories=("C",)), max_size=5)
_NAMES = st.text(st.characters(exclude_categories=("C", "Z")) | st.just(" "), min_size=1, max_size=8).filter(str.strip)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kept=st.dictionaries(_NAMES | st.sampled_from(["state", "State", "=1+1", "note", "kept note"]), _CELLS))
def test_any_kept_columns_come_back_in_an_export_that_is_read_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, kept: dict[str, str]
):
    folder = tmp_path_factory.mktemp("kept")
    path = folder / "bookings.db"

    async def book() -> None:
        async with opened(path, now=NOW) as store:
            one = attrs.evolve(entry(1), source=Source(2, kept))
            (row,) = await taken(store, one, run=await store.begin_run(released=True))
            await store.ended(await store.sent(row), Ending(state="done", order_id="1", fee=usd("1")))

    asyncio.run(book())
    with Journal.open(path) as journal:
        sources = SourceColumns.of(journal)
        write_export(folder / "export.csv", journal.rows(), sources=sources)
        assert read_resolutions(folder / "export.csv", journal) == []
    (row,) = rows_of(folder / "export.csv")
    assert len(row) == 16 + len(kept)
    assert [row[neutral(name)] for name in sources.kept] == [neutral(kept[theirs]) for theirs in sources.kept.values()]


def test_kept_cells_are_never_sent(shop: FakeVendor, journal: str):
    with Journal.open(journal) as opened:
        assert all("Customer" not in json.dumps(row.body) for row in opened.rows())
        assert dict(next(opened.rows()).kept) == KEPT


def test_one_booking_shows_where_it_came_from(pandapon: Pandapon, journal: str):
    shown = " ".join(pandapon("journal", journal, "o-2").stdout.split())
    for text in (
        "run 1",
        "line of the file 3",
        "destination US",
        "Customer Zebra",
        "file orders.jsonl",
        "brought by jane",
    ):
        assert text in shown
    told = json.loads(pandapon("journal", journal, "o-2", "--json").stdout)
    assert (told["run"], told["line"], told["destination"], told["kept"]["Customer"]) == (1, 3, "US", "Zebra")
    assert (told["file"], told["person"]) == ("orders.jsonl", "jane")


def test_totals_are_by_what_was_kept(pandapon: Pandapon, journal: str):
    found = [
        json.loads(line)
        for line in pandapon("journal", journal, "--totals", "--by", "CUSTOMER", "--json").stdout.splitlines()
    ]
    assert [one["CUSTOMER"] for one in found] == ["Acme", "Zebra"]
    refused = pandapon("journal", journal, "--totals", "--by", "colour")
    assert refused.exit_code == 2
    assert "there are: account, currency, month, destination, Customer, note" in refused.stderr


def test_totals_say_their_time_zone(pandapon: Pandapon, journal: str, tmp_path: Path):
    (tmp_path / "pandapon.toml").write_text('time_zone = "Asia/Shanghai"\n')
    shown = pandapon("journal", journal, "--totals", "--by", "month").stdout
    assert shown.endswith("Every amount counts by its own date, in the time zone Asia/Shanghai\n")
    page = tmp_path / "day.html"
    pandapon("journal", journal, "--report", str(page))
    assert "all times in Asia/Shanghai" in page.read_text("utf-8")
    assert pandapon("journal", journal, "--runs").stdout.endswith("Times are in Asia/Shanghai\n")


def test_each_run_says_whose_it_was_what_it_booked_and_how_it_ended(pandapon: Pandapon, journal: str, file: str):
    first, second = map(json.loads, pandapon("journal", journal, "--runs", "--json").stdout.splitlines())
    assert (first["person"], first["file"], first["counts"]) == ("jane", "orders.jsonl", {"done": 2, "refused": 1})
    assert first["digest"] == hashlib.sha256(Path(file).read_bytes()).hexdigest()
    assert second["options"] == {"concurrency": 1, "rate": 50.0, "retry_refused": True, "keep": ["Customer", "note"]}
    assert second["decisions"] == {"booking": "not asked: nothing is paid", "left out": 0}
    with Journal.open(journal) as opened:
        paid = {row.reference: row.fee for row in opened.rows()}
    assert second["fees"] == [{"amount": f"{paid['o-0'].amount:f}", "currency": "USD"}]
    shown = " ".join(pandapon("journal", journal, "--runs").stdout.split())
    assert "orders.jsonl" in shown
    assert "jane @" in shown


def test_a_folder_is_not_noted(journal: str, tmp_path: Path):
    with Journal.open(journal) as opened:
        assert all(str(tmp_path) not in json.dumps(run.about) for run in opened.runs())


# --- previews ---


async def with_preview(path: Path, fee: Money | None, previewed: Money | None) -> None:
    async with opened(path, now=NOW) as store:
        one = attrs.evolve(entry(1), source=Source(2, {}, previewed))
        (row,) = await taken(store, one, run=await store.begin_run(released=True))
        await store.ended(await store.sent(row), Ending(state="done", order_id="1", fee=fee))


@pytest.mark.parametrize(
    ("fee", "previewed", "above"),
    [
        ("10", "10", None),
        ("9", "10", None),
        ("10.01", "10", "0.01 USD"),
        ("10", None, None),
        (None, "10", None),
    ],
)
async def test_what_was_dearer_than_previewed_is_to_be_seen_to(
    pandapon: Pandapon, tmp_path: Path, fee: str | None, previewed: str | None, above: str | None
):
    path = tmp_path / "bookings.db"
    await with_preview(path, fee and usd(fee), previewed and usd(previewed))
    with Journal.open(path) as journal:
        (row,) = journal.rows()
        assert above_preview(row) == (above and usd(above.split()[0]))


async def test_it_is_seen_to_once_the_rest_is_credited(pandapon: Pandapon, tmp_path: Path):
    path = tmp_path / "bookings.db"
    await with_preview(path, usd("12"), usd("10"))

    def dearer() -> list[Any]:
        lines = pandapon("journal", str(path), "--todo", "--json").stdout.splitlines()
        return [one["why"] for one in map(json.loads, lines) if one["what"] == "dearer than previewed"]

    (why,) = dearer()
    assert why.startswith("cost 12 USD, previewed 10 USD: 2 USD more")
    pandapon("journal", str(path), "--credit", "order-1", "2", "USD", "--by", "Jane")
    assert dearer() == []


@pytest.mark.parametrize(("fee", "is_seen"), [("10.30", False), ("10.31", True)])
async def test_what_cost_hardly_more_than_previewed_is_not_seen_to(
    pandapon: Pandapon, tmp_path: Path, fee: str, is_seen: bool
):
    path = tmp_path / "bookings.db"
    await with_preview(path, usd(fee), usd("10"))
    listed = ("journal", str(path), "--todo", "--json")
    assert ("dearer than previewed" in pandapon(*listed).stdout) == is_seen
    (tmp_path / "pandapon.toml").write_text("max_increase = 3.1\n")
    assert "dearer than previewed" not in pandapon(*listed).stdout


async def test_a_fee_in_another_currency_than_previewed_is_dearer(tmp_path: Path):
    path = tmp_path / "bookings.db"
    await with_preview(path, usd("1"), Money(amount="10", currency="CNY"))  # type: ignore[arg-type]
    with Journal.open(path) as journal:
        found: JournalRow = next(journal.rows())
        assert above_preview(found) == usd("1")


async def test_fee_and_preview_stand_side_by_side_in_export_and_page(pandapon: Pandapon, tmp_path: Path):
    path, page = tmp_path / "bookings.db", tmp_path / "day.html"
    await with_preview(path, usd("12"), usd("10"))
    pandapon("journal", str(path), "--export", str(tmp_path / "export.csv"))
    (row,) = rows_of(tmp_path / "export.csv")
    assert (row["fee"], row["previewed_fee"], row["previewed_currency"]) == ("12", "10", "USD")
    pandapon("journal", str(path), "--report", str(page))
    assert "Fee against preview" in page.read_text("utf-8")
    with Journal.open(path) as journal:
        (previews,) = DayReport.of(journal, None, None).previews.values()
    assert (previews.count, str(previews.previewed), str(previews.fees), previews.dearer) == (1, "10", "12", 1)


# --- in Chinese ---


@pytest.mark.parametrize("option", ["--todo", "--runs", "--totals"])
def test_the_lists_are_in_the_clerk_s_language_and_their_json_never_is(
    pandapon: Pandapon, journal: str, tmp_path: Path, option: str
):
    before = pandapon("journal", journal, option, "--json").stdout
    (tmp_path / "pandapon.toml").write_text('language = "zh_CN"\n')
    assert pandapon("journal", journal, option, "--json").stdout == before
    shown = pandapon("journal", journal, option).stdout
    expected = {"--todo": "未回传给店铺", "--runs": "操作人", "--totals": "时区为 UTC"}
    assert expected[option] in shown


def test_the_page_is_in_the_clerk_s_language(pandapon: Pandapon, journal: str, tmp_path: Path):
    (tmp_path / "pandapon.toml").write_text('language = "zh_CN"\n')
    pandapon("journal", journal, "--report", str(tmp_path / "day.html"))
    page = (tmp_path / "day.html").read_text("utf-8")
    assert '<html lang="zh-CN">' in page
    assert "待办事项" in page
