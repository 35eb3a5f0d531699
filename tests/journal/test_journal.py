"""The journal on disk: its file, its lock, reading, settling by hand, erasing."""

# ruff: noqa: ASYNC221, ASYNC240 - small files of this machine

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import tracemalloc
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pandapon_async import BookingJob, Journal, JournalError, PandaPonSession
from pandapon_async._clock import SystemClock
from pandapon_async._journal.resolving import Resolution
from pandapon_async._journal.sqlite.file import open_to_write
from pandapon_async._journal.sqlite.store import SqliteStore
from pandapon_async._journal.store import Entry
from pandapon_async._models.digest import digest_of
from pandapon_async.api.logistics import Money, ReceiverAddress
from pandapon_async.testing import FakeVendor
from tests.jobs.support import KEY, pairs, ran, recorded, row_of, states
from tests.support import booking

USD = Money(amount=Decimal("12.50"), currency="USD")
TOMORROW = datetime.now(timezone.utc) + timedelta(days=1)


def now() -> datetime:
    return datetime.now(timezone.utc)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bookings.db"


@pytest.fixture
async def mixed(vendor: FakeVendor, panda: PandaPonSession, path: Path) -> Path:
    """order-0 done, order-1 refused, order-2 unknown, order-3 pending."""
    vendor.script("ok", "refuse", "drop_after", 401)
    await ran(BookingJob(panda, journal=path, concurrency=1), pairs(4))
    assert recorded(path) == {"order-0": "done", "order-1": "refused", "order-2": "unknown", "order-3": "pending"}
    return path


# --- the file ----------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX")
async def test_only_its_owner_may_read_it(panda: PandaPonSession, path: Path):
    path.touch(0o644)
    async with BookingJob(panda, journal=path).run(pairs(1)):
        for file in path.parent.iterdir():
            assert file.stat().st_mode & 0o777 == 0o600, file


async def test_no_credential_is_in_it(vendor: FakeVendor, panda: PandaPonSession, path: Path):
    await ran(BookingJob(panda, journal=path), pairs(3))
    keys = panda.profile.credentials
    assert keys is not None
    content = path.read_bytes()
    assert keys.access_key.encode() not in content
    assert keys.access_secret.encode() not in content


