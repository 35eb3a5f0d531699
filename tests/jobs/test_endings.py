"""Endings that can't be written down as they should: what is told is what is on disk, and no outcome is lost."""

from __future__ import annotations

import asyncio
import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pandapon_async import BookingJob, Money, OutcomeUnknownError, VendorSession
from pandapon_async._journal.sql.changes import do_together
from pandapon_async._journal.sqlite.writer import Writer
from pandapon_async._journal.store import Ending
from pandapon_async.api.logistics import FreightBooking
from pandapon_async.testing import FakeVendor
from tests.jobs.support import pairs, ran, recorded, row_of, states
from tests.jobs.test_settling import made_but_not_on_disk, slow_disk
from tests.streams.test_stream import held
from tests.support import booking, local_profile, no, session_at, spin, until, yes

KINDS = ["pandapon", "xportcn_ka"]
BOTH = pytest.mark.parametrize("kind", KINDS)


# --- facts that somebody's own code gives ------------------------------------------------------------------------------


class Raising(BookingJob):
    def facts(self, data: FreightBooking | None) -> Ending:
        raise KeyError("a receiver's name")


class Cancelling(BookingJob):
    def facts(self, data: FreightBooking | None) -> Ending:
        raise asyncio.CancelledError


def giving(facts: Any) -> type[BookingJob]:
    class Giving(BookingJob):
        def facts(self, data: FreightBooking | None) -> Ending:
            return facts  # type: ignore[no-any-return]

    return Giving


WRONG: dict[str, type[BookingJob]] = {
    "they raise": Raising,
    "they raise a cancel": Cancelling,
    "they are none": giving(None),
    "an order id that is a number": giving(Ending(state="done", order_id=21)),  # type: ignore[arg-type]
    "an order id that can't be stored": giving(Ending(state="done", order_id="\ud800")),
    "an order id that no database has": giving(Ending(state="done", order_id="2\x001")),
    "a fee that is a number": giving(Ending(state="done", fee=5)),  # type: ignore[arg-type]
    "tracking that is None": giving(Ending(state="done", tracking=None)),  # type: ignore[arg-type]
    "tracking that holds None": giving(Ending(state="done", tracking=(None,))),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("kind", WRONG)
async def test_facts_that_are_wrong_lose_no_outcome(vendor: FakeVendor, account: VendorSession, path: Path, kind: str):
    job = WRONG[kind](account, journal=path, concurrency=1)
    (outcome,) = await ran(job, pairs(2))
    assert (outcome.state, outcome.recorded, outcome.error) == ("done", "done", None)
    assert outcome.problem is not None
    assert "facts()" in outcome.problem
    assert "receiver" not in outcome.problem
    assert job.report.stopped == outcome.problem
    row = row_of(path, "order-0")
    assert (row.state, row.reply["data"]) == ("done", vendor.ledger.replies["R0"])
    assert row.history[-1].note == outcome.problem
    assert recorded(path)["order-1"] == "pending"
    assert states(await ran(BookingJob(account, journal=path), pairs(2))) == {"order-0": "skipped", "order-1": "done"}
    assert vendor.ledger.bookings == {"R0": 1, "R1": 1}


async def test_a_state_that_facts_give_changes_nothing(vendor: FakeVendor, account: VendorSession, path: Path):
    job = giving(Ending(state="pending", order_id="21"))(account, journal=path)
    assert states(await ran(job, pairs(1))) == {"order-0": "done"}
    assert row_of(path, "order-0").state == "done"


async def test_an_empty_order_id_is_none(vendor: FakeVendor, account: VendorSession, path: Path):
    vendor.script({"json": yes({"orderId": "", "orderFee": None})}, {"json": yes({"orderId": " "})})
    outcomes = await ran(BookingJob(account, journal=path, concurrency=1), pairs(2))
    assert [(outcome.recorded, outcome.order_id) for outcome in outcomes] == [("done", None)] * 2


async def test_an_order_id_that_was_looked_up_and_is_anothers_leaves_it_in_doubt(
    vendor: FakeVendor, account: VendorSession, path: Path
):
    async def reconcile(_: Any, __: Any) -> FreightBooking:
        return FreightBooking(order_id="O1", order_fee=Money(amount=Decimal(1), currency="USD"))

    vendor.script({"json": yes({"orderId": "O1"})}, "drop_after")
    outcomes = await ran(BookingJob(account, journal=path, concurrency=1, reconcile=reconcile), pairs(2))
    assert (outcomes[1].state, outcomes[1].recorded, outcomes[1].order_id) == ("unknown", "unknown", None)
    assert "O1" in str(outcomes[1].error)
    assert "order-0" in str(outcomes[1].error)
    assert recorded(path) == {"order-0": "done", "order-1": "unknown"}


# --- a file that can't be written --------------------------------------------------------------------------------------


def full_for_endings(connection: sqlite3.Connection, items: Any) -> Any:
    if any(item.is_ending for item in items):
        raise sqlite3.OperationalError("database or disk is full")
    return do_together(connection, items)


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Writer, "PATIENCE", 0.0)
    monkeypatch.setattr("pandapon_async._journal.sqlite.writer.do_together", full_for_endings)


REPLIES = {
    "done": {"json": yes({"orderId": "O1"})},
    "refused": {"json": no(1)},
    "unknown": "drop_after",
    "pending": 401,
}


