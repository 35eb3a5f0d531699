"""Workers that send what was submitted, and are killed, as is PostgreSQL: nothing is booked twice, nothing is lost."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pandapon_async import BookingJob, InputError, Journal, JournalError
from pandapon_async._fleet.queue import CHANNEL, TwoConnections, rows_in
from pandapon_async._fleet.submit import Share, submit
from pandapon_async._journal.places import place_of, reader_of
from pandapon_async._journal.postgres.connection import connected_async
from pandapon_async._journal.postgres.url import PostgresUrl
from pandapon_async.api.logistics import ReceiverAddress
from pandapon_async.testing import FakeVendor, Faults
from tests.cli.conftest import Pandapon, environment, order, process
from tests.jobs.support import pairs, ran, states
from tests.jobs.test_kill import FAULTS
from tests.postgres import PostgresServer
from tests.support import booking, most_at_once, session_at, until as until_async

BOOKINGS = int(os.environ.get("PANDAPON_TEST_FLEET_BOOKINGS", "300"))
KILLS = int(os.environ.get("PANDAPON_TEST_FLEET_KILLS", "5"))
RESTARTS = int(os.environ.get("PANDAPON_TEST_FLEET_RESTARTS", "1"))
PAYLOADS = "SELECT payload FROM pandapon_queue.pgqueuer"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    return postgres.fresh()


@pytest.fixture
def shop() -> Iterator[FakeVendor]:
    with FakeVendor() as vendor:
        yield vendor


async def submitted(vendor: FakeVendor, url: str, count: int, job: str = "night") -> dict[Any, int]:
    async with session_at(vendor.profile("pandapon")) as session:
        return await submit([Share(session, pairs(count))], url, job)


@contextlib.contextmanager
def workers(vendor: FakeVendor, url: str, count: int, **environment: str) -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that work; they don't outlive the block."""
    running = [worker(vendor, url, **environment) for _ in range(count)]
    try:
        yield running
    finally:
        for one in running:
            one.kill()
            one.communicate()


def worker(vendor: FakeVendor, url: str, **environment: str) -> subprocess.Popen[str]:
    """One such process; its environment: see there."""
    profile = vendor.profile("pandapon")
    keys = profile.credentials
    assert keys is not None
    command = [sys.executable, "-m", "tests.fleet.worker_child", profile.base_url, keys.access_key, keys.access_secret]
    command += [keys.user_id or "", url]
    pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    return subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environment}, text=True, **pipes)


def counts(url: str) -> dict[str, int]:
    """How the journal stands; nothing while PostgreSQL is away."""
    with contextlib.suppress(JournalError), Journal.open(url) as journal:
        return dict(journal.counts())
    return {}


