"""Which journal is used, and when one is made: a second one would book everything once more."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from pandapon_async import Journal
from pandapon_async.testing import FakeVendor

from .conftest import Pandapon, order

pytestmark = pytest.mark.usefixtures("keys")

Write = Callable[..., str]


@pytest.fixture
def orders(tmp_path: Path) -> Write:
    def write(count: int = 1, folder: str = "shop") -> str:
        path = tmp_path / folder / "orders.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [json.dumps(order(number)) for number in range(count)]
        path.write_text("\n".join(lines), encoding="utf-8")
        return str(path)

    return write


def settle(folder: Path, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pandapon.toml").write_text(text, encoding="utf-8")


def booked(path: Path) -> int:
    with Journal.open(path) as journal:
        return journal.counts()["done"]


def test_it_is_made_beside_the_file_and_that_is_said(pandapon: Pandapon, orders: Write, tmp_path: Path):
    result = pandapon("book", orders())
    assert result.exit_code == 0
    assert f"{tmp_path}/shop/bookings.db was made" in result.stderr
    assert booked(tmp_path / "shop/bookings.db") == 1
    assert "was made" not in pandapon("book", orders(2)).stderr
    assert booked(tmp_path / "shop/bookings.db") == 2


def test_the_only_one_beside_the_file_is_used_whatever_its_name(pandapon: Pandapon, orders: Write, tmp_path: Path):
    pandapon("book", orders(), "--journal", str(tmp_path / "shop/all.db"))
    assert pandapon("book", orders(2)).exit_code == 0
    assert booked(tmp_path / "shop/all.db") == 2
    assert not (tmp_path / "shop/bookings.db").exists()


def test_a_trial_and_what_waits_look_into_the_only_one_whatever_its_name(
    pandapon: Pandapon, orders: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    pandapon("book", orders(), "--journal", str(tmp_path / "shop/all.db"))
    assert "1 booked before" in pandapon("book", orders(2), "--dry-run").stdout
    monkeypatch.chdir(tmp_path / "shop")
    assert "nothing waits" in pandapon("book").stdout


def test_of_several_one_must_be_named(pandapon: Pandapon, orders: Write, shop: FakeVendor, tmp_path: Path):
    pandapon("book", orders(), "--journal", str(tmp_path / "shop/one.db"))
    pandapon("book", orders(0, "empty"))
    shutil.copy(tmp_path / "shop/one.db", tmp_path / "shop/two.db")
    before = len(shop.ledger.requests)
    result = pandapon("book", orders(2))
    assert result.exit_code == 2
    assert "one.db" in result.stderr
    assert "two.db" in result.stderr
    assert len(shop.ledger.requests) == before


def test_another_one_beside_the_first_is_refused_and_the_first_is_named(
    pandapon: Pandapon, orders: Write, shop: FakeVendor, tmp_path: Path
):
    pandapon("book", orders())
    second = tmp_path / "shop/second.db"
    result = pandapon("book", orders(), "--journal", str(second))
    assert result.exit_code == 2
    assert "shop/bookings.db" in result.stderr
    assert "--new-journal" in result.stderr
    assert not second.exists()
    assert shop.ledger.bookings == {"FF0": 1}


def test_another_one_elsewhere_instead_of_the_one_beside_the_file_is_refused(
    pandapon: Pandapon, orders: Write, tmp_path: Path
):
    pandapon("book", orders())
    (tmp_path / "elsewhere").mkdir()
    result = pandapon("book", orders(), "--journal", str(tmp_path / "elsewhere/new.db"))
    assert result.exit_code == 2
    assert "shop/bookings.db" in result.stderr


def test_another_one_is_made_if_that_is_asked_for(pandapon: Pandapon, orders: Write, tmp_path: Path):
    pandapon("book", orders())
    second = tmp_path / "shop/second.db"
    assert pandapon("book", orders(), "--journal", str(second), "--new-journal").exit_code == 0
    assert booked(second) == 1


Act = Callable[[Path], object]


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def left_with_its_wal(path: Path) -> None:
    """As if it had been moved after a kill, without its other files; and somebody tidied up the locks."""
    path.rename(path.with_name("old"))
    path.with_name(f"{path.name}-wal").write_bytes(b"7" * 4096)
    for lock in path.parent.glob("*.lock"):
        lock.unlink()


def moved_away(path: Path) -> None:
    (path.parent / "old").mkdir()
    path.rename(path.parent / "old" / path.name)


@pytest.mark.parametrize("act", [Path.unlink, moved_away, emptied, left_with_its_wal])
@pytest.mark.parametrize("command", ["book", "day"])
def test_no_new_one_is_made_where_one_was_lost(
    pandapon: Pandapon, orders: Write, shop: FakeVendor, tmp_path: Path, act: Act, command: str
):
    file = orders(2)
    assert pandapon("book", file).exit_code == 0
    act(tmp_path / "shop/bookings.db")
    before = len(shop.ledger.requests)
    result = pandapon(command, file, "--yes")
    assert result.exit_code == 2
    assert "bookings.db" in result.stderr
    assert "gone" in result.stderr
    assert len(shop.ledger.requests) == before
    named = pandapon("book", file, "--journal", str(tmp_path / "shop/bookings.db"))
    assert (named.exit_code, "gone" in named.stderr) == (2, True)
    assert shop.ledger.bookings == {"FF0": 1, "FF1": 1}


@pytest.mark.parametrize("act", [Path.unlink, emptied])
def test_who_only_looks_is_told_that_it_is_gone_too(pandapon: Pandapon, orders: Write, tmp_path: Path, act: Act):
    file, journal = orders(2), tmp_path / "shop/bookings.db"
    pandapon("book", file)
    act(journal)
    for command in (("book", file, "--dry-run"), ("tracking", file, "--out", str(tmp_path / "out.csv"))):
        result = pandapon(*command)
        assert (result.exit_code, "gone" in result.stderr) == (2, True), result.stderr
    if not journal.exists():
        assert "gone" in pandapon("journal", str(journal)).stderr


def test_a_configured_one_that_was_deleted_behind_a_link_is_missed(
    pandapon: Pandapon, orders: Write, shop: FakeVendor, tmp_path: Path
):
    (tmp_path / "data").mkdir()
    (tmp_path / "all.db").symlink_to(tmp_path / "data/all.db")
    settle(tmp_path, 'journal = "all.db"')
    assert pandapon("book", orders(), "--new-journal").exit_code == 0
    (tmp_path / "data/all.db").unlink()
    result = pandapon("book", orders())
    assert (result.exit_code, "gone" in result.stderr) == (2, True)
    assert shop.ledger.bookings == {"FF0": 1}
    assert pandapon("book", orders(), "--new-journal").exit_code == 0


@pytest.mark.parametrize("act", [Path.unlink, moved_away, emptied])
def test_a_new_one_instead_of_a_lost_one_is_made_if_that_is_asked_for(
    pandapon: Pandapon, orders: Write, tmp_path: Path, act: Act
):
    file, journal = orders(2), tmp_path / "shop/bookings.db"
    pandapon("book", file)
    act(journal)
    assert pandapon("book", orders(3), "--new-journal").exit_code == 0
    assert booked(journal) == 3
    assert pandapon("book", orders(4)).exit_code == 0


def test_none_is_made_under_another_name_than_the_lost_one(
    pandapon: Pandapon, orders: Write, shop: FakeVendor, tmp_path: Path
):
    file = orders(2)
    pandapon("book", file, "--journal", str(tmp_path / "shop/all.db"))
    (tmp_path / "shop/all.db").unlink()
    for named in ((), ("--journal", str(tmp_path / "shop/new.db")), ("--journal", str(tmp_path / "elsewhere.db"))):
        result = pandapon("book", file, *named)
        assert (result.exit_code, "all.db is gone" in result.stderr) == (2, True)
    assert shop.ledger.bookings == {"FF0": 1, "FF1": 1}
    assert pandapon("book", orders(3), "--new-journal").exit_code == 0
    assert pandapon("book", orders(4)).exit_code == 0


def test_one_that_was_renamed_is_the_only_one_another_that_is_left_is_not(
    pandapon: Pandapon, orders: Write, shop: FakeVendor, tmp_path: Path
):
    first, second, renamed = (tmp_path / "shop" / name for name in ("bookings.db", "second.db", "renamed.db"))
    pandapon("book", orders(2))
    first.rename(renamed)
    assert pandapon("book", orders(3)).exit_code == 0
    assert booked(renamed) == 3
    assert pandapon("book", orders(4), "--journal", str(second), "--new-journal").exit_code == 0
    renamed.unlink()
    result = pandapon("book", orders(5))
    assert (result.exit_code, "is gone" in result.stderr) == (2, True)
    assert pandapon("book", orders(5), "--journal", str(second)).exit_code == 0
    assert shop.ledger.bookings["FF3"] == 1


def test_one_that_was_moved_is_used_where_it_is_and_when_it_is_back(pandapon: Pandapon, orders: Write, tmp_path: Path):
    journal, elsewhere = tmp_path / "shop/bookings.db", tmp_path / "moved.db"
    pandapon("book", orders(1))
    journal.rename(elsewhere)
    assert pandapon("book", orders(2), "--journal", str(elsewhere)).exit_code == 0
    assert booked(elsewhere) == 2
    elsewhere.rename(journal)
    assert pandapon("book", orders(3)).exit_code == 0
    assert booked(journal) == 3


LOOKS = {
    "journal": ("journal", "{}"),
    "journal --backup": ("journal", "{}", "--backup", "copy.db"),
    "status": ("status", "--journal", "{}"),
    "doctor": ("doctor", "--journal", "{}"),
    "tracking": ("tracking", "shop/orders.jsonl", "--out", "tracked.jsonl", "--journal", "{}"),
    "book": ("book", "shop/orders.jsonl", "--journal", "{}"),
    "what waits": ("book", "--journal", "{}"),
}


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("name", ["shop/bookings.db", "./shop/../shop/bookings.db", "link.db"])
def test_one_is_found_from_the_folder_where_the_command_is_given(
    pandapon: Pandapon, orders: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, look: str, name: str
):
    pandapon("book", orders())
    (tmp_path / "link.db").symlink_to("shop/bookings.db")
    monkeypatch.chdir(tmp_path)
    result = pandapon(*(word.format(name) for word in LOOKS[look]))
    assert (result.exit_code, booked(tmp_path / "shop/bookings.db")) == (0, 1), result.stderr


def test_another_programs_database_is_no_journal(pandapon: Pandapon, orders: Write, tmp_path: Path):
    file = orders()
    with sqlite3.connect(tmp_path / "shop/stock.db") as database:
        database.execute("CREATE TABLE stock (sku TEXT)")
    database.close()
    (tmp_path / "shop/notes.db").write_text("no database")
    assert pandapon("book", file).exit_code == 0
    assert booked(tmp_path / "shop/bookings.db") == 1


def test_the_configured_one_is_used_from_any_folder_below(pandapon: Pandapon, orders: Write, tmp_path: Path):
    (tmp_path / "data").mkdir()
    pandapon("book", orders(), "--journal", str(tmp_path / "data/all.db"))
    settle(tmp_path, 'journal = "data/all.db"')
    assert pandapon("book", orders(2, "shop/may")).exit_code == 0
    assert booked(tmp_path / "data/all.db") == 2


def test_a_configured_one_that_is_not_there_is_missed(
    pandapon: Pandapon, orders: Write, shop: FakeVendor, tmp_path: Path
):
    settle(tmp_path, 'journal = "all.db"')
    result = pandapon("book", orders())
    assert result.exit_code == 2
    assert "pandapon.toml" in result.stderr
    assert not shop.ledger.requests
    assert pandapon("book", orders(), "--new-journal").exit_code == 0
    assert booked(tmp_path / "all.db") == 1


def test_a_new_one_instead_of_the_configured_one_is_refused(pandapon: Pandapon, orders: Write, tmp_path: Path):
    pandapon("book", orders(), "--journal", str(tmp_path / "all.db"))
    settle(tmp_path, 'journal = "all.db"')
    result = pandapon("book", orders(1, "shop/may"), "--journal", str(tmp_path / "shop/may/b.db"))
    assert result.exit_code == 2
    assert "all.db" in result.stderr


def test_a_trial_makes_none(pandapon: Pandapon, orders: Write, tmp_path: Path):
    assert pandapon("book", orders(), "--dry-run").exit_code == 0
    assert list((tmp_path / "shop").glob("*.db")) == []


def test_an_unknown_setting_ends_the_program_before_anything_is_read(
    pandapon: Pandapon, orders: Write, shop: FakeVendor, tmp_path: Path
):
    file = orders()
    settle(tmp_path, 'jurnal = "all.db"')
    result = pandapon("book", file)
    assert result.exit_code == 2
    assert "did you mean 'journal'" in result.stderr
    assert not shop.ledger.requests


def test_times_are_exported_in_the_settings_zone_and_read_back(pandapon: Pandapon, orders: Write, tmp_path: Path):
    settle(tmp_path, 'time_zone = "Asia/Shanghai"')
    pandapon("book", orders())
    journal, export = str(tmp_path / "shop/bookings.db"), tmp_path / "export.csv"
    result = pandapon("journal", journal, "--export", str(export))
    assert "times are in Asia/Shanghai" in result.stdout
    assert export.read_text("utf-8-sig").count("+08:00") == 2
    read_back = pandapon("journal", journal, "--resolve", str(export), "--by", "Jane")
    assert (read_back.exit_code, read_back.stdout) == (0, "Resolved 0 bookings\n")
    day = export.read_text("utf-8-sig").split("+08:00")[0][-19:-9]
    assert "o-0" in pandapon("journal", journal, "--since", day).stdout
    assert "+08:00" in pandapon("journal", journal, "o-0").stdout
    (tmp_path / "pandapon.toml").unlink()
    assert "+08:00" not in pandapon("journal", journal, "o-0").stdout


def test_whatever_shows_a_time_shows_it_in_the_settings_zone(
    pandapon: Pandapon, orders: Write, shop: FakeVendor, tmp_path: Path
):
    settle(tmp_path, 'time_zone = "Asia/Shanghai"')
    shop.script("drop_after")
    pandapon("book", orders())
    journal, page = str(tmp_path / "shop/bookings.db"), tmp_path / "page.html"
    assert pandapon("journal", journal, "--runs").stdout.endswith("Times are in Asia/Shanghai\n")
    assert pandapon("journal", journal, "--runs", "--json").stdout.count("+08:00") == 2
    assert "Asia/Shanghai" in pandapon("journal", journal, "--review", "--by", "Jane", stdin="q\n").stdout
    pandapon("journal", journal, "--report", str(page))
    assert "all times in Asia/Shanghai" in page.read_text(encoding="utf-8")


def test_one_booking_says_why_it_is_unclear_without_the_name_of_an_exception(
    pandapon: Pandapon, orders: Write, shop: FakeVendor, tmp_path: Path
):
    shop.script("drop_after")
    pandapon("book", orders())
    shown = pandapon("journal", str(tmp_path / "shop/bookings.db"), "o-0").stdout
    assert "there is no whole reply" in shown
    assert "Error" not in shown


def test_folders_and_files_may_have_any_name(pandapon: Pandapon, orders: Write, tmp_path: Path):
    folder = "订单 2026/é & co"
    settle(tmp_path / "订单 2026", 'journal = "账本.db"\nlanguage = "zh_CN"')
    result = pandapon("book", orders(2, folder), "--new-journal")
    assert (result.exit_code, "已新建" in result.stderr) == (0, True)
    assert booked(tmp_path / "订单 2026/账本.db") == 2
    assert "2 条以前已下单" in pandapon("book", orders(2, folder), "--dry-run").stdout


# --- what waits ---


def test_without_a_file_what_waits_is_listed_with_its_age(
    pandapon: Pandapon, orders: Write, shop: FakeVendor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    shop.script({"status": 401})
    assert pandapon("book", orders(3), "--concurrency", "1").exit_code == 4
    monkeypatch.chdir(tmp_path / "shop")
    result = pandapon("book")
    assert result.exit_code == 0
    assert "3 of pandapon, the oldest for 0 min" in result.stdout
    assert booked(tmp_path / "shop/bookings.db") == 3
    nothing = pandapon("book")
    assert (nothing.exit_code, "nothing waits" in nothing.stdout) == (0, True)


def test_without_a_file_and_without_a_journal_there_is_nothing_to_do(
    pandapon: Pandapon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    result = pandapon("book")
    assert (result.exit_code, "no journal" in result.stderr) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_what_waits_obeys_the_limits(
    pandapon: Pandapon, orders: Write, shop: FakeVendor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    shop.script({"status": 401})
    pandapon("book", orders(20), "--concurrency", "1")
    monkeypatch.chdir(tmp_path / "shop")
    result = pandapon("book", "--spend-limit", "600", "USD", "--highest-fee", "500", "USD")
    assert result.exit_code == 4
    assert "Stopped" in result.stdout
    assert 1 <= len(shop.ledger.bookings) < 5


def test_what_waits_at_an_account_that_is_not_configured_stays(
    pandapon: Pandapon,
    orders: Write,
    shop: FakeVendor,
    tmp_path: Path,
    accounts: Callable[[str], str],
    monkeypatch: pytest.MonkeyPatch,
):
    shop.script({"status": 401})
    one = shop.accounts[0]
    config = accounts(
        f'[vendors.ann]\nkind = "{one.kind}"\nbase_url = "{shop.profile(one.kind).base_url}"\n'
        f'access_key = "{one.access_key}"\naccess_secret = "{one.access_secret}"\n'
    )
    pandapon("book", orders(2), "--concurrency", "1", "--config", config)
    monkeypatch.chdir(tmp_path / "shop")
    result = pandapon("book")
    assert "2 of ann stay waiting" in result.stdout
    assert "nothing waits" not in result.stdout
    assert not shop.ledger.bookings
