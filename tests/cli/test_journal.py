"""`pandapon journal`."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from pandapon_async import Journal, JournalError
from pandapon_async._files.findings import FileError
from pandapon_async._files.resolutions import EXPORT_COLUMNS, read_resolutions, write_export
from pandapon_async.testing import FakeVendor
from tests.journal.support import done, entry, hours_later, opened

from .conftest import Pandapon, environment, order
from .files import rows_of

HEAD = ["reference", "state", "order_id", "fee", "currency", "tracking", "error"]
TAIL = ["vendor", "account", "operation", "shipment", "sent_at", "done_at", "request_id", "resolved_by", "note"]
NAME, PHONE = "Jane Example", "5550100100"


def body(number: int) -> str:
    receiver = {"name": NAME, "phone": PHONE, "city": "@Springfield", "country": "US"}
    return json.dumps(order(number, receiverAddress=receiver))


@pytest.fixture
def journal(pandapon: Pandapon, shop: FakeVendor, keys: None, tmp_path: Path) -> str:
    """o-0 done, o-1 in doubt, o-2 refused, o-3 pending; some hours ago."""
    path = str(tmp_path / "bookings.db")
    shop.script("ok", "drop_after", "refuse", {"status": 403})
    lines = "\n".join(map(body, range(4)))
    assert pandapon("book", "-", "--journal", path, "--concurrency", "1", stdin=lines).exit_code == 3
    hours_later(path)
    return path


@pytest.fixture
def exported(pandapon: Pandapon, journal: str, tmp_path: Path) -> Path:
    path = tmp_path / "export.csv"
    assert pandapon("journal", journal, "--export", str(path)).exit_code == 0
    return path


@pytest.fixture
def edited(exported: Path, tmp_path: Path) -> Callable[..., Path]:
    """The export with some cells changed, given per reference."""

    def edit(**changes: dict[str, str]) -> Path:
        rows = [{**row, **changes.get(row["reference"].replace("-", "_"), {})} for row in rows_of(exported)]
        path = tmp_path / "edited.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        return path

    return edit


def states(journal: str) -> list[str]:
    with Journal.open(journal) as opened:
        return [row.state for row in opened.rows()]


UNTOUCHED = ["done", "unknown", "refused", "pending"]


# --- looking ---


def test_without_options_it_counts_the_states(pandapon: Pandapon, journal: str):
    shown = dict(re.split(" {2,}", line) for line in pandapon("journal", journal).stdout.splitlines())
    assert shown == {
        "waiting (pending)": "1",
        "sending (sent)": "0",
        "booked (done)": "1",
        "refused by vendor (refused)": "1",
        "unclear (unknown)": "1",
        "cancelled (void)": "0",
    }


def test_one_booking_is_shown_with_its_history(pandapon: Pandapon, journal: str):
    shown = pandapon("journal", journal, "o-1").stdout
    assert [word for word in ("waiting, by job", "sending, by job", "unclear, by job") if word in shown] != []
    assert NAME not in shown
    told = json.loads(pandapon("journal", journal, "o-1", "--json").stdout)
    assert [step["state"] for step in told["history"]] == ["pending", "sent", "unknown"]


@pytest.mark.parametrize("arguments", [["o-0"], ["--state", "done"], ["--json"], ["--state", "done", "--json"]])
def test_a_receiver_is_shown_only_when_asked_for(pandapon: Pandapon, journal: str, arguments: list[str]):
    assert PHONE not in pandapon("journal", journal, *arguments).output
    assert PHONE in pandapon("journal", journal, *arguments, "--contact").output


def test_rows_are_chosen_by_state_account_and_time(pandapon: Pandapon, journal: str):
    def chosen(*arguments: str) -> list[str]:
        lines = pandapon("journal", journal, "--json", *arguments).stdout.splitlines()
        return [json.loads(line)["reference"] for line in lines]

    assert chosen("--state", "unknown") == ["o-1"]
    assert chosen("--account", "pandapon", "--state", "done") == ["o-0"]
    assert chosen("--account", "nobody") == []
    assert "o-0" in chosen("--since", "2020-01-01")
    assert chosen("--until", "2020-01-01T00:00:00Z") == []


def test_a_credit_above_the_fee_is_refused_in_plain_digits(pandapon: Pandapon, journal: str):
    with Journal.open(journal) as opened:
        fee = opened.get("o-0").fee
    result = pandapon("journal", journal, "--credit", "o-0", "1e9", "USD", "--by", "Jane")
    assert result.exit_code == 2
    assert f"1000000000 USD would be credited, and its fee is {fee}" in " ".join(result.stderr.split())
    result = pandapon("journal", journal, "--credit", "o-0", "1e1", "USD", "--by", "Jane")
    assert (result.exit_code, "10 USD" in result.output, "E+" in result.output) == (0, True, False)
    assert "E+" not in pandapon("journal", journal, "o-0").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--credit", "o-0", "1,50", "USD"], "--credit: 1,50 USD: not a decimal number"),
        (["--credit", "o-0", "5", "dollars"], "--credit: 5 dollars: expected three capital letters"),
        (["--mark", "o-0=done", "--fee", "-1", "USD"], "--fee: -1 USD: is below zero"),
    ],
)
def test_an_amount_that_is_none_is_named_with_its_option(
    pandapon: Pandapon, journal: str, arguments: list[str], said: str
):
    result = pandapon("journal", journal, *arguments, "--by", "Jane")
    assert (result.exit_code, said in " ".join(result.stderr.split())) == (2, True), result.stderr


def test_what_was_paid_and_credited_is_summed_per_account_and_currency(pandapon: Pandapon, journal: str):
    with Journal.open(journal) as opened:
        fee = opened.get("o-0").fee
    assert fee is not None
    assert pandapon("journal", journal, "--credit", "o-0", "10.5", "USD", "--by", "Jane").exit_code == 0
    net = fee.amount - Decimal("10.5")
    shown = pandapon("journal", journal, "--totals").stdout
    zone = "Every amount counts by its own date, in the time zone UTC"
    assert " ".join(shown.split()) == f"pandapon {net:,f} USD (fees {fee.amount:,f}, credits 10.5) {zone}"
    told = json.loads(pandapon("journal", journal, "--totals", "--json").stdout)
    amounts = {"currency": "USD", "fees": f"{fee.amount:f}", "credits": "10.5", "net": f"{net:f}"}
    counts = {"unpriced": 0, "uncredited": 0, "time_zone": "UTC"}
    assert told == {"account": "pandapon", "totals": [amounts], **counts}


def test_the_totals_count_what_has_no_fee(pandapon: Pandapon, journal: str):
    pandapon("journal", journal, "--mark", "o-1=done", "--order-id", "77", "--by", "Jane")
    assert "1 are booked without a fee" in pandapon("journal", journal, "--totals").stdout
    assert json.loads(pandapon("journal", journal, "--totals", "--json").stdout)["unpriced"] == 1
    done = pandapon("journal", journal, "--mark", "o-1=done", "--fee", "5", "USD", "--by", "Jane")
    assert (done.exit_code, done.stdout) == (0, "o-1 is booked now\n")
    assert "without a fee" not in pandapon("journal", journal, "--totals").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["--since", "yesterday"],
        ["--state", "lost"],
        ["--mark", "o-1"],
        ["--mark", "o-1=lost"],
        ["--order-id", "7"],
        ["--mark", "o-1=pending", "--order-id", "7"],
        ["--mark", "o-1=done", "--fee", "x", "USD"],
        ["--mark", "o-1=done", "--fee", "5", "usd"],
        ["--resolve", "nowhere.csv"],
        ["--resolve", "a.csv", "--mark", "o-1=done"],
        ["--mark", ""],
        ["--mark", "o-1=done", "--mark", "o-2=done"],
        ["--mark", "o-1=done", "--order-id", "7", "--order-id", "8"],
        ["--credit", "o-0", "1", "USD", "--credit", "o-0", "1", "USD"],
        ["--export", "a.csv", "--mark", "o-1=done"],
        ["--credit", "o-0", "x", "USD"],
        ["--rename", "pandapon"],
        ["--rename", "=x"],
        ["--restore"],
        ["--restore", "--by", "Jane"],
        ["--whole", "--by", "Jane", "--note", " "],
        ["--whole", "--restore", "--by", "Jane", "--note", "x"],
        ["--adopt", "pandapon"],
        ["--adopt", "pandapon", "--by", "Jane"],
        ["--adopt", "", "--by", "Jane", "--note", "x"],
        ["--adopt", "nobody", "--by", "Jane", "--note", "x"],
    ],
)
def test_bad_usage_changes_nothing(pandapon: Pandapon, journal: str, arguments: list[str]):
    assert pandapon("journal", journal, *arguments).exit_code == 2
    assert states(journal) == UNTOUCHED


@pytest.mark.parametrize("content", [None, b"", b"reference,state\n", b"SQLite format 3\x00" + b"x" * 100])
def test_what_is_no_journal_is_refused_and_left_alone(pandapon: Pandapon, tmp_path: Path, content: bytes | None):
    path = tmp_path / "other.db"
    if content is not None:
        path.write_bytes(content)
    result = pandapon("journal", str(path))
    assert result.exit_code == 2
    assert str(path) in result.stderr.replace("\n", "")
    assert (path.read_bytes() if content is not None else path.exists()) == (content if content is not None else False)


# --- the export ---


def test_the_export_begins_with_the_documented_columns(exported: Path):
    content = exported.read_bytes()
    assert content.startswith(b"\xef\xbb\xbfreference,state,order_id,fee,currency,tracking,error,")
    assert list(rows_of(exported)[0]) == HEAD + TAIL
    assert [row["state"] for row in rows_of(exported)] == UNTOUCHED
    assert exported.stat().st_mode & 0o777 == 0o600


def test_an_export_for_the_phone_has_the_receivers(pandapon: Pandapon, journal: str, tmp_path: Path):
    path = tmp_path / "contact.csv"
    pandapon("journal", journal, "--export", str(path), "--contact", "--state", "unknown")
    (row,) = rows_of(path)
    assert (row["receiverAddress.name"], row["receiverAddress.phone"]) == (NAME, PHONE)
    assert row["receiverAddress.city"] == "'@Springfield"


def test_the_journal_itself_is_never_written_over(pandapon: Pandapon, journal: str):
    assert pandapon("journal", journal, "--export", journal).exit_code == 2
    assert states(journal) == UNTOUCHED


# --- resolving ---


def test_an_export_that_was_not_edited_resolves_nothing(pandapon: Pandapon, journal: str, exported: Path):
    assert pandapon("journal", journal, "--resolve", str(exported)).stdout == "Resolved 0 bookings\n"


def test_an_edited_export_resolves_its_rows(pandapon: Pandapon, journal: str, edited: Callable[..., Path]):
    file = edited(
        o_1={"state": "done", "order_id": "77", "fee": "12.50", "currency": "USD", "tracking": "T1 T2", "note": "seen"},
        o_2={"state": "pending"},
    )
    result = pandapon("journal", journal, "--resolve", str(file), "--by", "Jane", "--note", "by phone")
    assert (result.exit_code, result.stdout) == (0, "Resolved 2 bookings\n")
    with Journal.open(journal) as opened:
        one, two = opened.get("o-1"), opened.get("o-2")
    assert (one.state, one.order_id, str(one.fee), one.tracking) == ("done", "77", "12.50 USD", ("T1", "T2"))
    assert (one.resolved_by, one.note) == ("Jane", "seen")
    assert (two.state, two.note) == ("pending", "by phone")


@pytest.mark.parametrize(
    ("changes", "line", "column"),
    [
        ({"o_1": {"state": "lost"}}, 3, "state"),
        ({"o_1": {"state": ""}}, 3, "state"),
        ({"o_0": {"state": "pending"}}, 2, "state"),
        ({"o_1": {"state": "done", "fee": "12.50"}}, 3, "currency"),
        ({"o_1": {"state": "done", "fee": "1,250", "currency": "USD"}}, 3, "fee"),
        ({"o_1": {"state": "done", "fee": "-1", "currency": "USD"}}, 3, "fee"),
        ({"o_1": {"state": "done", "order_id": "5.77E+17"}}, 3, "order_id"),
        ({"o_1": {"state": "pending", "order_id": "7"}}, 3, "order_id"),
        ({"o_1": {"order_id": "7"}}, 3, "order_id"),
        ({"o_1": {"reference": "o-9"}}, 3, "reference"),
        ({"o_1": {"reference": ""}}, 3, "reference"),
        ({"o_1": {"shipment": "x"}}, 3, "shipment"),
        ({"o_1": {"shipment": "2"}}, 3, "reference"),
        ({"o_1": {"operation": "addresses.save"}}, 3, "reference"),
        ({"o_3": {"state": "done"}}, 5, "state"),
        ({"o_1": {"reference": "o-0"}}, 3, "reference"),
        ({"o_1": {"state": "done", "sent_at": "2020-01-01T00:00:00Z"}}, 3, "state"),
    ],
)
def test_a_line_that_cannot_be_resolved_is_named_and_nothing_is(
    pandapon: Pandapon,
    journal: str,
    edited: Callable[..., Path],
    changes: dict[str, dict[str, str]],
    line: int,
    column: str,
):
    file = edited(**{"o_2": {"state": "pending"}, **changes})
    result = pandapon("journal", journal, "--resolve", str(file), "--by", "Jane")
    assert result.exit_code == 2
    assert f"line {line}, column {column}" in result.stderr.replace("\n", "")
    assert states(journal) == UNTOUCHED


def test_two_lines_that_contradict_each_other_are_refused(
    pandapon: Pandapon, journal: str, edited: Callable[..., Path]
):
    file = edited(o_1={"state": "done", "order_id": "77"}, o_2={"reference": " o-1 ", "state": "pending"})
    result = pandapon("journal", journal, "--resolve", str(file), "--by", "Jane")
    assert result.exit_code == 2
    assert "line 4, column reference: contradicts line 3" in result.stderr.replace("\n", "")
    assert states(journal) == UNTOUCHED


def test_one_order_id_in_two_lines_resolves_neither(pandapon: Pandapon, journal: str, edited: Callable[..., Path]):
    file = edited(o_1={"state": "done", "order_id": "77"}, o_2={"state": "done", "order_id": "77"})
    result = pandapon("journal", journal, "--resolve", str(file), "--by", "Jane")
    assert result.exit_code == 2
    assert "order id 77" in result.stderr
    assert states(journal) == UNTOUCHED


def test_lines_that_say_the_same_in_other_words_are_one(pandapon: Pandapon, journal: str, edited: Callable[..., Path]):
    wish = {"state": "done", "order_id": "77", "fee": "12.5", "currency": "USD", "tracking": "T1 T2"}
    again = {**wish, "reference": "o-1", "state": "Done", "fee": "12.50", "tracking": "T2  T1", "sent_at": ""}
    result = pandapon("journal", journal, "--resolve", str(edited(o_1=wish, o_2=again)), "--by", "Jane")
    assert (result.exit_code, result.stdout) == (0, "Resolved 1 bookings\n")


def test_a_file_that_is_read_twice_resolves_nothing_more(pandapon: Pandapon, journal: str, edited: Callable[..., Path]):
    file = edited(o_1={"state": "done", "order_id": "77", "fee": "12.50", "currency": "USD"}, o_3={"state": "void"})
    resolve = ("journal", journal, "--resolve", str(file), "--by", "Jane", "--note", "by phone")
    assert pandapon(*resolve).stdout == "Resolved 2 bookings\n"
    with Journal.open(journal) as opened:
        before = [row.version for row in opened.rows()]
    again = edited(o_1={"state": "done", "order_id": "77", "fee": "12.5", "currency": "USD"}, o_3={"state": "void"})
    assert pandapon("journal", journal, "--resolve", str(again), "--by", "Joe").stdout == "Resolved 0 bookings\n"
    with Journal.open(journal) as opened:
        assert [row.version for row in opened.rows()] == before


def test_an_order_id_and_a_fee_are_added_to_what_is_done(pandapon: Pandapon, journal: str, edited: Callable[..., Path]):
    pandapon("journal", journal, "--mark", "o-1=done", "--by", "Jane")
    file = edited(o_1={"state": "done", "order_id": "77", "fee": "5", "currency": "USD"})
    assert pandapon("journal", journal, "--resolve", str(file), "--by", "Jane").stdout == "Resolved 1 bookings\n"
    with Journal.open(journal) as opened:
        row = opened.get("o-1")
    assert (row.state, row.order_id, str(row.fee)) == ("done", "77", "5 USD")


def test_an_order_id_is_never_changed_to_another(pandapon: Pandapon, journal: str, edited: Callable[..., Path]):
    result = pandapon("journal", journal, "--resolve", str(edited(o_0={"order_id": "77"})), "--by", "Jane")
    assert result.exit_code == 2
    assert "it has order id" in result.stderr


def test_ids_that_a_spreadsheet_has_damaged_in_other_rows_do_no_harm(
    pandapon: Pandapon, journal: str, edited: Callable[..., Path]
):
    file = edited(o_0={"order_id": "5.77556E+17"}, o_1={"state": "pending"})
    assert pandapon("journal", journal, "--resolve", str(file), "--by", "Jane").stdout == "Resolved 1 bookings\n"
    with Journal.open(journal) as opened:
        assert "E+" not in (opened.get("o-0").order_id or "")


def test_one_row_is_marked(pandapon: Pandapon, journal: str):
    result = pandapon(
        *("journal", journal, "--mark", "o-1=done", "--order-id", "77", "--fee", "5", "USD"),
        *("--tracking", "T1", "--by", "Jane", "--note", "by phone"),
    )
    assert (result.exit_code, result.stdout) == (0, "o-1 is booked now\n")
    with Journal.open(journal) as opened:
        row = opened.get("o-1")
    assert (row.order_id, str(row.fee), row.tracking, row.history[-1].by) == ("77", "5 USD", ("T1",), "Jane")


def test_a_cancelled_booking_is_marked_void(pandapon: Pandapon, journal: str):
    paid = json.loads(pandapon("journal", journal, "--totals", "--json").stdout)
    assert pandapon("journal", journal, "--mark", "o-0=void", "--by", "Jane").exit_code == 0
    assert "void" in states(journal)
    now = json.loads(pandapon("journal", journal, "--totals", "--json").stdout)
    assert now == {**paid, "uncredited": 1}  # what was paid is the same until the vendor has credited it
    assert "1 are cancelled and not wholly credited" in pandapon("journal", journal, "--totals").stdout


def test_a_pending_booking_is_withdrawn_and_never_sent(pandapon: Pandapon, shop: FakeVendor, journal: str):
    assert pandapon("journal", journal, "--mark", "o-3=void", "--by", "Jane").stdout == "o-3 is cancelled now\n"
    pandapon("book", "--journal", journal)
    assert "FF3" not in shop.ledger.bookings
    assert states(journal)[3] == "void"


def test_who_resolves_is_the_login_unless_said(pandapon: Pandapon, journal: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LOGNAME", "jdoe")
    pandapon("journal", journal, "--mark", "o-1=pending")
    with Journal.open(journal) as opened:
        assert opened.get("o-1").resolved_by == "jdoe"


def test_what_is_not_allowed_by_hand_says_what_is(pandapon: Pandapon, journal: str):
    result = pandapon("journal", journal, "--mark", "o-0=pending", "--by", "Jane")
    assert result.exit_code == 2
    assert "can become void or done by hand" in result.stderr


# --- accounts ---


@pytest.fixture
def rotated(shop: FakeVendor, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeVendor]:
    """The vendor once it has given the account a new key, which the environment has."""
    (account,) = [one for one in shop.accounts if one.kind == "pandapon"]
    with FakeVendor(accounts=[attrs.evolve(account, access_key="a-new-key")]) as vendor:
        for name, value in environment(vendor, "pandapon").items():
            monkeypatch.setenv(name, value)
        yield vendor


def test_a_new_key_books_nothing_until_it_is_adopted(pandapon: Pandapon, journal: str, rotated: FakeVendor):
    refused = pandapon("book", "-", "--journal", journal, stdin=body(5))
    assert refused.exit_code == 2
    assert "another key" in refused.stderr
    assert not rotated.ledger.requests
    assert pandapon("book", "-", "--journal", journal, "--adopt", "pandapon", stdin=body(5)).exit_code == 0
    assert pandapon("book", "-", "--journal", journal, stdin=body(5)).exit_code == 0
    assert rotated.ledger.bookings == {"FF5": 1}


def test_book_adopts_a_key_only(pandapon: Pandapon, shop: FakeVendor, journal: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PANDAPON_USER_ID", "9999999999999")
    before = len(shop.ledger.requests)
    refused = pandapon("book", "-", "--journal", journal, "--adopt", "pandapon", stdin=body(5))
    assert refused.exit_code == 2
    assert "another user id" in refused.stderr
    assert len(shop.ledger.requests) == before
    adopted = pandapon("journal", journal, "--adopt", "pandapon", "--by", "Jane", "--note", "the vendor renumbered")
    assert adopted.exit_code == 0
    assert "another user id" not in pandapon("book", "-", "--journal", journal, stdin=body(5)).stderr


def test_book_adopts_no_other_account_than_it_books_with(pandapon: Pandapon, journal: str):
    result = pandapon("book", "-", "--journal", journal, "--vendor", "pandapon", "--adopt", "shop-b", stdin=body(5))
    assert result.exit_code == 2


def test_an_account_gets_another_name(
    pandapon: Pandapon, shop: FakeVendor, journal: str, accounts: Callable[[str], str]
):
    profile = shop.profile("pandapon")
    keys = profile.credentials
    assert keys is not None
    config = accounts(
        f'[vendors.shop-a]\nkind = "pandapon"\nbase_url = "{profile.base_url}"\naccess_key = "{keys.access_key}"\n'
        f'access_secret = "env:PANDAPON_ACCESS_SECRET"\nuser_id = "{keys.user_id}"\n'
    )
    book = ("book", "-", "--journal", journal, "--config", config)
    assert "under the name 'pandapon'" in pandapon(*book, stdin=body(0)).stderr
    renamed = pandapon("journal", journal, "--rename", "pandapon=shop-a", "--by", "Jane")
    assert (renamed.exit_code, renamed.stdout) == (0, "The bookings of pandapon are those of shop-a now\n")
    assert "Booked             1, 1 of them by other runs" in pandapon(*book, stdin=body(0)).stdout
    assert shop.ledger.bookings["FF0"] == 1


# --- the file ---


def test_a_backup_is_whole_and_books_nothing_until_it_is_restored(
    pandapon: Pandapon, shop: FakeVendor, journal: str, tmp_path: Path
):
    copy = str(tmp_path / "copy.db")
    assert pandapon("journal", journal, "--backup", copy).exit_code == 0
    assert states(copy) == UNTOUCHED
    before = len(shop.ledger.requests)
    refused = pandapon("book", "-", "--journal", copy, stdin=body(5))
    assert (refused.exit_code, "is a backup" in refused.stderr) == (2, True)
    assert len(shop.ledger.requests) == before
    assert pandapon("journal", copy, "--restore", "--by", "Jane", "--note", "the disk broke").exit_code == 0
    assert pandapon("book", "-", "--journal", copy, stdin=body(5)).exit_code == 0


def test_a_backup_replaces_nothing(pandapon: Pandapon, journal: str, tmp_path: Path):
    there = tmp_path / "orders.csv"
    there.write_text("mine")
    assert pandapon("journal", journal, "--backup", str(there)).exit_code == 2
    assert there.read_text() == "mine"


def test_a_file_whose_wal_is_lost_is_taken_only_by_name(pandapon: Pandapon, tmp_path: Path):
    whole, lost = tmp_path / "whole.db", tmp_path / "lost.db"

    async def copied_during_a_run() -> None:
        async with opened(whole) as store:
            await done(store, entry(1))
            shutil.copyfile(whole, lost)

    asyncio.run(copied_during_a_run())
    refused = pandapon("journal", str(lost))
    assert (refused.exit_code, "a part of it is missing" in refused.stderr) == (2, True)
    taken = pandapon("journal", str(lost), "--whole", "--by", "Jane", "--note", "looked up")
    assert taken.exit_code == 0, taken.stderr
    assert pandapon("journal", str(lost)).exit_code == 0


@pytest.mark.parametrize("name", ["bookings.db", "bookings.db-wal", "bookings.db-shm", "orders.csv", "link.csv"])
def test_an_export_replaces_nothing_but_an_export(pandapon: Pandapon, journal: str, tmp_path: Path, name: str):
    (tmp_path / "orders.csv").write_text("reference,renderId\n")
    (tmp_path / "link.csv").symlink_to(journal)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert pandapon("journal", journal, "--export", str(tmp_path / name)).exit_code == 2
    after = {path: path.read_bytes() for path in tmp_path.iterdir() if path in before}
    assert after == before


def test_an_export_is_replaced_by_the_next_one(pandapon: Pandapon, journal: str, exported: Path):
    assert pandapon("journal", journal, "--export", str(exported), "--state", "done").exit_code == 0
    assert [row["reference"] for row in rows_of(exported)] == ["o-0"]


def test_the_doctor_reads_the_whole_file(pandapon: Pandapon, journal: str):
    assert "is whole: 4 bookings" in pandapon("doctor", "--journal", journal).stdout.replace("\n", " ")
    content = bytearray(Path(journal).read_bytes())
    content[4096 * 6 : 4096 * 7] = b"x" * 4096
    Path(journal).write_bytes(content)
    damaged = pandapon("doctor", "--journal", journal)
    assert damaged.exit_code == 1
    assert "is damaged" in damaged.stderr.replace("\n", " ")


def test_a_person_s_not_booked_counts_only_some_time_after_the_sending(pandapon: Pandapon, journal: str):
    hours_later(journal, -1)
    result = pandapon("journal", journal, "--mark", "o-1=pending", "--by", "Jane")
    assert result.exit_code == 2
    assert "o-1" in result.stderr
    assert "the vendor may still be booking it" in " ".join(result.stderr.split())
    assert states(journal) == UNTOUCHED


def test_nothing_is_erased_while_a_job_runs_but_all_else_goes_on(pandapon: Pandapon, journal: str):
    from pandapon_async._journal.sqlite.lock import account_lock

    with Journal.open(journal) as opened:
        row = opened.get("o-0")
    lock = account_lock(Path(journal), row.vendor, row.account)
    lock.acquire()
    try:
        result = pandapon("journal", journal, "--forget-before", datetime.now(timezone.utc).isoformat())
        assert result.exit_code == 2
        assert "is using it" in result.stderr
        assert pandapon("journal", journal).exit_code == 0
        assert pandapon("journal", journal, "--mark", "o-1=pending", "--by", "Jane").exit_code == 0
    finally:
        lock.release()
    assert states(journal) == ["done", "pending", *UNTOUCHED[2:]]


def test_personal_data_is_erased(pandapon: Pandapon, journal: str):
    refused = pandapon("journal", journal, "--forget-before", "2100-01-01")
    assert (refused.exit_code, "in the past" in refused.stderr) == (2, True)
    result = pandapon("journal", journal, "--forget-before", datetime.now(timezone.utc).isoformat())
    assert "Erased the bodies and replies of 2 rows" in result.stdout
    assert PHONE not in pandapon("journal", journal, "--json", "--contact", "--state", "done").stdout
    content = b"".join(path.read_bytes() for path in Path(journal).parent.glob("bookings.db*"))
    assert content.count(PHONE.encode()) == 2  # of what is pending and in doubt
    with Journal.open(journal) as opened:
        row = opened.get("o-0")
        assert (row.body, row.reply, row.state, row.fee is None) == (None, None, "done", False)


# --- for any file ---


@pytest.fixture
def open_journal(journal: str):
    with Journal.open(journal) as found:
        yield found


_CELL = st.one_of(
    st.text(max_size=5),
    st.sampled_from(["o-0", "o-1", "o-2", "done", "pending", "void", "1", "USD", "pandapon", "x" * 200_000, '"', "=1"]),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    st.one_of(
        st.binary(max_size=60),
        st.tuples(
            st.lists(st.one_of(st.sampled_from(EXPORT_COLUMNS), st.text(max_size=3)), max_size=6),
            st.lists(st.lists(_CELL, max_size=6), max_size=4),
        ).map(
            lambda made: "\n".join(",".join(row) for row in (["reference", "state", *made[0]], *made[1])).encode(
                "utf-8", "replace"
            )
        ),
    )
)
def test_any_edited_file_is_read_or_refused(open_journal: Journal, tmp_path: Path, content: bytes):
    path = tmp_path / "any.csv"
    path.write_bytes(content)
    refused: FileError | None = None
    found: list[Any] = []
    try:
        found = read_resolutions(path, open_journal)
    except FileError as error:
        refused = error
    assert refused is None or str(path) in str(refused)
    assert all(one.reference in ("o-0", "o-1", "o-2") for one in found)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(note=st.text(max_size=20), tracking=st.lists(st.from_regex(r"[-=+@A-Z0-9]{1,9}", fullmatch=True), max_size=3))
def test_any_export_reads_back_as_it_was(journal: str, tmp_path: Path, note: str, tracking: list[str]):
    path = tmp_path / "export.csv"
    with Journal.open(journal) as opened:
        if opened.get("o-1").state == "unknown":
            opened.resolve("o-1", "done", order_id="-7", tracking=tracking, by="=Jane", note=note)
        write_export(path, opened.rows())
        assert read_resolutions(path, opened) == []
    assert csv.reader(io.StringIO(path.read_text("utf-8-sig")))


def test_all_or_nothing_holds_against_the_file_as_well(journal: str):
    from pandapon_async._journal.resolving import Resolution

    with Journal.open(journal) as opened, pytest.raises(JournalError):
        opened.resolve_all([Resolution("o-1", "pending"), Resolution("o-0", "pending")], by="Jane", note="")
    assert states(journal) == UNTOUCHED
