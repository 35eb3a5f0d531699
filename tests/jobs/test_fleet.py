"""Processes that book over one PostgreSQL at once, and are killed, as is PostgreSQL: nothing is booked twice, nothing is lost."""

from __future__ import annotations

import asyncio
import contextlib
import random
import subprocess
import time
from decimal import Decimal

import pytest

from pandapon_async import BookingJob, Journal, JournalError, Money
from pandapon_async.testing import FakeVendor, Faults
from tests.jobs.support import pairs, ran
from tests.jobs.test_kill import BOOKINGS, FAULTS, assert_consistent, child, finished, killed_after
from tests.postgres import PostgresServer
from tests.support import AT_ONCE, booking, session_at, yes

from .test_spending import at_day, replies, usd

KILLS = 4


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    return postgres.fresh()


def test_two_that_are_killed_and_replaced_book_nothing_twice_and_lose_nothing(
    url: str, postgres: PostgresServer
) -> None:
    moments = random.Random(5)
    with FakeVendor(faults=FAULTS) as vendor:
        steady = child(vendor, url)
        for kill in range(KILLS):
            killed_after(child(vendor, url), moments.uniform(0, 0.3))
            if kill == 1:
                postgres.kill()
                postgres.start()
        ended(steady)
        finished(child(vendor, url))
        assert_consistent([vendor.ledger], url)


def test_three_at_once_and_somebody_who_looks(url: str) -> None:
    with FakeVendor(faults=FAULTS) as vendor:
        desks = [child(vendor, url) for _ in range(3)]
        while any(desk.poll() is None for desk in desks):
            with contextlib.suppress(JournalError), Journal.open(url) as journal:  # at first there is none
                assert sum(journal.counts().values()) <= BOOKINGS
            time.sleep(0.05)
        for desk in desks:
            ended(desk)
        assert_consistent([vendor.ledger], url)


def ended(process: subprocess.Popen[str]) -> None:
    """It ended in order: all went well, or its whole input was just being taken in by another."""
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0 or "just taking it in" in errors, errors


@pytest.mark.parametrize("highest", [True, False])
async def test_desks_spend_no_more_in_a_day_than_one_may(vendor: FakeVendor, url: str, highest: bool) -> None:
    vendor.faults = Faults(latency=0.005)
    vendor.script(
        *[{"json": yes({"orderId": f"O{n}", "orderFee": {"amount": "5", "currency": "USD"}})} for n in range(90)]
    )
    profile = vendor.profile("pandapon", retry=AT_ONCE, daily_spend_limit="50 USD")
    fee = Money(amount=Decimal(5), currency="USD") if highest else None
    async with contextlib.AsyncExitStack() as sessions:
        jobs = [
            BookingJob(
                await sessions.enter_async_context(session_at(profile)), journal=url, highest_fee=fee, check="stream"
            )
            for _ in range(3)
        ]
        await asyncio.gather(*[ran(job, pairs(30, 100 * number)) for number, job in enumerate(jobs)])
    assert sum(vendor.ledger.seen.values()) <= 10
    if highest:
        assert sum(vendor.ledger.seen.values()) > 0
        assert [str(job.report.stopped) for job in jobs].count("None") == 0
        assert any("daily spend limit of 50 USD" in str(job.report.stopped) for job in jobs)
    with Journal.open(url) as journal:
        assert journal.counts()["done"] == sum(vendor.ledger.seen.values())


async def test_the_day_of_desks_ends_at_midnight_in_the_accounts_time_zone(vendor: FakeVendor, url: str) -> None:
    vendor.script(*replies(*[10] * 3))
    async with at_day(vendor, "pandapon") as (one, first), at_day(vendor, "pandapon") as (two, second):
        jobs = [BookingJob(session, journal=url, highest_fee=usd(10)) for session in (one, two)]
        async with jobs[0], jobs[1]:
            for number in range(2):
                assert (await jobs[0].book(booking(f"R{number}"), f"a-{number}")).state == "done"
            assert (await jobs[1].book(booking("B"), "late")).state == "pending"
            for clock in (first, second):
                clock.advance(1800)
            vendor.clock_offset += 1800
            assert (await jobs[1].book(booking("B"), "late")).state == "done"


async def test_desks_that_book_one_input_spend_no_more_for_it_than_one_may(vendor: FakeVendor, url: str):
    vendor.faults = Faults(latency=0.02)
    vendor.script(
        *[{"json": yes({"orderId": f"O{n}", "orderFee": {"amount": "5", "currency": "USD"}})} for n in range(90)]
    )
    fee, limit = (Money(amount=Decimal(amount), currency="USD") for amount in (5, 50))
    profile = vendor.profile("pandapon", retry=AT_ONCE)
    async with contextlib.AsyncExitStack() as sessions:
        jobs = [
            BookingJob(
                await sessions.enter_async_context(session_at(profile)),
                journal=url,
                highest_fee=fee,
                spend_limit=limit,
                check="stream",
            )
            for _ in range(3)
        ]
        await asyncio.gather(*[ran(job, pairs(30)) for job in jobs])
    made = sum(vendor.ledger.seen.values())
    assert 0 < made <= 10  # one under way at another desk counts as spent, so a desk may end a booking early
    with Journal.open(url) as journal:
        assert journal.counts()["done"] == made
