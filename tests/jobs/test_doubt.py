"""One in doubt, and when it is believed that it was not booked: the vendor may still be at work on it."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pandapon_async import NOT_BOOKED, BookingJob, ConfigError, OutcomeUnknownError
from pandapon_async.api.logistics import FreightBooking
from pandapon_async.testing import FakeVendor
from tests.jobs.support import on_virtual_clock, pairs, ran, recorded, row_of, states
from tests.support import booking

KINDS = ["pandapon", "xportcn_ka"]
BOTH = pytest.mark.parametrize("kind", KINDS)


class Vendors:
    """Looks a booking up; the vendor shows it only when it is ``there``."""

    def __init__(self) -> None:
        self.there = False
        self.asked = 0

    async def __call__(self, session: Any, request: Any) -> Any:
        self.asked += 1
        return FreightBooking(order_id="77") if self.there else NOT_BOOKED


@BOTH
@pytest.mark.parametrize("shows_up", [True, False])
async def test_not_booked_is_believed_only_so_long_after_the_sending(
    vendor: FakeVendor, path: Path, kind: str, shows_up: bool
):
    look_up = Vendors()
    vendor.script("drop_after" if shows_up else "drop_before")
    async with on_virtual_clock(vendor, time.time(), kind=kind) as (session, clock):
        job = BookingJob(session, journal=path, reconcile=look_up)
        (first,) = await ran(job, pairs(1))
        assert (first.state, first.recorded) == ("unknown", "unknown")
        assert isinstance(first.error, OutcomeUnknownError)
        sent_at = row_of(path, "order-0").sent_at
        assert sent_at is not None
        assert f"counts from {sent_at + timedelta(seconds=900):%Y-%m-%d %H:%M:%S} UTC" in str(first.error)
        clock.advance(899)
        (second,) = await ran(BookingJob(session, journal=path, reconcile=look_up), pairs(1))
        assert (second.state, second.recorded, look_up.asked) == ("skipped", "unknown", 2)
        clock.advance(1)
        vendor.clock_offset += 900
        look_up.there = shows_up
        (third,) = await ran(BookingJob(session, journal=path, reconcile=look_up), pairs(1))
        assert third.recorded == ("done" if shows_up else "pending")
        await ran(BookingJob(session, journal=path, reconcile=look_up), pairs(1))
    assert recorded(path) == {"order-0": "done"}
    assert vendor.ledger.bookings == {"R0": 1}


@BOTH
async def test_that_it_was_booked_is_believed_at_once(vendor: FakeVendor, path: Path, kind: str):
    look_up = Vendors()
    look_up.there = True
    vendor.script("drop_after")
    async with on_virtual_clock(vendor, time.time(), kind=kind) as (session, _):
        assert states(await ran(BookingJob(session, journal=path, reconcile=look_up), pairs(1))) == {"order-0": "done"}


@BOTH
async def test_a_single_booking_stays_in_doubt_as_long(vendor: FakeVendor, path: Path, kind: str):
    look_up = Vendors()
    vendor.script("drop_after")
    async with (
        on_virtual_clock(vendor, time.time(), kind=kind) as (session, clock),
        BookingJob(session, journal=path, reconcile=look_up, not_booked_after=60) as job,
    ):
        assert (await job.book(booking("A"), reference="a")).recorded == "unknown"
        clock.advance(59)
        assert (await job.book(booking("A"), reference="a")).recorded == "unknown"
        clock.advance(1)
        assert (await job.book(booking("A"), reference="a")).state == "pending"
    assert vendor.ledger.bookings == {"A": 1}


async def test_a_clock_set_back_makes_nothing_believed(vendor: FakeVendor, path: Path):
    vendor.script("drop_after")
    async with on_virtual_clock(vendor, time.time()) as (session, clock):
        job = BookingJob(session, journal=path, reconcile=Vendors())
        await ran(job, pairs(1))
        clock.set_wall(clock.now() - 86_400)
        (again,) = await ran(job, pairs(1))
    assert again.recorded == "unknown"


async def test_a_clock_set_forward_while_it_is_sent_makes_nothing_believed(vendor: FakeVendor, path: Path):
    vendor.script("drop_after")
    async with on_virtual_clock(vendor, time.time()) as (session, clock):
        session.on_attempt = lambda *_: clock.set_wall(clock.now() + 86_400)
        (outcome,) = await ran(BookingJob(session, journal=path, reconcile=Vendors()), pairs(1))
    assert (outcome.recorded, vendor.ledger.bookings) == ("unknown", {"R0": 1})


@BOTH
async def test_what_a_look_up_raises_is_named_by_its_type_and_quoted_nowhere(vendor: FakeVendor, path: Path, kind: str):
    async def look_up(session: Any, request: Any) -> Any:
        raise ValueError(f"nobody named {request.receiver_address}")

    vendor.script("drop_after")
    async with on_virtual_clock(vendor, time.time(), kind=kind) as (session, _):
        job = BookingJob(session, journal=path, reconcile=look_up, concurrency=1)
        (first, *_) = await ran(job, pairs(3))
    assert job.report.stopped == "reconcile raised ValueError"
    assert "; reconcile raised ValueError" in str(first.error)
    assert isinstance(first.error.__cause__, ValueError)
    assert "nobody" not in f"{first.error!r} {first.error} {row_of(path, 'order-0').error}"


@BOTH
@pytest.mark.parametrize("later", [False, True])
async def test_a_look_up_that_cancels_itself_ends_the_job_which_says_so(
    vendor: FakeVendor, path: Path, kind: str, later: bool
):
    async def look_up(session: Any, request: Any) -> Any:
        raise asyncio.CancelledError

    vendor.script("drop_after")
    async with on_virtual_clock(vendor, time.time(), kind=kind) as (session, _):
        if later:
            await ran(BookingJob(session, journal=path), pairs(1))
        job = BookingJob(session, journal=path, reconcile=look_up, concurrency=1)
        (first,) = await ran(job, pairs(3))
        assert first.recorded == "unknown"
        assert "; reconcile raised CancelledError" in str(first.error)
        assert (job.report.stopped, job.report.pending) == ("reconcile raised CancelledError", 2)
        single = await job.book(*reversed(pairs(1)[0]))
    assert (single.state, vendor.ledger.bookings) == ("skipped", {"R0": 1})


@pytest.mark.parametrize("seconds", [-1, float("nan")])
def test_a_time_below_zero_is_refused(panda: Any, path: Path, seconds: float):
    with pytest.raises(ConfigError, match="not_booked_after"):
        BookingJob(panda, journal=path, not_booked_after=seconds)
