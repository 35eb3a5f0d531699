"""Who has a booking under way: whoever else waits for it, gives up or is left takes nothing of it."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from pandapon_async import BookingJob, RetryPolicy
from pandapon_async.testing import FakeVendor
from tests.jobs.support import on_virtual_clock, ran, recorded, row_of, states
from tests.streams.test_stream import held
from tests.support import booking, spin, until

KINDS = ["pandapon", "xportcn_ka"]
BOTH = pytest.mark.parametrize("kind", KINDS)


async def cancelled(task: asyncio.Future[Any]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@BOTH
async def test_of_two_who_book_it_at_once_the_second_is_cancelled(path: Path, kind: str):
    async with held("A", kind=kind) as (server, session):
        job = BookingJob(session, journal=path)
        async with job:
            first = asyncio.ensure_future(job.book(booking("A"), reference="order-1"))
            await until(lambda: server.seen)
            second = asyncio.ensure_future(job.book(booking("A"), reference="order-1"))
            await spin()
            await cancelled(second)
            assert recorded(path) == {"order-1": "sent"}
            server.release()
            assert (await first).state == "done"
        assert states(await ran(job, [("order-1", booking("A"))])) == {"order-1": "skipped"}
    assert server.seen == ["A"]


@BOTH
async def test_of_two_who_book_it_at_once_the_first_is_cancelled(path: Path, kind: str):
    async with held("A", kind=kind) as (server, session), BookingJob(session, journal=path) as job:
        first = asyncio.ensure_future(job.book(booking("A"), reference="order-1"))
        await until(lambda: server.seen)
        second = asyncio.ensure_future(job.book(booking("A"), reference="order-1"))
        await spin()
        first.cancel()
        await spin()
        server.release()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert (await second).recorded == "done"
    assert server.seen == ["A"]


@BOTH
@pytest.mark.parametrize("check", ["all", "stream"])
async def test_an_input_that_holds_it_twice_is_left(path: Path, kind: str, check: Any):
    pair = ("order-1", booking("A"))
    async with held("A", "B", kind=kind) as (server, session):
        job = BookingJob(session, journal=path, concurrency=4, check=check)
        async with job.run([pair, pair, ("order-2", booking("B")), pair]) as outcomes:
            reading = asyncio.ensure_future(anext(outcomes))
            await until(lambda: len(server.seen) == 2)
            asyncio.get_running_loop().call_later(0.01, server.release)
            await asyncio.sleep(0)
            reading.cancel()
        assert {outcome.recorded for outcome in outcomes.undelivered} <= {"done", "sent"}
        assert recorded(path) == {"order-1": "done", "order-2": "done"}
        await ran(job, [pair])
    assert sorted(server.seen) == ["A", "B"]


@BOTH
async def test_a_run_is_left_while_a_single_booking_has_it_under_way(path: Path, kind: str):
    async with held("A", "B", kind=kind) as (server, session), BookingJob(session, journal=path) as job:
        single = asyncio.ensure_future(job.book(booking("A"), reference="order-1"))
        await until(lambda: server.seen)
        async with job.run([("order-1", booking("A")), ("order-2", booking("B"))]) as outcomes:
            reading = asyncio.ensure_future(anext(outcomes))
            await until(lambda: len(server.seen) == 2)
            asyncio.get_running_loop().call_later(0.01, lambda: server.release("B"))
            await asyncio.sleep(0)
            reading.cancel()
        assert recorded(path) == {"order-1": "sent", "order-2": "done"}
        server.release()
        assert (await single).state == "done"
        assert states(await ran(job, [("order-1", booking("A"))])) == {"order-1": "skipped"}
    assert sorted(server.seen) == ["A", "B"]


@BOTH
async def test_one_that_waits_for_it_books_it_if_it_is_given_back(vendor: FakeVendor, path: Path, kind: str):
    vendor.script({"status": 429, "headers": {"Retry-After": "7"}})
    async with on_virtual_clock(vendor, time.time(), kind=kind, retry=RetryPolicy(base=0)) as (session, clock):
        asleep, sleep = asyncio.Event(), clock.sleep

        async def first_sleep_is_endless(seconds: float) -> None:
            if not asleep.is_set():
                asleep.set()
                await asyncio.Event().wait()
            await sleep(seconds)

        clock.sleep = first_sleep_is_endless  # type: ignore[method-assign]
        async with BookingJob(session, journal=path) as job:
            first = asyncio.ensure_future(job.book(booking("A"), reference="order-1"))
            await asleep.wait()
            second = asyncio.ensure_future(job.book(booking("A"), reference="order-1"))
            await spin()
            await cancelled(first)
            assert (await second).recorded == "done"
    assert vendor.ledger.bookings == {"A": 1}


@BOTH
@pytest.mark.parametrize("by", ["run", "book"])
async def test_what_is_corrected_while_it_waits_out_a_429_is_sent_as_the_journal_says(
    vendor: FakeVendor, path: Path, kind: str, by: str
):
    vendor.script({"status": 429, "headers": {"Retry-After": "7"}})
    async with on_virtual_clock(vendor, time.time(), kind=kind, retry=RetryPolicy(base=0)) as (session, clock):
        job = BookingJob(session, journal=path)
        fed: list[asyncio.Future[Any]] = []
        sleep = clock.sleep

        async def watched(seconds: float) -> None:
            if not fed:
                fed.append(asyncio.ensure_future(job.book(booking("RIGHT"), reference="order-1")))
                await until(lambda: (row_of(path, "order-1").body or {}).get("renderId") == "RIGHT")
            await sleep(seconds)

        clock.sleep = watched  # type: ignore[method-assign]
        async with job:
            wrong = booking("WRONG")
            if by == "run":
                (first,) = await ran(job, [("order-1", wrong)])
            else:
                first = await job.book(wrong, reference="order-1")
            second = await fed[0]
    assert {first.recorded, second.recorded} == {"done"}
    assert vendor.ledger.bookings == {"RIGHT": 1}
    assert (row_of(path, "order-1").body or {})["renderId"] == "RIGHT"


@BOTH
async def test_a_caller_who_cancels_twice_is_gone_and_what_became_of_it_is_written_down(path: Path, kind: str):
    async with held("A", kind=kind) as (server, session):
        job = BookingJob(session, journal=path)
        task = asyncio.ensure_future(job.book(booking("A"), reference="order-1"))
        await until(lambda: server.seen)
        task.cancel()
        await spin()
        await cancelled(task)
        await until(lambda: recorded(path) == {"order-1": "unknown"})
        await until(lambda: job.report.unknown == 1)
        assert states(await ran(job, [("order-1", booking("A"))])) == {"order-1": "skipped"}
    assert server.seen == ["A"]