@pytest.mark.usefixtures("full_disk")
@pytest.mark.parametrize("state", REPLIES)
async def test_what_can_not_be_written_is_told_as_it_is_on_disk(
    vendor: FakeVendor, account: VendorSession, path: Path, state: str
):
    vendor.script(REPLIES[state])
    job = BookingJob(account, journal=path, concurrency=1)
    (outcome,) = await ran(job, pairs(2))
    assert (outcome.state, outcome.recorded) == (state, "sent")
    assert recorded(path) == {"order-0": "sent", "order-1": "pending"}
    assert job.report.stopped is not None


@BOTH
@pytest.mark.usefixtures("full_disk")
async def test_one_that_is_cut_off_then_is_told_all_the_same(path: Path, kind: str):
    async with held("R0", kind=kind) as (server, session):
        job = BookingJob(session, journal=path, drain=0.01)
        async with job.run(pairs(1)) as outcomes:
            reading = asyncio.ensure_future(anext(outcomes))
            await until(lambda: server.seen)
            reading.cancel()
        (outcome,) = outcomes.undelivered
    assert (outcome.state, outcome.recorded) == ("unknown", "sent")
    assert isinstance(outcome.error, OutcomeUnknownError)
    assert (job.report.unknown, recorded(path)) == (1, {"order-0": "sent"})


async def test_one_that_is_left_while_it_is_looked_up_is_told_as_it_is_on_disk(
    vendor: FakeVendor, account: VendorSession, path: Path
):
    asked = asyncio.Event()

    async def reconcile(_: Any, __: Any) -> Any:
        asked.set()
        await asyncio.Event().wait()

    vendor.script("drop_after")
    job = BookingJob(account, journal=path, drain=0.01, reconcile=reconcile)
    async with job.run([("order-0", booking("R0"))]) as outcomes:
        reading = asyncio.ensure_future(anext(outcomes))
        await asked.wait()
        await spin()
        reading.cancel()
    assert [(outcome.state, outcome.recorded) for outcome in outcomes.undelivered] == [("unknown", "unknown")]
    assert recorded(path) == {"order-0": "unknown"}


# --- a row that somebody else has moved --------------------------------------------------------------------------------


async def moved_meanwhile(job: BookingJob, state: str = "unknown") -> None:
    """What another process does that opens the file though the lock was deleted: it takes what is sent for left."""
    query = (
        f"UPDATE rows SET version = version + 1, state = '{state}', error = 'the job had ended' WHERE state = 'sent'"
    )
    async with job._journal as journal:
        await journal.store._writer.submit(lambda connection: connection.execute(query))


@pytest.mark.parametrize("state", ["unknown", "pending"])
@BOTH
async def test_a_yes_to_a_row_that_was_moved_is_in_doubt_with_its_order_id(path: Path, kind: str, state: str):
    async with held("R0", kind=kind) as (server, session):
        job = BookingJob(session, journal=path, concurrency=1)
        async with job.run(pairs(2)) as outcomes:
            reading = asyncio.ensure_future(anext(outcomes))
            await until(lambda: server.seen)
            await moved_meanwhile(job, state)
            server.release()
            outcome = await reading
    assert (outcome.state, outcome.recorded, outcome.order_id) == ("unknown", "unknown", "R0")
    assert isinstance(outcome.error, OutcomeUnknownError)
    assert "the vendor has made it (order id R0)" in str(outcome.error)
    assert recorded(path) == {"order-0": "unknown", "order-1": "pending"}
    assert (job.report.done, job.report.unknown, job.report.in_doubt) == (0, 1, ["order-0"])
    assert "changed by somebody else" in str(job.report.stopped)


@BOTH
async def test_a_single_booking_that_is_cut_off_is_never_told_another_s_order_id(path: Path, kind: str):
    async with held(kind=kind) as (server, session):
        await BookingJob(session, journal=path).book(booking("R0"), "order-0")
        server.held = {"R0"}
        async with session_at(local_profile(server.port, kind=kind)) as another:
            job = BookingJob(another, journal=path, drain=0, allow_same_parcel={"order-1"})
            async with job:
                single = asyncio.ensure_future(job.book(booking("R0"), "order-1"))
                await until(lambda: len(server.seen) == 2)
                async with slow_disk(job):
                    await made_but_not_on_disk(server, another)
                    single.cancel()
                    await spin()
                await asyncio.wait([single])
    assert recorded(path) == {"order-0": "done", "order-1": "unknown"}
    assert (job.report.done, job.report.unknown, job.report.in_doubt) == (0, 1, ["order-1"])


@pytest.mark.parametrize("nothing", [None, "", " ", 0, "0", "null", "N/A"])
async def test_what_stands_for_no_order_id_is_written_down_as_none(vendor: FakeVendor, path: Path, nothing: Any):
    vendor.script(*[{"json": yes({"orderId": nothing})}] * 2)
    async with session_at(vendor.profile("pandapon")) as session:
        outcomes = await ran(BookingJob(session, journal=path), pairs(2))
    assert [(outcome.recorded, outcome.order_id) for outcome in outcomes] == [("done", None)] * 2
    assert row_of(path, "order-1").order_id is None


async def test_a_yes_whose_data_says_no_is_in_doubt_and_kept(vendor: FakeVendor, path: Path):
    reply = yes({"success": False, "errorCode": "E1"})
    vendor.script({"json": reply})
    async with session_at(vendor.profile("pandapon")) as session:
        (outcome,) = await ran(BookingJob(session, journal=path), pairs(1))
        assert (outcome.recorded, row_of(path, "order-0").reply) == ("unknown", reply)
        assert "data.success false, data.errorCode E1" in str(row_of(path, "order-0").error)
        await ran(BookingJob(session, journal=path), pairs(1))
    assert sum(vendor.ledger.seen.values()) == 1
