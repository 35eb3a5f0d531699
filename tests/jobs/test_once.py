"""One booking as a unit: called any number of times, from anywhere, it is made once."""

from __future__ import annotations

import asyncio
import multiprocessing
import random
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pandapon_async import (
    NOT_BOOKED,
    BookingJob,
    ConfigError,
    Credentials,
    InputError,
    Journal,
    JournalError,
    PandaPonSession,
    book_once,
)
from pandapon_async._journal.sql.store import SqlStore
from pandapon_async._journal.store import Ending
from pandapon_async.api.logistics import DomesticShipmentUpdate
from pandapon_async.testing import FakeVendor, Faults
from tests.jobs.support import recorded
from tests.journal.support import asked
from tests.postgres import PostgresServer
from tests.support import AT_ONCE, booking, local_profile, session_at, spin, until, yes


@pytest.fixture(params=["sqlite", "postgres"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    where: str = str(tmp_path / "j.db") if request.param == "sqlite" else request.getfixturevalue("postgres").fresh()
    return where


async def test_however_often_it_is_called_it_is_made_once(vendor: FakeVendor, panda: PandaPonSession, journal: str):
    outcomes = await asyncio.gather(
        *[book_once(panda, booking("R1"), reference="a", journal=journal) for _ in range(9)]
    )
    assert vendor.ledger.bookings == {"R1": 1}
    assert [outcome.recorded for outcome in outcomes] == ["done"] * 9
    again = await book_once(panda, booking("R1"), reference=" a ", journal=journal)
    assert (again.ok, again.data) == (True, outcomes[0].data)


async def test_the_journal_stays_open_as_long_as_the_session(vendor: FakeVendor, postgres: PostgresServer):
    url = postgres.fresh()
    async with session_at(vendor.profile("pandapon", retry=AT_ONCE)) as session:
        for number in range(3):
            await book_once(session, booking(f"R{number}"), reference=f"a-{number}", journal=url)
        assert asked(url, "SELECT ended IS NULL FROM workers") == [(True,)]
    assert asked(url, "SELECT ended IS NULL FROM workers") == [(False,)]


async def test_what_is_in_doubt_is_asked_for_and_not_sent_again(
    vendor: FakeVendor, panda: PandaPonSession, journal: str
):
    vendor.script("drop_after")
    first = await book_once(panda, booking("R1"), reference="a", journal=journal)
    second = await book_once(panda, booking("R1"), reference="a", journal=journal)
    assert (first.recorded, second.recorded) == ("unknown", "unknown")

    async def finds_nothing(_: object, __: object) -> object:
        return NOT_BOOKED

    third = await book_once(panda, booking("R1"), reference="a", journal=journal, reconcile=finds_nothing)
    assert third.recorded == "unknown"  # too soon to believe it
    assert vendor.ledger.bookings == {"R1": 1}


async def test_a_request_id_that_no_database_has_loses_nothing(
    vendor: FakeVendor, panda: PandaPonSession, journal: str
):
    data = {"orderId": "77", "orderFee": {"amount": "5", "currency": "USD"}}
    vendor.script({"json": {**yes(data), "requestId": "a\x00b"}})
    outcome = await book_once(panda, booking("R1"), reference="order-1", journal=journal)
    assert (outcome.recorded, outcome.order_id) == ("done", "77")
    with Journal.open(journal) as opened:
        row = opened.get("order-1")
        assert (row.request_id, row.reply["requestId"]) == ("a b", "a\x00b")


async def at_once(work: Callable[..., Any], *args: Any) -> Any:
    return work(*args)


@pytest.mark.parametrize("rounds", range(12))
@pytest.mark.parametrize("alone", [None, 0, 1, 2, 3], ids=lambda rounds: f"alone-{rounds}")
async def test_whoever_cancels_all_tasks_while_the_journal_opens_can_open_it_again(
    vendor: FakeVendor,
    panda: PandaPonSession,
    journal: str,
    monkeypatch: pytest.MonkeyPatch,
    rounds: int,
    alone: int | None,
):
    """As an interrupted `asyncio.run` does, in a process that goes on; or the call ``alone`` is cancelled, and all tasks soon after."""
    if alone is not None:  # the moments at which it has just been opened are found by counting the loop's rounds
        monkeypatch.setattr(asyncio, "to_thread", at_once)
    others = asyncio.all_tasks()
    calling = asyncio.ensure_future(BookingJob(panda, journal=journal).book(booking("R1"), "order-1"))
    await spin(rounds)
    if alone is not None:
        calling.cancel()
        await spin(alone)
    for task in asyncio.all_tasks() - others:
        task.cancel()
    await asyncio.wait([calling])
    for _ in range(20_000):
        try:
            outcome = await BookingJob(panda, journal=journal).book(booking("R1"), "order-1")
            break
        except JournalError:  # the thread that opens it has not ended
            await asyncio.sleep(0.0005)
    else:
        raise AssertionError("it stays in use")
    assert outcome.recorded in ("done", "unknown")
    assert vendor.ledger.doubled == {}


@pytest.mark.parametrize("gap", range(1, 10))
async def test_a_run_that_is_cancelled_twice_while_it_begins_has_ended(
    panda: PandaPonSession, journal: str, monkeypatch: pytest.MonkeyPatch, gap: int
):
    async with BookingJob(panda, journal=journal) as job:
        async with job.run([booking("R1")]):
            pass  # it is left waiting
        take, has_taken = SqlStore.take_unfinished, asyncio.Event()

        async def take_and_stall(store: SqlStore, run: int) -> None:
            await take(store, run)
            has_taken.set()
            await asyncio.Event().wait()

        with monkeypatch.context() as patch:
            patch.setattr(SqlStore, "take_unfinished", take_and_stall)
            entering = asyncio.ensure_future(job.run().__aenter__())
            await has_taken.wait()
            for _ in range(2):
                entering.cancel()
                await spin(gap)
            await asyncio.wait([entering])
        async with job.run() as outcomes:
            assert [outcome.state async for outcome in outcomes] == ["done"]


async def test_what_waits_is_sent_by_the_next_call(vendor: FakeVendor, panda: PandaPonSession, journal: str):
    vendor.script(401)
    assert (await book_once(panda, booking("R1"), reference="a", journal=journal)).recorded == "pending"
    assert (await book_once(panda, booking("R1"), reference="a", journal=journal)).recorded == "done"


async def test_another_body_is_refused_and_another_s_parcel_is_held_unless_it_may_be(
    vendor: FakeVendor, panda: PandaPonSession, journal: str
):
    await book_once(panda, booking("R1"), reference="a", journal=journal)
    with pytest.raises(InputError, match="another booking under this reference"):
        await book_once(panda, booking("R2"), reference="a", journal=journal)
    held = await book_once(panda, booking("R1"), reference="b", journal=journal)
    assert (held.state, held.recorded) == ("held", None)
    allowed = await book_once(panda, booking("R1"), reference="b", journal=journal, allow_same_parcel=True)
    assert allowed.recorded == "done"


async def test_of_any_write_operation(vendor: FakeVendor, panda: PandaPonSession, journal: str):
    update = DomesticShipmentUpdate(order_id="21", tmall_order_id="22")
    assert (await book_once(panda, update, reference="a", journal=journal)).recorded is not None
    with Journal.open(journal) as opened:
        assert [row.operation for row in opened.rows()] == ["logistics.update_domestic_shipment"]


async def test_what_another_worker_has_under_way_is_told_and_left_to_it(
    vendor: FakeVendor, panda: PandaPonSession, postgres: PostgresServer
):
    url = postgres.fresh()
    vendor.script(401)
    await book_once(panda, booking("R1"), reference="a", journal=url)
    async with session_at(vendor.profile("pandapon", retry=AT_ONCE)) as other:
        vendor.script(401)
        await book_once(other, booking("R2"), reference="b", journal=url)
        (held,) = [held for held in other._client.state.open_streams if hasattr(held, "job")]
        async with held.job._journal as open_journal:
            sent = await open_journal.store.sent(await open_journal.store.find("a"))
            outcome = await book_once(panda, booking("R1"), reference="a", journal=url)
            assert (outcome.state, outcome.recorded) == ("skipped", "sent")
            await open_journal.store.ended(sent, Ending(state="done"))
    assert recorded(url)["a"] == "done"
    assert "R1" not in vendor.ledger.bookings


# --- engines that are many, or impatient -------------------------------------------------------------------------------

REFERENCES = [f"order-{number}" for number in range(5)]


@pytest.fixture
def shop() -> Iterator[FakeVendor]:
    with FakeVendor(faults=Faults(latency=0.05)) as vendor:
        yield vendor


def work(vendor: tuple[str, str, str, str], journal: str) -> list[str | None]:
    """An engine's worker, on a loop of its own: it tries each reference again until it has ended."""

    async def booked(session: PandaPonSession, reference: str) -> str | None:
        while True:
            try:
                outcome = await book_once(session, booking(reference), reference=reference, journal=journal)
            except JournalError:  # another one has the file
                outcome = None
            if outcome is not None and outcome.recorded not in ("pending", "sent"):
                return outcome.order_id
            await asyncio.sleep(0.05)

    async def main() -> list[str | None]:
        url, key, secret, user = vendor
        keys = Credentials(access_key=key, access_secret=secret, user_id=user)
        async with session_at(local_profile(0, base_url=url, credentials=keys)) as session:
            return [await booked(session, reference) for reference in REFERENCES]

    return asyncio.run(main())


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_workers_that_are_given_the_same_book_it_once(kind: str, shop: FakeVendor, journal: str):
    profile = shop.profile("pandapon")
    keys = profile.credentials
    assert keys is not None
    at = (profile.base_url, keys.access_key, keys.access_secret, keys.user_id or "")
    pool: Executor = (
        ThreadPoolExecutor(3)
        if kind == "threads"
        else ProcessPoolExecutor(3, mp_context=multiprocessing.get_context("spawn"))
    )
    with pool:
        found = list(pool.map(work, [at] * 3, [journal] * 3))
    assert shop.ledger.bookings == dict.fromkeys(REFERENCES, 1)
    assert found == [found[0]] * 3
    assert len(set(found[0])) == len(REFERENCES)


async def test_what_an_engine_cuts_off_at_any_moment_and_repeats_is_made_once(
    vendor: FakeVendor, panda: PandaPonSession, journal: str
):
    vendor.faults = Faults(latency=0.01, jitter=0.02)
    dice = random.Random(1)
    for number in range(20):
        for _ in range(3):
            made = book_once(panda, booking(f"R{number}"), reference=f"r{number}", journal=journal)
            try:
                await asyncio.wait_for(made, dice.uniform(0, 0.06))
            except asyncio.TimeoutError:
                continue
    again = [
        await book_once(panda, booking(f"R{number}"), reference=f"r{number}", journal=journal) for number in range(20)
    ]
    assert {outcome.recorded for outcome in again} == {"done"}
    assert vendor.ledger.bookings == {f"R{number}": 1 for number in range(20)}


async def test_a_journal_that_is_away_at_the_beginning_is_an_error_and_one_that_is_away_at_the_end_is_waited_for(
    vendor: FakeVendor, panda: PandaPonSession, postgres: PostgresServer
):
    url = postgres.fresh()
    postgres.kill()
    with pytest.raises(JournalError):
        await book_once(panda, booking("R1"), reference="a", journal=url)
    await asyncio.to_thread(postgres.start)
    assert (await book_once(panda, booking("R1"), reference="a", journal=url)).recorded == "done"
    vendor.faults = Faults(latency=0.2)
    making = asyncio.ensure_future(book_once(panda, booking("R2"), reference="b", journal=url))
    await until(lambda: vendor.ledger.seen.total() == 2)
    postgres.kill()
    await asyncio.to_thread(postgres.start)
    assert (await making).recorded == "done"
    assert vendor.ledger.bookings == {"R1": 1, "R2": 1}


async def test_a_session_that_is_closed_or_another_loop_s_is_refused_before_the_journal_is_opened(
    panda: PandaPonSession, vendor: FakeVendor, tmp_path: Path
):
    journal = tmp_path / "j.db"
    await panda.logistics.book_freight(booking("R0"))

    def elsewhere() -> None:
        with pytest.raises(ConfigError, match="another event loop"):
            asyncio.run(book_once(panda, booking("R1"), reference="a", journal=journal))

    await asyncio.to_thread(elsewhere)
    async with session_at(vendor.profile("pandapon")) as closed:
        pass
    with pytest.raises(ConfigError, match="closed"):
        await book_once(closed, booking("R1"), reference="a", journal=journal)
    assert not journal.exists()