def other_database(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (x)")


def newer(path: Path) -> None:
    open_to_write(path, create=True).close()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


def older(path: Path) -> None:
    newer(path)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 1")


WRONG: dict[str, tuple[Any, str]] = {
    "text": (lambda path: path.write_text("reference,state\n" * 9), "not a journal"),
    "another program's": (other_database, "another program's database"),
    "newer": (newer, "newer release"),
    "of the first version": (older, "version 1, from before the first release"),
    "a folder": (lambda path: path.mkdir(), "not a file"),
}


@pytest.mark.parametrize("kind", WRONG)
async def test_what_is_no_journal_is_refused_and_left_as_it_is(panda: PandaPonSession, path: Path, kind: str):
    make, expected = WRONG[kind]
    make(path)
    before = path.read_bytes() if path.is_file() else b""
    with pytest.raises(JournalError, match=expected):
        await ran(BookingJob(panda, journal=path), pairs(1))
    with pytest.raises(JournalError, match=expected):
        Journal.open(path)
    assert (path.read_bytes() if path.is_file() else b"") == before


@pytest.mark.parametrize("damage", ["truncated", "overwritten"])
async def test_a_damaged_journal_is_refused_and_left_as_it_is(
    vendor: FakeVendor, panda: PandaPonSession, path: Path, damage: str
):
    await ran(BookingJob(panda, journal=path), pairs(200))
    whole = path.read_bytes()
    bad = whole[: len(whole) // 2 + 100] if damage == "truncated" else whole[:4096] + b"\xff" * 8192 + whole[12288:]
    path.write_bytes(bad)
    with pytest.raises(JournalError, match=r"damaged|malformed|can't be used"):
        await ran(BookingJob(panda, journal=path), pairs(1))
    assert path.read_bytes() == bad


@pytest.mark.parametrize("kind", ["zero bytes", "no tables"])
async def test_an_empty_file_is_a_fresh_journal(panda: PandaPonSession, path: Path, kind: str):
    path.touch()
    if kind == "no tables":
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("VACUUM")
    with pytest.raises(JournalError, match="empty"):
        Journal.open(path)
    assert states(await ran(BookingJob(panda, journal=path), pairs(1))) == {"order-0": "done"}


def test_reading_needs_a_journal(path: Path):
    with pytest.raises(JournalError, match="there is no journal"):
        Journal.open(path)
    assert not path.exists()


# --- the lock ----------------------------------------------------------------------------------------------------------


async def test_a_second_job_of_the_account_is_refused_and_reading_is_allowed(panda: PandaPonSession, path: Path):
    async with BookingJob(panda, journal=path).run(pairs(2)):
        with pytest.raises(JournalError, match="another job"):
            await ran(BookingJob(panda, journal=path), pairs(1))
        assert set(recorded(path).values()) == {"pending"}
    assert states(await ran(BookingJob(panda, journal=path), pairs(1))) == {"order-0": "done"}


async def test_another_process_is_refused_and_told_who_has_it(panda: PandaPonSession, path: Path):
    code = (
        "import sys; from pathlib import Path; from pandapon_async._journal.sqlite.lock import account_lock; "
        "account_lock(Path(sys.argv[1]), 'pandapon', 'pandapon').acquire()"
    )
    command = [sys.executable, "-c", code, str(path)]
    async with BookingJob(panda, journal=path).run(pairs(1)):
        refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert f"another job is using it (process {os.getpid()} on " in refused.stderr
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


# --- reading -----------------------------------------------------------------------------------------------------------


async def test_rows_by_state_and_counts_and_fees(mixed: Path, vendor: FakeVendor):
    with Journal.open(mixed) as journal:
        assert [row.reference for row in journal.rows(state="unknown")] == ["order-2"]
        assert journal.counts() == {"pending": 1, "sent": 0, "done": 1, "refused": 1, "unknown": 1, "void": 0}
        paid = row_of(mixed, "order-0").fee
        assert paid is not None
        assert [(total.account, total.currency, total.net) for total in journal.totals()] == [
            ("pandapon", "USD", paid.amount)
        ]
        assert [row.reference for row in journal.rows(until=TOMORROW)] == [f"order-{n}" for n in range(4)]
        assert list(journal.rows(since=TOMORROW)) == []
        with pytest.raises(JournalError, match="did you mean 'done'"):
            list(journal.rows(state="don"))  # type: ignore[arg-type]
        with pytest.raises(JournalError, match="no row has it"):
            journal.get("order-9")


def test_the_digest_is_the_same_in_every_release():
    body = {"renderId": "FF1", "remark": "口岸", "lineItems": [{"quantity": 2, "title": None}], "price": "1.50"}
    assert digest_of(body) == "v1-3bf5d29e28a17f95ed6bd530e09dc4632e533a2c"
    assert digest_of({**body, "nothing": None}) == digest_of(dict(reversed(body.items())))


async def test_rows_are_read_a_page_at_a_time(path: Path):
    filler = json.dumps({"remark": "x" * 2000})
    store = await SqliteStore.open(path, KEY, SystemClock())
    for first in range(0, 10_000, 1000):
        entries = [Entry(n, f"order-{n}", False, filler) for n in range(first, first + 1000)]
        await store.admit(entries, 0, retry_refused=False)
    await store.close()
    with Journal.open(path) as journal:
        tracemalloc.start()
        try:
            assert sum(1 for _ in journal.rows()) == 10_000
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 6_000_000


# --- by hand -----------------------------------------------------------------------------------------------------------


async def test_one_in_doubt_is_settled_as_done(mixed: Path):
    with Journal.open(mixed) as journal:
        row = journal.resolve("order-2", "done", order_id="21", fee=USD, tracking=["T1", "T2"], by="jane", note="seen")
    assert (row.state, row.order_id, row.fee, row.tracking) == ("done", "21", USD, ("T1", "T2"))
    assert (row.resolved_by, row.note, row.error) == ("jane", "seen", None)
    assert [(step.state, step.by) for step in row.history][-2:] == [("unknown", "job"), ("done", "jane")]


async def test_one_that_is_pending_by_hand_is_sent_again(mixed: Path, panda: PandaPonSession, vendor: FakeVendor):
    with Journal.open(mixed) as journal:
        journal.resolve("order-1", "pending", by="jane", note="mended at the vendor")
    outcomes = await ran(BookingJob(panda, journal=mixed))
    assert states(outcomes) == {"order-1": "done", "order-2": "skipped", "order-3": "done"}


async def test_a_done_one_can_be_void(mixed: Path):
    with Journal.open(mixed) as journal:
        assert journal.resolve("order-0", "void", by="jane", note="cancelled").state == "void"


@pytest.mark.parametrize(
    ("reference", "state"),
    [("order-0", "pending"), ("order-3", "done"), ("order-2", "void"), ("order-2", "refused"), ("order-0", "sent")],
)
async def test_other_settlements_are_refused(mixed: Path, reference: str, state: Any):
    before = recorded(mixed)
    with Journal.open(mixed) as journal, pytest.raises(JournalError, match="by hand"):
        journal.resolve(reference, state, by="jane", note="x")
    assert recorded(mixed) == before


async def test_several_are_settled_all_or_none(mixed: Path):
    before = recorded(mixed)
    both = [Resolution("order-2", "done"), Resolution("order-0", "pending")]
    with Journal.open(mixed) as journal, pytest.raises(JournalError, match="order-0"):
        journal.resolve_all(both, by="jane", note="x")
    assert recorded(mixed) == before


async def test_who_settles_must_be_named(mixed: Path):
    with Journal.open(mixed) as journal, pytest.raises(JournalError, match="named"):
        journal.resolve("order-2", "done", by=" ", note="x")


# --- erasing -----------------------------------------------------------------------------------------------------------


async def test_what_is_erased_is_in_none_of_its_files(vendor: FakeVendor, panda: PandaPonSession, path: Path):
    receiver = ReceiverAddress(name="Jane Qwertz-Example", address="1 Test Street")
    requests = [(f"order-{n}", booking(f"R{n}", receiver_address=receiver)) for n in range(300)]
    await ran(BookingJob(panda, journal=path), requests)
    assert b"Qwertz" in path.read_bytes()
    before = row_of(path, "order-7")
    with Journal.open(path) as journal:
        assert journal.forget_before(datetime.now(timezone.utc) - timedelta(days=1)) == 0
        assert journal.forget_before(now()) == 300
        for file in path.parent.iterdir():
            assert b"Qwertz" not in file.read_bytes()
        after = journal.get("order-7")
    assert (after.body, after.reply) == (None, None)
    assert (after.reference, after.state, after.order_id, after.fee) == ("order-7", "done", before.order_id, before.fee)
    outcomes = await ran(BookingJob(panda, journal=path), requests[:5])
    assert {outcome.state for outcome in outcomes} == {"skipped"}


async def test_old_bodies_are_erased_from_the_history_too(vendor: FakeVendor, panda: PandaPonSession, path: Path):
    vendor.script("refuse")
    await ran(BookingJob(panda, journal=path), [("a", booking("R1", remark="Qwertz"))])
    await ran(BookingJob(panda, journal=path), [("a", booking("R2"))])
    assert b"Qwertz" in path.read_bytes()
    with Journal.open(path) as journal:
        journal.forget_before(now())
    assert b"Qwertz" not in path.read_bytes()
    assert len(row_of(path, "a").history) == 6


async def test_what_is_not_over_keeps_its_body(mixed: Path):
    with Journal.open(mixed) as journal:
        assert journal.forget_before(now()) == 2
        assert {row.reference for row in journal.rows() if row.body is not None} == {"order-2", "order-3"}
        with pytest.raises(JournalError, match="erased"):
            journal.resolve("order-1", "pending", by="jane", note="x")


# --- a full disk -------------------------------------------------------------------------------------------------------


async def test_a_full_disk_leaves_a_consistent_journal(vendor: FakeVendor, panda: PandaPonSession, small_disk: Path):
    path = small_disk / "bookings.db"
    job = BookingJob(panda, journal=path, check="stream", concurrency=8)
    requests = [(f"order-{n}", booking(f"R{n}", remark="x" * 500)) for n in range(2000)]
    with contextlib.suppress(JournalError):
        await ran(job, requests)
    booked = vendor.ledger.bookings
    assert 0 < len(booked) < 2000
    rows = recorded(path)
    assert {f"order-{key[1:]}" for key in booked} <= {key for key, state in rows.items() if state in ("done", "sent")}
    assert vendor.ledger.doubled == {}


async def test_a_full_disk_sends_nothing_if_the_input_does_not_fit(
    vendor: FakeVendor, panda: PandaPonSession, small_disk: Path
):
    requests = [(f"order-{n}", booking(f"R{n}", remark="x" * 5000)) for n in range(1000)]
    with pytest.raises(JournalError, match=r"could not be written|full"):
        await ran(BookingJob(panda, journal=small_disk / "bookings.db"), requests)
    assert vendor.ledger.seen == {}
