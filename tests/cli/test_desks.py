"""Several desks on one journal in PostgreSQL, each a process of its own; and how such a journal is named."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pandapon_async import Journal
from pandapon_async.testing import FakeVendor, Faults
from tests.postgres import PostgresServer
from tests.support import most_at_once, yes

from .conftest import Pandapon, order, process

DESKS = 3
EACH = 40


@pytest.fixture
def url(postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """The journal's URL; the command line is given ``env:JOURNAL``."""
    url = postgres.fresh()
    monkeypatch.setenv("JOURNAL", url)
    return url


@pytest.fixture
def configured(shop: FakeVendor, tmp_path: Path) -> Any:
    """Writes a TOML file with the account, and what more it has."""

    def write(more: str = "") -> str:
        profile, account = shop.profile("pandapon"), shop.accounts[0]
        path = tmp_path / "vendors.toml"
        path.write_text(
            f'[vendors.pandapon]\nbase_url = "{profile.base_url}"\naccess_key = "{account.access_key}"\n'
            f'access_secret = "{account.access_secret}"\nuser_id = "{account.user_id}"\n{more}',
            encoding="utf-8",
        )
        return str(path)

    return write


def written(folder: Path, desk: int, count: int = EACH) -> str:
    path = folder / f"desk-{desk}" / "orders.jsonl"
    path.parent.mkdir()
    path.write_text("\n".join(json.dumps(order(1000 * desk + number)) for number in range(count)), encoding="utf-8")
    return str(path)


@contextlib.contextmanager
def desks(folder: Path, config: str, *more: str, count: int = EACH) -> Iterator[list[Any]]:
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(
                process("book", written(folder, desk, count), "--config", config, "--journal", "env:JOURNAL", *more)
            )
            for desk in range(DESKS)
        ]


def test_three_that_book_and_one_that_reviews_at_once_book_everything_once_at_one_rate(
    shop: FakeVendor, url: str, configured: Any, tmp_path: Path
):
    shop.faults = Faults(latency=0.01, drop_after=0.05, seed=3)
    times: list[float] = []
    review = ("journal", "env:JOURNAL", "--review", "--by", "Jane")
    with desks(tmp_path, configured(), "--rate", "40") as running:
        while any(desk.poll() is None for desk in running):
            with process(*review) as reviewing:
                _, errors = reviewing.communicate(timeout=60)
            assert reviewing.returncode == 0 or "there is no journal" in errors, errors
            assert "Traceback" not in errors
        ended = [(desk.communicate(timeout=60), desk.returncode) for desk in running]
    assert {status for _, status in ended} <= {0, 3}, ended
    with Journal.open(url) as journal:
        counts = journal.counts()
        times = sorted(row.sent_at.timestamp() for row in journal.rows() if row.sent_at is not None)
    assert counts["done"] + counts["unknown"] == DESKS * EACH
    assert counts["unknown"] > 0
    assert len(shop.ledger.bookings) == DESKS * EACH
    assert not shop.ledger.doubled
    assert times[-1] - times[0] >= (DESKS * EACH - 1) / 40 - 1


def test_three_that_book_have_no_more_under_way_than_the_account_may(
    shop: FakeVendor, url: str, configured: Any, tmp_path: Path
):
    shop.faults = Faults(latency=0.1)
    with desks(tmp_path, configured("limits = { concurrency = 4 }\n")) as running:
        ended = [(desk.communicate(timeout=120), desk.returncode) for desk in running]
    assert {status for _, status in ended} == {0}, ended
    assert 1 < most_at_once(shop) <= 4
    assert len(shop.ledger.bookings) == DESKS * EACH


def test_three_that_book_spend_no_more_in_a_day_than_one_may(
    shop: FakeVendor, url: str, configured: Any, tmp_path: Path
):
    shop.faults = Faults(latency=0.005)
    shop.script(
        *[{"json": yes({"orderId": f"O{n}", "orderFee": {"amount": "5", "currency": "USD"}})} for n in range(90)]
    )
    with desks(
        tmp_path, configured('daily_spend_limit = "50 USD"\n'), "--highest-fee", "5", "USD", count=10
    ) as running:
        ended = [(desk.communicate(timeout=60), desk.returncode) for desk in running]
    assert {status for _, status in ended} <= {0, 4}, ended
    assert 4 in {status for _, status in ended}
    made = sum(shop.ledger.seen.values())
    assert 0 < made <= 10  # one under way at another desk counts as spent, so a desk may end a booking early
    with Journal.open(url) as journal:
        assert journal.counts()["done"] == made


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize("named", ["env:JOURNAL", "file:PLACE", "settings"])
def test_a_journal_in_a_database_is_used_as_a_file_is(pandapon: Pandapon, url: str, tmp_path: Path, named: str):
    (tmp_path / "url").write_text(f"{url}\n", encoding="utf-8")
    named = named.replace("PLACE", str(tmp_path / "url"))
    path = written(tmp_path, 1, 2)
    if named == "settings":
        (Path(path).parent / "pandapon.toml").write_text('journal = "env:JOURNAL"\n', encoding="utf-8")
        given = ["--new-journal"]
    else:
        given = ["--journal", named]
    made = pandapon("book", path, *given)
    assert made.exit_code == 0, made.stderr
    assert "was made" in made.stderr
    again = pandapon("book", path, *given[1:] and given)
    assert again.exit_code == 0
    assert "was made" not in again.stderr
    assert "2 " in again.stdout
    shown = pandapon("journal", named.replace("settings", "env:JOURNAL"), "--json").stdout.splitlines()
    assert [json.loads(line)["state"] for line in shown] == ["done", "done"]


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize("command", ["book", "journal", "tracking", "doctor"])
def test_a_password_on_the_command_line_is_refused_and_not_repeated(pandapon: Pandapon, tmp_path: Path, command: str):
    url = "postgresql://jane:opensesame@localhost/bookings"
    arguments = {
        "book": ["book", written(tmp_path, 1), "--journal", url],
        "journal": ["journal", url],
        "tracking": ["tracking", written(tmp_path, 2), "--out", str(tmp_path / "out.csv"), "--journal", url],
        "doctor": ["doctor", "--journal", url],
    }[command]
    result = pandapon(*arguments)
    assert result.exit_code == 2
    assert "env:NAME" in result.stderr
    assert "opensesame" not in result.output


@pytest.mark.usefixtures("keys")
def test_user_names_are_not_shown(pandapon: Pandapon, tmp_path: Path):
    result = pandapon("book", written(tmp_path, 1), "--journal", "postgresql://jane@127.0.0.1:1/bookings")
    assert result.exit_code == 2
    assert "postgresql://127.0.0.1:1/bookings" in " ".join(result.stderr.split())
    assert "jane" not in result.output


@pytest.mark.usefixtures("keys")
def test_one_in_a_database_beside_one_on_disk_is_made_only_when_asked_for(
    pandapon: Pandapon, url: str, tmp_path: Path, shop: FakeVendor
):
    path = written(tmp_path, 1, 1)
    assert pandapon("book", path).exit_code == 0
    refused = pandapon("book", path, "--journal", "env:JOURNAL")
    assert refused.exit_code == 2
    assert "bookings.db" in refused.stderr
    assert sum(shop.ledger.seen.values()) == 1