def until(true: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it doesn't come to that"
        time.sleep(0.1)


def has_ended(url: str) -> bool:
    found = counts(url)
    return bool(found) and not found["pending"] and not found["sent"]


def test_workers_that_are_killed_and_replaced_book_nothing_twice_and_lose_nothing(url: str, postgres: PostgresServer):
    moments = random.Random(3)
    with FakeVendor(faults=FAULTS) as vendor:
        asyncio.run(submitted(vendor, url, BOOKINGS))
        restarts = {(number + 1) * KILLS // (RESTARTS + 1) for number in range(RESTARTS)}
        with workers(vendor, url, 4) as running:
            until(lambda: counts(url).get("done", 0) > 0)
            for kill in range(KILLS):
                time.sleep(moments.uniform(0, 1))
                victim = moments.randrange(len(running))
                running[victim].kill()
                running[victim].communicate()
                running[victim] = worker(vendor, url)
                if kill in restarts:
                    postgres.kill()
                    postgres.start()
            until(lambda: has_ended(url))
        found = judged(vendor, url, BOOKINGS)
        print(f"{BOOKINGS} bookings, {KILLS} kills, {RESTARTS} restarts of PostgreSQL: {found}")
        assert found["unknown"] < BOOKINGS / 2


def judged(vendor: FakeVendor, url: str, bookings: int) -> dict[str, int]:
    """How the journal stands, once the vendor's ledger has agreed: nothing twice, nothing lost, nothing done that isn't there."""
    with Journal.open(url) as journal:
        found = journal.counts()
        done = {row.reference: row.order_id for row in journal.rows(state="done")}
    assert sum(found.values()) == bookings
    assert found["done"] + found["unknown"] + found["refused"] == bookings
    assert not vendor.ledger.doubled
    assert len(set(done.values())) == len(done)
    booked = set(vendor.ledger.bookings)
    assert {f"R{reference.removeprefix('order-')}" for reference in done} <= booked
    assert len(booked) <= found["done"] + found["unknown"]
    return dict(found)


def test_workers_have_no_more_under_way_than_the_account_may(url: str, shop: FakeVendor):
    shop.faults = Faults(latency=0.1)
    asyncio.run(submitted(shop, url, 100))
    with workers(shop, url, 4, CONCURRENCY="5"):
        until(lambda: has_ended(url))
    assert 1 < most_at_once(shop) <= 5
    assert counts(url)["done"] == 100


async def test_asked_to_stop_a_worker_ends_what_is_under_way_and_gives_the_rest_back_at_once(
    url: str, postgres: PostgresServer, shop: FakeVendor
):
    shop.faults = Faults(latency=0.3)
    await submitted(shop, url, 300)
    with workers(shop, url, 1) as (one,):
        until(lambda: shop.ledger.requests)
        one.send_signal(signal.SIGTERM)
        _, errors = one.communicate(timeout=60)
    assert one.returncode == 0, errors
    found = counts(url)
    assert found["sent"] == found["unknown"] == 0
    assert found["done"] == len(shop.ledger.bookings) > 0
    assert found["pending"] > 0
    given_back = "SELECT 1 FROM pandapon_queue.pgqueuer_log WHERE status = 'queued' AND traceback IS NOT NULL"
    assert postgres.run("postgres", given_back)
    waiting = "SELECT COUNT(*) FROM pandapon_queue.pgqueuer WHERE status = 'queued' AND execute_after <= now()"
    assert postgres.run("postgres", f"{waiting} AND attempts = 0") == [(len(queued(postgres)),)]
    with workers(shop, url, 1):
        until(lambda: has_ended(url))
    assert judged(shop, url, 300)["done"] == 300


async def test_asked_twice_a_worker_leaves_what_is_under_way_in_doubt_and_the_rest_in_the_queue(
    url: str, postgres: PostgresServer, shop: FakeVendor
):
    shop.faults = Faults(latency=50)
    await submitted(shop, url, 300)
    with workers(shop, url, 1) as (one,):
        until(lambda: len(shop.ledger.requests) == 16)

        def asked() -> bool:
            one.send_signal(signal.SIGTERM)
            return one.poll() is not None

        until(asked, 40)
    found = counts(url)
    assert (found["unknown"], found["pending"], found["sent"]) == (16, 284, 0)
    with contextlib.closing(reader_of(place_of(url))) as reader:
        pending = {number for (number,) in reader.read("SELECT id FROM rows WHERE state = 'pending'")}
    assert pending <= {*rows_of_pages(postgres)}


async def test_a_desk_that_books_what_the_workers_have_books_nothing_twice(url: str, shop: FakeVendor):
    shop.faults = Faults(latency=0.01)
    await submitted(shop, url, 100)
    with workers(shop, url, 2):
        async with session_at(shop.profile("pandapon")) as session:
            assert set(states(await ran(BookingJob(session, journal=url), pairs(100))).values()) <= {"done", "skipped"}
        until(lambda: has_ended(url))
    assert counts(url)["done"] == 100
    assert len(shop.ledger.bookings) == 100
    assert not shop.ledger.doubled


async def test_the_history_says_which_worker_sent_it(url: str, shop: FakeVendor):
    await submitted(shop, url, 1)
    with workers(shop, url, 1) as (one,):
        until(lambda: has_ended(url))
    with Journal.open(url) as journal:
        (row,) = journal.rows()
    assert f"process {one.pid} on " in str(row.history[1].note)


# --- submitting ---


def queued(postgres: PostgresServer) -> list[Any]:
    return postgres.run("postgres", "SELECT * FROM pandapon_queue.pgqueuer")


def rows_of_pages(postgres: PostgresServer) -> list[int]:
    return [row for (page,) in postgres.run("postgres", PAYLOADS) for row in rows_in(bytes(page))]


async def test_what_is_submitted_again_is_queued_once(url: str, postgres: PostgresServer, shop: FakeVendor):
    assert (await submitted(shop, url, 5))["pending"] == 5
    assert (await submitted(shop, url, 7, "morning"))["pending"] == 7
    assert len(queued(postgres)) == 7


@pytest.mark.parametrize(("count", "pages", "largest"), [(5, 5, 1), (300, 30, 10), (1100, 32, 35), (2200, 35, 64)])
async def test_rows_are_queued_in_pages_of_which_several_workers_get_some(
    url: str, postgres: PostgresServer, shop: FakeVendor, count: int, pages: int, largest: int
):
    await submitted(shop, url, count)
    found = [rows_in(bytes(row)) for (row,) in postgres.run("postgres", PAYLOADS)]
    assert (len(found), max(map(len, found))) == (pages, largest)
    assert sorted(row for page in found for row in page) == sorted(set(range(1, count + 1)))


async def test_what_is_submitted_again_is_queued_again_if_a_worker_may_have_looked_at_it(
    url: str, postgres: PostgresServer, shop: FakeVendor
):
    await submitted(shop, url, 40)
    take = "UPDATE pandapon_queue.pgqueuer SET status = 'picked', heartbeat = now() WHERE payload LIKE '1 %'"
    postgres.run("postgres", take)
    await submitted(shop, url, 40)
    assert sorted(rows_of_pages(postgres)) == [1, 1, 2, 2, *range(3, 41)]
    with workers(shop, url, 2):
        until(lambda: has_ended(url))
        until(lambda: not queued(postgres))  # the page that nobody has is taken up, too
    assert judged(shop, url, 40)["done"] == 40
    assert postgres.run("postgres", "SELECT * FROM pandapon_queue.pages") == []


async def test_the_queue_has_ids_of_rows_and_nothing_that_says_whose_they_are(
    url: str, postgres: PostgresServer, shop: FakeVendor
):
    receiver = ReceiverAddress(name="Jane Example", phone="5550100100", country="US")
    async with session_at(shop.profile("pandapon")) as session:
        await submit([Share(session, [("order-0", booking("R0", receiver_address=receiver))])], url, "night")
    with workers(shop, url, 1):
        until(lambda: has_ended(url))
    async with session_at(shop.profile("pandapon")) as session:
        await submit([Share(session, pairs(2, 10))], url, "morning")
    keys = shop.profile("pandapon").credentials
    assert keys is not None
    tables = ["pgqueuer", "pgqueuer_log", "pgqueuer_statistics"]
    text = str([postgres.run("postgres", f"SELECT * FROM pandapon_queue.{table}") for table in tables])
    for secret in ("Jane", "5550100100", "order-0", "R0", keys.access_key, keys.access_secret):
        assert secret not in text
    with contextlib.closing(reader_of(place_of(url))) as reader:
        known = {str(number).encode() for (number,) in reader.read("SELECT id FROM rows")}
    assert {number for (row,) in postgres.run("postgres", PAYLOADS) for number in bytes(row).split()} <= known


async def test_one_that_is_wrong_leaves_nothing_behind(url: str, postgres: PostgresServer, shop: FakeVendor):
    async with session_at(shop.profile("pandapon")) as session:
        with pytest.raises(InputError):
            await submit([Share(session, [*pairs(3), ("order-0", booking("R9"))])], url, "night")
    assert sum(counts(url).values()) == 0
    assert postgres.run("postgres", "SELECT to_regclass('pandapon_queue.pgqueuer')") == [(None,)]


async def test_what_can_not_be_queued_is_not_taken_in(url: str, postgres: PostgresServer, shop: FakeVendor):
    postgres.run("postgres", "CREATE SCHEMA pandapon_queue; CREATE TABLE pandapon_queue.pgqueuer (id INT)")
    with pytest.raises(JournalError):
        await submitted(shop, url, 3)
    assert sum(counts(url).values()) == 0


async def test_a_journal_on_disk_is_refused(tmp_path: Path, shop: FakeVendor):
    with pytest.raises(JournalError, match="need a journal in PostgreSQL"):
        await submitted(shop, str(tmp_path / "bookings.db"), 1)


async def test_a_worker_that_has_nothing_to_do_hears_of_new_pages_and_not_of_ended_ones(
    url: str, postgres: PostgresServer, shop: FakeVendor
):
    await submitted(shop, url, 1)
    heard: list[str] = []
    place = place_of(url)
    assert isinstance(place, PostgresUrl)
    async with (
        await connected_async(place) as listening,
        await connected_async(place) as working,
        TwoConnections(listening, working) as driver,
    ):
        await driver.add_listener(CHANNEL, lambda event: heard.append(json.loads(event)["operation"]))
        postgres.run("postgres", "DELETE FROM pandapon_queue.pgqueuer")
        await submitted(shop, url, 2)
        await until_async(lambda: "insert" in heard)
    assert "delete" not in heard


# --- the commands ---


@pytest.fixture
def keys(shop: FakeVendor, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**environment(shop, "pandapon"), "JOURNAL": url}.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def pandapon() -> Pandapon:
    """Runs a command as a process."""

    def invoke(*arguments: str) -> Any:
        with process(*arguments) as running:
            out, errors = running.communicate(timeout=60)
        return running.returncode, out, errors

    return invoke


@pytest.mark.usefixtures("keys")
def test_from_a_file_to_the_end_by_commands(pandapon: Any, tmp_path: Path, shop: FakeVendor):
    path = tmp_path / "orders.jsonl"
    path.write_text("\n".join(json.dumps(order(number)) for number in range(20)), encoding="utf-8")
    journal = ("--journal", "env:JOURNAL")
    assert pandapon("submit", str(path), *journal, "--job", "night") == (0, "night: 20 waiting\n", "")
    assert pandapon("status", *journal, "night")[0] == 4
    with process("worker", *journal) as working:
        status, out, errors = pandapon("status", *journal, "night", "--watch")
        assert (status, errors) == (0, "")
        assert out.splitlines()[-2].split() == ["booked", "(done)", "20"]
        assert f"process {working.pid} on " in out
        working.send_signal(signal.SIGTERM)
        _, errors = working.communicate(timeout=60)
    assert working.returncode == 0
    assert "20 bookings have ended here" in errors
    assert len(shop.ledger.bookings) == 20
    assert pandapon("status", *journal, "another")[0] == 2


@pytest.mark.usefixtures("keys")
def test_a_file_with_a_wrong_order_is_not_submitted(pandapon: Any, tmp_path: Path):
    path = tmp_path / "orders.jsonl"
    path.write_text("\n".join(json.dumps(one) for one in (order(0), {**order(1), "lineItems": 3})), encoding="utf-8")
    status, _, errors = pandapon("submit", str(path), "--journal", "env:JOURNAL")
    assert status == 2
    assert "line 2" in errors
    assert "Nothing was submitted" in errors


async def test_the_status_of_a_journal_on_disk(pandapon: Any, tmp_path: Path, shop: FakeVendor):
    path = tmp_path / "bookings.db"
    async with session_at(shop.profile("pandapon")) as session:
        await ran(BookingJob(session, journal=path), pairs(3))
    status, out, _ = pandapon("status", "--journal", str(path), "--json")
    assert (status, json.loads(out)["done"]) == (0, 3)
    status, _, errors = pandapon("status", "--journal", str(path), "night")
    assert status == 2
    assert "no booked file is named 'night'; files: none" in " ".join(errors.split())
