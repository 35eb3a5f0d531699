"""A run that is left: at a healthy vendor nobody ends in doubt, and what wasn't sent waits for the next one."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pandapon_async import BookingJob, Limits, RetryPolicy, VendorSession
from pandapon_async.testing import FakeVendor, Faults
from tests.jobs.support import on_virtual_clock, pairs, ran, recorded
from tests.jobs.test_settling import slow_disk
from tests.streams.test_stream import held
from tests.support import AT_ONCE, booking, session_at, spin, until

HOME = Path(__file__).parent.parent.parent
KINDS = ["pandapon", "xportcn_ka"]
BOTH = pytest.mark.parametrize("kind", KINDS)


@BOTH
@pytest.mark.parametrize("how", ["async with", "bare"])
async def test_a_break_at_full_speed_leaves_nobody_in_doubt(vendor: FakeVendor, path: Path, kind: str, how: str):
    vendor.faults = Faults(latency=0.05)
    async with session_at(vendor.profile(kind, retry=AT_ONCE)) as session:
        outcomes = BookingJob(session, journal=path, concurrency=32).run(pairs(300))
        if how == "bare":
            async for outcome in outcomes:
                if outcome.index >= 40:
                    break
        else:
            async with outcomes:
                async for outcome in outcomes:
                    if outcome.index >= 40:
                        break
    counts = Counter(recorded(path).values())
    assert counts.keys() == {"done", "pending"}
    assert counts["done"] == len(vendor.ledger.bookings) >= 41
    assert vendor.ledger.doubled == {}


@BOTH
@pytest.mark.parametrize("seed", range(3))
async def test_whatever_its_workers_are_doing_when_it_is_left(vendor: FakeVendor, tmp_path: Path, kind: str, seed: int):
    moments = random.Random(seed)
    faults = [Faults(), Faults(latency=0.004, jitter=0.004, status={429: 0.3}, retry_after=0, seed=seed)]
    limits = [Limits(concurrency=16), Limits(concurrency=3), Limits(concurrency=16, rate=400)]
    for number in range(8):
        path = tmp_path / f"{number}.db"
        vendor.ledger.clear()
        vendor.faults = moments.choice(faults)
        profile = vendor.profile(kind, limits=moments.choice(limits), retry=RetryPolicy(base=0, budget=10**6))
        async with session_at(profile) as session:
            job = BookingJob(session, journal=path, concurrency=16)
            told: list[Any] = []
            async with job.run(pairs(60)) as outcomes:
                reading = asyncio.ensure_future(_read(outcomes, told))
                await spin(moments.randrange(250))
                reading.cancel()
                await asyncio.wait([reading])
        rows = recorded(path)
        assert set(rows.values()) <= {"done", "pending"}
        assert vendor.ledger.bookings == {f"R{key[6:]}": 1 for key, state in rows.items() if state == "done"}
        told += outcomes.undelivered
        assert len({outcome.reference for outcome in told}) == len(told)
        assert all(outcome.recorded == rows[outcome.reference] for outcome in told)
        assert {outcome.reference for outcome in told} >= {key for key, state in rows.items() if state == "done"}
        assert (job.report.done, job.report.pending) == (
            list(rows.values()).count("done"),
            list(rows.values()).count("pending"),
        )


async def _read(outcomes: Any, told: list[Any]) -> None:
    async for outcome in outcomes:
        told.append(outcome)  # noqa: PERF401 - kept though it is cancelled


# --- one moment after the other ----------------------------------------------------------------------------------------


async def left_at(path: Path, session: VendorSession, moment: Callable[[], Any], **options: Any) -> list[Any]:
    """Leave a run of one booking when a condition holds; what was not delivered."""
    async with BookingJob(session, journal=path, **options).run([("order-0", booking("R0"))]) as outcomes:
        reading = asyncio.ensure_future(anext(outcomes))
        await until(moment)
        reading.cancel()
        await asyncio.wait([reading])
    return outcomes.undelivered


@BOTH
async def test_while_it_waits_for_a_permit(path: Path, kind: str):
    async with held("other", concurrency=1, kind=kind) as (server, session):
        other = asyncio.ensure_future(session.logistics.book_freight(booking("other")))
        await until(lambda: server.seen)
        limiter = BookingJob(session, journal=path)._settings.client.state.limiter
        (outcome,) = await left_at(path, session, lambda: limiter.semaphore.waiters)
        server.release()
        await other
    assert (outcome.state, recorded(path)) == ("pending", {"order-0": "pending"})
    assert server.seen == ["other"]


@BOTH
async def test_while_it_is_written_down_as_sent(path: Path, kind: str):
    async with held(kind=kind) as (server, session):
        job = BookingJob(session, journal=path)
        outcomes = job.run([("order-0", booking("R0"))])
        async with outcomes:
            async with slow_disk(job):
                reading = asyncio.ensure_future(anext(outcomes))
                await spin(50)
                leaving = asyncio.ensure_future(outcomes.aclose())
                await spin()
            await leaving
            await asyncio.wait([reading])
        assert reading.exception() is not None
    assert [outcome.state for outcome in outcomes.undelivered] in (["pending"], [])
    assert recorded(path) == {"order-0": "pending"}
    assert server.seen == []


@BOTH
async def test_while_it_waits_out_a_429(vendor: FakeVendor, path: Path, kind: str):
    vendor.script({"status": 429, "headers": {"Retry-After": "7"}})
    async with on_virtual_clock(vendor, time.time(), kind=kind, retry=RetryPolicy(base=0)) as (session, clock):
        asleep = asyncio.Event()

        async def endless(_: float) -> None:
            asleep.set()
            await asyncio.Event().wait()

        clock.sleep = endless  # type: ignore[method-assign]
        (outcome,) = await left_at(path, session, asleep.is_set)
    assert (outcome.state, recorded(path)) == ("pending", {"order-0": "pending"})


@BOTH
async def test_a_429_that_comes_while_it_is_left_is_not_tried_again(vendor: FakeVendor, path: Path, kind: str):
    vendor.faults = Faults(latency=0.05)
    vendor.script({"status": 429, "headers": {"Retry-After": "7"}})
    async with on_virtual_clock(vendor, time.time(), kind=kind, retry=RetryPolicy(base=0)) as (session, clock):
        outcomes = BookingJob(session, journal=path).run([("order-0", booking("R0"))])
        async with outcomes:
            reading = asyncio.ensure_future(anext(outcomes))
            await until(lambda: any(worker.must_end for worker in outcomes._workers.values()))
            reading.cancel()
        assert clock.slept == []
    assert [outcome.state for outcome in outcomes.undelivered] == ["pending"]
    assert recorded(path) == {"order-0": "pending"}
    assert vendor.ledger.bookings == {}


@BOTH
async def test_leaving_that_is_cancelled_cuts_it_off_and_writes_that_down(path: Path, kind: str):
    async with held("R0", kind=kind) as (server, session):
        job = BookingJob(session, journal=path)
        outcomes = job.run([("order-0", booking("R0")), ("order-1", booking("R1"))])
        reading = asyncio.ensure_future(anext(outcomes))
        await until(lambda: "R0" in server.seen)
        leaving = asyncio.ensure_future(outcomes.aclose())
        await spin()
        assert not leaving.done()
        leaving.cancel()
        await spin(2)
        leaving.cancel()  # once more: it is joined all the same
        await asyncio.wait([leaving, reading])
        await outcomes.aclose()
        assert job.report.unknown == 1
        assert recorded(path)["order-0"] == "unknown"
        again = await ran(BookingJob(session, journal=path), [("order-0", booking("R0"))])
    assert [outcome.recorded for outcome in again] == ["unknown"]
    assert server.seen.count("R0") == 1


@BOTH
async def test_a_closed_session_ends_its_runs_first(vendor: FakeVendor, path: Path, kind: str):
    vendor.faults = Faults(latency=0.05)
    session = session_at(vendor.profile(kind, retry=AT_ONCE))
    async with session as opened:
        outcomes = BookingJob(opened, journal=path, concurrency=8).run(pairs(50))
        await anext(outcomes)
    assert set(recorded(path).values()) == {"done", "pending"}
    assert {outcome.state for outcome in outcomes.undelivered} <= {"done", "pending"}


# --- a loop without `async with` ---------------------------------------------------------------------------------------

BARE = """
import asyncio, logging, sys
from pandapon_async import BookingJob, PandaPonSession
from pandapon_async.testing import FakeVendor, Faults
from tests.jobs.support import pairs

logging.basicConfig(level=logging.WARNING)

async def main(session):
    async for outcome in BookingJob(session, journal=sys.argv[1], concurrency=8).run(pairs(50)):
        {then}

with FakeVendor() as vendor:
    vendor.faults = Faults(latency=0.05)
    vendor.script("ok", *["stall"] * 49)  # the others are under way when the first one is told
    asyncio.run(main(PandaPonSession(vendor.profile("pandapon"))))
"""


@pytest.mark.parametrize("then", ["break", "raise KeyError"])
def test_a_program_that_ends_in_a_bare_loop_names_what_it_leaves_in_doubt(path: Path, then: str):
    command = [sys.executable, "-c", BARE.format(then=then), str(path)]
    errors = subprocess.run(command, cwd=HOME, capture_output=True, text=True).stderr
    doubts = {key for key, state in recorded(path).items() if state == "unknown"}
    warned = {line.partition("reference '")[2].partition("'")[0] for line in errors.splitlines() if "WARNING" in line}
    assert doubts
    assert doubts <= warned
