"""The brake and the pace."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from pathlib import Path

import pytest

from pandapon_async import BookingJob, NotSentError, OutcomeUnknownError, Pace, Stop
from pandapon_async._errors import RateLimitedError
from pandapon_async._streams.admission import Admission, Spending
from pandapon_async.testing import FakeVendor, Faults, VirtualClock
from tests.jobs.support import on_virtual_clock, pairs, ran, recorded
from tests.support import spin


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bookings.db"


DEFAULT, STEADY = Stop(), Pace()


def admission(
    stop: Stop = DEFAULT, *, pace: Pace = STEADY, size: int = 8, clock: VirtualClock | None = None
) -> Admission:
    return Admission(stop, pace, size, clock or VirtualClock(), Spending())


def fail(one: Admission, times: int, error: Exception | None = None) -> None:
    for _ in range(times):
        one.began()
        one.failed(error or OutcomeUnknownError("x"))
        one.doubted()
        one.ended()


# --- the brake ---------------------------------------------------------------------------------------------------------


async def test_a_vendor_that_fails_for_hours_leaves_few_in_doubt(vendor: FakeVendor, path: Path):
    vendor.faults = Faults(status={502: 1.0})
    async with on_virtual_clock(vendor, time.time()) as (session, clock):
        job = BookingJob(session, journal=path, concurrency=16)
        began = clock.monotonic()
        await ran(job, pairs(2000))
        probes = sum(1 for seconds in clock.slept if seconds >= 1)
        assert 3000 < clock.monotonic() - began <= 3600
    counts = Counter(recorded(path).values())
    assert counts["unknown"] <= 16 + 25 + probes
    assert counts["unknown"] < 100
    assert counts["pending"] == 2000 - counts["unknown"]
    assert job.report.stopped == "no success for 3600 s"


async def test_after_the_repair_it_resumes_to_the_end(vendor: FakeVendor, path: Path):
    vendor.faults = Faults(status={502: 1.0})
    async with on_virtual_clock(vendor, time.time()) as (session, _):
        await ran(BookingJob(session, journal=path, concurrency=16), pairs(300))
        vendor.faults = Faults()
        await ran(BookingJob(session, journal=path, concurrency=16), pairs(300))
    assert set(recorded(path).values()) == {"done", "unknown"}
    assert len(vendor.ledger.bookings) == list(recorded(path).values()).count("done") > 200
    assert vendor.ledger.doubled == {}


async def test_the_job_recovers_by_itself_once_one_succeeds(vendor: FakeVendor, path: Path):
    vendor.script(*[502] * 30)
    async with on_virtual_clock(vendor, time.time()) as (session, _):
        job = BookingJob(session, journal=path, concurrency=4)
        await ran(job, pairs(200))
    counts = Counter(recorded(path).values())
    assert counts == {"unknown": 30, "done": 170}
    assert job.report.stopped is None


async def test_the_waits_between_probes_grow_and_a_success_starts_anew():
    clock = VirtualClock()
    one = admission(Stop(in_a_row=3), clock=clock)
    fail(one, 3)
    for _ in range(3):
        assert await one.admit()
        fail(one, 1)
    assert clock.slept == [1, 2, 4]
    one.succeeded(None, 0.1)
    assert await one.admit()
    assert clock.slept == [1, 2, 4]
    fail(one, 3)
    assert await one.admit()
    assert clock.slept[-1] == 1


async def test_a_success_between_them_breaks_the_row():
    clock = VirtualClock()
    one = admission(Stop(in_a_row=3), clock=clock)
    fail(one, 2)
    one.succeeded(None, 0.1)
    fail(one, 2)
    assert await one.admit()
    assert clock.slept == []


async def test_not_sent_and_in_doubt_count_in_one_row():
    clock = VirtualClock()
    one = admission(Stop(in_a_row=4), clock=clock)
    fail(one, 2)
    fail(one, 2, NotSentError("x"))
    assert await one.admit()
    assert clock.slept == [1]


async def test_a_probe_that_waits_ends_when_the_job_is_halted():
    one = admission(Stop(in_a_row=1, first_wait=100), clock=VirtualClock(auto=False))
    fail(one, 1)
    waiting = asyncio.create_task(one.admit())
    await spin()
    assert not waiting.done()
    one.halt("enough")
    assert await waiting is False


async def test_a_number_in_doubt_ends_the_job(vendor: FakeVendor, path: Path):
    vendor.script(*["drop_after"] * 3)
    async with on_virtual_clock(vendor, time.time()) as (session, _):
        job = BookingJob(session, journal=path, concurrency=1, stop=Stop(in_doubt=3))
        await ran(job, pairs(10))
    assert Counter(recorded(path).values()) == {"unknown": 3, "pending": 7}
    assert job.report.stopped == "3 bookings are in doubt"


# --- the pace ----------------------------------------------------------------------------------------------------------


async def test_a_429_halves_the_window_once_a_second_and_successes_open_it_again():
    clock = VirtualClock()
    one = admission(size=16, clock=clock)
    for _ in range(5):
        one.retrying(RateLimitedError("x", status=429))
    assert (one.window, one.cuts) == (8, 1)
    clock.advance(1)
    one.failed(RateLimitedError("x", status=429))
    assert (one.window, one.slowest_window, one.cuts) == (4, 4, 2)
    for _ in range(300):
        one.succeeded(None, 0.1)
    assert one.window == 16
    assert one.slowest_window == 4


async def test_slow_replies_change_nothing_unless_asked_for():
    one = admission(size=16)
    one.succeeded(None, 100)
    assert one.window == 16
    other = admission(size=16, pace=Pace(slow_after=5))
    other.succeeded(None, 100)
    assert other.window < 16


async def test_a_full_window_lets_nobody_in_before_one_ends():
    one = admission(size=1)
    assert await one.admit()
    one.began()
    waiting = asyncio.create_task(one.admit())
    await spin()
    assert not waiting.done()
    one.ended()
    assert await waiting
