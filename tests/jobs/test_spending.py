"""What a job may spend: for its input in all its runs, and for the account in a day; what isn't known counts as spent."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pandapon_async import (
    NOT_BOOKED,
    PANDAPON,
    BookingJob,
    ConfigError,
    Journal,
    Money,
    NotSentError,
    SessionManager,
    Stop,
    VendorSession,
    WriteJob,
)
from pandapon_async._config.profiles import zone_of
from pandapon_async._jobs.spending import Bound, HighestFee, LimitedSpending, SpendLimits
from pandapon_async._streams.admission import Admission, Pace
from pandapon_async.api.logistics import FreightBooking, FreightBookingRequest
from pandapon_async.testing import FakeVendor, Faults, VirtualClock
from tests.jobs.support import on_virtual_clock, pairs, ran, recorded, states
from tests.support import booking, spin, yes


def usd(amount: str | int) -> Money:
    return Money(amount=Decimal(amount), currency="USD")


NUMBERS = itertools.count(1)


def replies(*fees: Any) -> list[dict[str, Any]]:
    """Scripted replies of so much each; what isn't a number is the fee itself, None: there is none."""
    made: list[dict[str, Any]] = []
    for fee in fees:
        told = {"amount": str(fee), "currency": "USD"} if isinstance(fee, int) else fee
        made.append({"json": yes({"orderId": f"O{next(NUMBERS)}", **({} if fee is None else {"orderFee": told})})})
    return made


def paid(path: Path) -> Decimal:
    with Journal.open(path) as journal:
        return sum((row.fee.amount for row in journal.rows() if row.fee is not None), Decimal(0))


# --- the limit of an input ---------------------------------------------------------------------------------------------


async def test_with_a_highest_fee_it_is_never_exceeded_however_many_go_at_once(
    vendor: FakeVendor, account: VendorSession, path: Path
):
    vendor.faults = Faults(latency=0.002)
    vendor.script(*replies(1, *[50] * 100))
    job = BookingJob(account, journal=path, concurrency=64, spend_limit=usd(1000), highest_fee=usd(50))
    await ran(job, pairs(100))
    assert Decimal(900) < paid(path) <= Decimal(1000)
    assert "the spend limit of 1000 USD is reached" in str(job.report.stopped)
    assert job.report.one_at_a_time is None
    assert set(recorded(path).values()) == {"done", "pending"}


async def test_without_one_its_bookings_go_one_at_a_time_and_it_says_so(
    vendor: FakeVendor, account: VendorSession, path: Path, caplog: pytest.LogCaptureFixture
):
    vendor.faults = Faults(latency=0.002)
    vendor.script(*replies(1, *[50] * 100))
    with caplog.at_level(logging.WARNING, "pandapon_async.jobs"):
        job = BookingJob(account, journal=path, concurrency=64, spend_limit=usd(100))
    under_way = most = 0

    def started(*_: Any) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)

    def replied(*_: Any) -> None:
        nonlocal under_way
        under_way -= 1

    account.on_start, account.on_reply = started, replied
    await ran(job, pairs(100))
    assert most == 1
    assert paid(path) == 51  # 51 + 50 would exceed it
    assert "one at a time" in str(job.report.one_at_a_time)
    assert "one at a time" in caplog.text


async def test_a_fee_above_the_highest_ends_the_run(vendor: FakeVendor, account: VendorSession, path: Path):
    vendor.script(*replies(10, 11, 10))
    job = BookingJob(account, journal=path, concurrency=1, spend_limit=usd(1000), highest_fee=usd(10))
    await ran(job, pairs(3))
    assert job.report.stopped == "a booking cost 11 USD, the highest fee is 10 USD"
    assert Counter(recorded(path).values()) == {"done": 2, "pending": 1}


NO_FEE = {
    "none": None,
    "unreadable": {"amount": "1,234.50", "currency": "USD"},
    "below zero": {"amount": "-5", "currency": "USD"},
    "absurd": {"amount": "1234567890123456789.25", "currency": "USD"},
    "without a currency": {"amount": "5"},
    "with an empty currency": {"amount": "5", "currency": " "},
    "absurd by its exponent": {"amount": "1e30", "currency": "USD"},
    "too small to be summed up": {"amount": "1e-20", "currency": "USD"},
}


@pytest.mark.parametrize("written", [{"amount": "5", "currency": "usd "}, {"amount": "5.000000000", "currency": "USD"}])
async def test_a_fee_is_the_same_in_whatever_way_it_is_written(
    vendor: FakeVendor, account: VendorSession, path: Path, written: Any
):
    vendor.script(*replies(5, written))
    job = BookingJob(account, journal=path, concurrency=1, spend_limit=usd(1000), highest_fee=usd(10))
    outcomes = await ran(job, pairs(2))
    assert (job.report.stopped, job.report.fees, outcomes[1].fee) == (None, {"USD": usd(10)}, usd(5))
    with Journal.open(path) as journal:
        assert {total.fees for total in journal.totals()} == {Decimal(10)}
        journal.resolve("order-0", "done", fee=Money(amount=Decimal(5), currency="usd"), by="ann", note="already so")


@pytest.mark.parametrize("kind", NO_FEE)
@pytest.mark.parametrize("highest", [None, usd(10)])
async def test_a_reply_without_a_fee_that_can_be_read_ends_a_limited_run_and_is_counted(
    vendor: FakeVendor, account: VendorSession, path: Path, kind: str, highest: Money | None
):
    vendor.script(*replies(10, NO_FEE[kind], 10))
    job = BookingJob(account, journal=path, concurrency=1, spend_limit=usd(1000), highest_fee=highest)
    await ran(job, pairs(3))
    assert "no fee can be read" in str(job.report.stopped)
    assert (job.report.done, job.report.unpriced) == (2, 1)
    assert Counter(recorded(path).values()) == {"done": 2, "pending": 1}
    again = BookingJob(account, journal=path, spend_limit=usd(29), highest_fee=usd(10))
    await ran(again, pairs(3))
    assert again.report.stopped == "the spend limit of 29 USD is reached: 10 spent, 0 in doubt, 1 without a fee"


async def test_a_run_without_a_limit_goes_on_and_counts_them(vendor: FakeVendor, account: VendorSession, path: Path):
    vendor.script(*replies(None, 10))
    job = BookingJob(account, journal=path)
    await ran(job, pairs(2))
    assert (job.report.done, job.report.unpriced, job.report.stopped) == (2, 1, None)


async def test_a_fee_in_another_currency_ends_it(vendor: FakeVendor, account: VendorSession, path: Path):
    vendor.script(*replies({"amount": "1", "currency": "CNY"}, 10))
    job = BookingJob(account, journal=path, concurrency=1, spend_limit=usd(1000))
    await ran(job, pairs(2))
    assert job.report.stopped == "a fee is in CNY, the spend limit in USD"
    again = BookingJob(account, journal=path, spend_limit=usd(1000))
    await ran(again, pairs(2))
    assert again.report.stopped == "a fee is in CNY, the spend limit in USD"


@pytest.mark.parametrize("check", ["all", "stream"])
async def test_it_bounds_all_runs_of_an_input_and_no_other_input(
    vendor: FakeVendor, account: VendorSession, path: Path, check: Any
):
    vendor.script(*replies(*[10] * 20))

    async def run(requests: Iterable[Any]) -> BookingJob:
        job = BookingJob(account, journal=path, check=check, spend_limit=usd(45), highest_fee=usd(10))
        await ran(job, requests)
        return job

    first = await run([*pairs(2), *pairs(4)])
    assert (first.report.done, first.report.stopped) == (4, None)
    second = await run([*pairs(8), *pairs(2)])
    assert second.report.done == 0
    assert "40 spent" in str(second.report.stopped)
    third = await run(pairs(4, first=10))
    assert (third.report.done, third.report.stopped) == (4, None)
    assert paid(path) == 80


@pytest.mark.parametrize("given_as", ["iterable", "async iterable"])
async def test_what_a_streamed_input_has_cost_is_known_before_its_first_is_sent(
    vendor: FakeVendor, account: VendorSession, path: Path, given_as: str
):
    vendor.script(*replies(*[10] * 9))
    await ran(BookingJob(account, journal=path), pairs(2, first=600))
    seen = sum(vendor.ledger.bookings.values())

    async def later() -> Any:
        for pair in pairs(602):
            yield pair

    requests = pairs(602) if given_as == "iterable" else later()
    job = BookingJob(account, journal=path, check="stream", spend_limit=usd(25), highest_fee=usd(10))
    outcomes = await ran(job, requests)
    assert sum(vendor.ledger.bookings.values()) == seen
    assert job.report.stopped == "the spend limit of 25 USD is reached: 20 spent, 0 in doubt, 0 without a fee"
    assert (job.report.pending, job.report.skipped) == (600, 2)
    assert len(outcomes) <= 2


async def test_what_is_wrong_in_a_limited_stream_is_told_and_the_rest_is_sent(
    vendor: FakeVendor, account: VendorSession, path: Path
):
    vendor.script(*replies(10, 10))
    job = BookingJob(account, journal=path, check="stream", spend_limit=usd(100), highest_fee=usd(10))
    outcomes = await ran(job, [*pairs(2), 42, ("order-0", booking("another"))])
    assert Counter(outcome.state for outcome in outcomes) == {"done": 2, "refused": 2}


async def test_one_in_doubt_counts_as_the_highest_fee_in_this_run_and_the_next(
    vendor: FakeVendor, account: VendorSession, path: Path
):
    vendor.script("drop_after", *replies(5, 5, 5))
    job = BookingJob(account, journal=path, concurrency=1, spend_limit=usd(29), highest_fee=usd(10))
    await ran(job, pairs(4))
    assert job.report.stopped == "the spend limit of 29 USD is reached: 10 spent, 1 in doubt, 0 without a fee"
    assert Counter(recorded(path).values()) == {"unknown": 1, "done": 2, "pending": 1}
    again = BookingJob(account, journal=path, spend_limit=usd(29), highest_fee=usd(10))
    await ran(again, pairs(4))
    assert again.report.stopped == job.report.stopped


async def test_one_in_doubt_before_any_fee_is_known_ends_a_run_without_a_highest_fee(
    vendor: FakeVendor, account: VendorSession, path: Path
):
    vendor.script("drop_after")
    job = BookingJob(account, journal=path, spend_limit=usd(1000))
    await ran(job, pairs(4))
    assert "no fee is known: give highest_fee=" in str(job.report.stopped)
    assert Counter(recorded(path).values()) == {"unknown": 1, "pending": 3}


@pytest.mark.parametrize("answer", [NOT_BOOKED, FreightBooking(order_id="77", order_fee=usd(1))])
async def test_one_that_is_resolved_leaves_room(vendor: FakeVendor, account: VendorSession, path: Path, answer: Any):
    async def reconcile(_: Any, __: Any) -> Any:
        return answer

    vendor.script("drop_after", *replies(10, 10))
    limits = {"spend_limit": usd(21), "highest_fee": usd(10)}
    job = BookingJob(account, journal=path, concurrency=1, not_booked_after=0.0, reconcile=reconcile, **limits)
    await ran(job, pairs(3))
    assert job.report.stopped is None
    assert job.report.done == (2 if answer is NOT_BOOKED else 3)


async def test_single_bookings_count_as_one_input(vendor: FakeVendor, account: VendorSession, path: Path):
    vendor.script(*replies(10, 10, 10))
    job = BookingJob(account, journal=path, spend_limit=usd(25), highest_fee=usd(10))
    outcomes = [await job.book(request, reference=reference) for reference, request in pairs(3)]
    assert [outcome.state for outcome in outcomes] == ["done", "done", "pending"]
    assert "the spend limit of 25 USD is reached" in str(outcomes[2].error)
    assert recorded(path)["order-2"] == "pending"


async def test_a_caller_that_waited_for_room_is_told_what_another_has_made_of_its_booking(
    vendor: FakeVendor, account: VendorSession, path: Path
):
    vendor.script("drop_after")
    job = BookingJob(account, journal=path, spend_limit=usd(25))
    async with job:
        outcomes = await asyncio.gather(*(job.book(booking("R0"), reference="order-0") for _ in range(2)))
    assert [outcome.recorded for outcome in outcomes] == ["unknown", "unknown"]


@pytest.mark.parametrize("first", [0, 2])
async def test_what_single_bookings_spend_during_a_run_counts_for_it(
    vendor: FakeVendor, account: VendorSession, path: Path, first: int
):
    vendor.script(*replies(*[10] * 6))
    job = BookingJob(account, journal=path, concurrency=1, spend_limit=usd(35), highest_fee=usd(10))
    async with job, job.run(pairs(6)) as outcomes:
        for reference, request in pairs(2, first=first):
            assert (await job.book(request, reference=reference)).state == "done"
        assert [outcome async for outcome in outcomes]
    assert "the spend limit of 35 USD is reached: 30 spent" in str(job.report.stopped)
    assert paid(path) == 30


def test_limits_are_in_one_currency_and_above_zero(panda: Any, path: Path):
    cny = Money(amount=Decimal(5), currency="CNY")
    with pytest.raises(ConfigError, match="one currency, not CNY, USD"):
        BookingJob(panda, journal=path, spend_limit=usd(5), highest_fee=cny)
    for wrong in (usd(0), usd(-1), Money(amount=Decimal(1), currency="dollars"), 5, "5"):
        with pytest.raises(ConfigError, match="spend_limit: must be an amount above zero"):
            BookingJob(panda, journal=path, spend_limit=wrong)  # type: ignore[arg-type]


# --- the limit of a day ------------------------------------------------------------------------------------------------

EVENING = datetime(2026, 3, 1, 15, 30, tzinfo=timezone.utc).timestamp()
"""Half an hour before midnight in Shanghai."""
KINDS = ["pandapon", "xportcn_ka"]
BOTH = pytest.mark.parametrize("kind", KINDS)


def at_day(vendor: FakeVendor, kind: str, now: float = EVENING) -> Any:
    vendor.clock_offset = now - time.time()
    return on_virtual_clock(vendor, now, kind=kind, daily_spend_limit="25 USD", time_zone="Asia/Shanghai")


@BOTH
async def test_a_days_limit_bounds_runs_and_single_bookings_of_all_inputs(vendor: FakeVendor, path: Path, kind: str):
    vendor.script(*replies(*[10] * 9))
    async with at_day(vendor, kind) as (session, _):
        await ran(BookingJob(session, journal=path, highest_fee=usd(10)), pairs(1))
        job = BookingJob(session, journal=path, highest_fee=usd(10))
        assert (await job.book(booking("B"), reference="single")).state == "done"
        await ran(job, pairs(3, first=5))
        assert job.report.stopped == "the daily spend limit of 25 USD is reached: 20 spent, 0 in doubt, 0 without a fee"
        single = await job.book(booking("C"), reference="another")
    assert (single.state, paid(path)) == ("pending", 20)


@BOTH
async def test_it_starts_anew_at_midnight_in_the_profiles_time_zone(vendor: FakeVendor, path: Path, kind: str):
    vendor.script(*replies(*[10] * 9))
    async with at_day(vendor, kind) as (session, clock):
        job = BookingJob(session, journal=path, highest_fee=usd(10), concurrency=1)
        async with job:
            await ran(job, pairs(3))
            assert list(recorded(path).values()).count("done") == 2
            clock.advance(29 * 60)
            assert (await job.book(booking("B"), reference="late")).state == "pending"
            clock.advance(60)
            vendor.clock_offset += 1800
            assert (await job.book(booking("B"), reference="late")).state == "done"
    async with at_day(vendor, kind, clock.now()) as (session, _):
        job = BookingJob(session, journal=path, highest_fee=usd(10))
        await ran(job, pairs(4))
        assert (job.report.done, paid(path)) == (1, 40)


async def test_what_ends_after_midnight_counts_for_the_new_day():
    clock = VirtualClock(EVENING)
    day = SpendLimits(day=usd(25), highest_fee=HighestFee(usd(10)), zone=zone_of("Asia/Shanghai")).of_a_day(clock)
    assert day is not None
    day.paid(usd(20))
    day.in_flight = 1
    clock.advance(1800)
    day.paid(usd(20))
    day.in_flight = 0
    assert day.why_not() == "the daily spend limit of 25 USD is reached: 20 spent, 0 in doubt, 0 without a fee"


async def test_a_clock_that_was_a_day_ahead_gives_no_second_allowance():
    clock = VirtualClock(EVENING)
    day = SpendLimits(day=usd(25), highest_fee=HighestFee(usd(10)), zone=zone_of("Asia/Shanghai")).of_a_day(clock)
    assert day is not None
    day.paid(usd(20))
    clock.set_wall(EVENING + 86_400)
    assert day.why_not() is None  # nobody can know better
    clock.set_wall(EVENING)
    assert "the clock was set back" in (day.why_not() or "")
    assert "the clock was set back" in (day.exhausted() or "")
    clock.set_wall(day.began - 1)  # a time server's correction at midnight
    assert day.why_not() is None


@BOTH
async def test_one_in_doubt_counts_on_the_day_it_was_sent(vendor: FakeVendor, path: Path, kind: str):
    vendor.script("drop_after", *replies(*[10] * 9))
    async with at_day(vendor, kind) as (session, _):
        job = BookingJob(session, journal=path, highest_fee=usd(10), concurrency=1)
        await ran(job, pairs(3))
        assert job.report.stopped == "the daily spend limit of 25 USD is reached: 10 spent, 1 in doubt, 0 without a fee"
    async with at_day(vendor, kind, EVENING + 3600) as (session, _):
        job = BookingJob(session, journal=path, highest_fee=usd(10), concurrency=1)
        await ran(job, pairs(4))
        assert (job.report.done, job.report.stopped) == (2, None)


@BOTH
async def test_what_comes_back_leaves_no_more_room_for_the_day(vendor: FakeVendor, path: Path, kind: str):
    vendor.script(*replies(*[10] * 9))
    async with at_day(vendor, kind, EVENING - 86_400) as (session, _):
        await ran(BookingJob(session, journal=path, highest_fee=usd(10)), pairs(1))
    async with at_day(vendor, kind) as (session, clock):
        await ran(BookingJob(session, journal=path, highest_fee=usd(10)), pairs(2))
        with Journal(path, clock) as journal:
            journal.credit("order-0", usd(10), by="ann", note="late")  # of yesterday
            journal.credit("order-1", usd(5), by="ann", note="late")
            journal.resolve("order-1", "done", fee=usd(8), by="ann", note="less")
        job = BookingJob(session, journal=path, highest_fee=usd(10), concurrency=1)
        await ran(job, pairs(5))
    assert job.report.stopped == "the daily spend limit of 25 USD is reached: 20 spent, 0 in doubt, 0 without a fee"


@BOTH
async def test_a_job_that_knows_no_fees_ends_at_its_first_booking(vendor: FakeVendor, path: Path, kind: str):
    async with at_day(vendor, kind) as (session, _):
        job = WriteJob(session, FreightBookingRequest, journal=path)
        outcomes = await ran(job, pairs(3))  # type: ignore[arg-type]
    assert states(outcomes) == {"order-0": "done"}
    assert "no fee can be read" in str(job.report.stopped)


@pytest.mark.parametrize("wrong", ["500", "USD", "500 usd", "-1 USD", "0 USD", "nan USD", "", 500, usd(0)])
def test_a_days_limit_that_is_none_is_refused(wrong: Any):
    with pytest.raises(ConfigError, match="daily_spend_limit: must be an amount above zero"):
        PANDAPON.evolve(daily_spend_limit=wrong)


@pytest.mark.parametrize("wrong", ["Nowhere/Land", "", "../etc/passwd", 8, None])
def test_a_time_zone_that_is_none_is_refused(wrong: Any):
    with pytest.raises(ConfigError, match="time_zone"):
        PANDAPON.evolve(time_zone=wrong)


def test_a_day_has_23_hours_when_the_clocks_go_forward():
    clock = VirtualClock(datetime(2026, 3, 29, 12, tzinfo=timezone.utc).timestamp())
    profile = PANDAPON.evolve(daily_spend_limit="5 USD", time_zone="Europe/Berlin")
    day = SpendLimits(day=profile.daily_spend_limit, zone=zone_of(profile.time_zone)).of_a_day(clock)
    assert day is not None
    assert (day._ends - day.began) / 3600 == 23


# --- the room that is left ---------------------------------------------------------------------------------------------


def limited(limit: str, highest: str | None = None, size: int = 8) -> tuple[Admission, LimitedSpending]:
    limits = SpendLimits(input=usd(limit), highest_fee=HighestFee(None if highest is None else usd(highest)))
    bound = limits.of_an_input()
    assert bound is not None
    spending = LimitedSpending(limits, [bound], None, asyncio.Event())
    return Admission(Stop(), Pace(), size, VirtualClock(), spending), spending


async def test_one_that_is_under_way_keeps_its_room_until_it_has_ended():
    one, _ = limited("100", "40")
    assert await one.admit()
    one.began()
    assert await one.admit()
    one.began()
    waiting = asyncio.ensure_future(one.admit())
    await spin()
    assert not waiting.done()
    one.succeeded(usd(15), 0.1)
    one.ended()
    assert await waiting
    one.began()
    one.failed(NotSentError("x"))
    one.ended()
    one.succeeded(usd(40), 0.1)
    one.ended()
    assert await one.admit()
    one.began()
    one.succeeded(usd(40), 0.1)
    one.ended()
    assert not await one.admit()
    assert one.reason == "the spend limit of 100 USD is reached: 95 spent, 0 in doubt, 0 without a fee"


def test_a_fee_of_nothing_is_a_fee():
    bound = Bound("the spend limit", usd(10), HighestFee())
    bound.paid(usd(0))
    assert bound.why_not() is None


# --- what previews said ---


def as_previewed(fees: dict[str, Money | None]) -> Callable[[str, object], Money | None]:
    return lambda reference, _: fees.get(reference)


@pytest.mark.parametrize("check", ["all", "stream"])
@pytest.mark.parametrize("missing", [False, True])
async def test_a_previewed_fee_of_every_booking_takes_the_place_of_highest_fee(
    vendor: FakeVendor, path: Path, check: Any, missing: bool
):
    fees: dict[str, Money | None] = dict.fromkeys((reference for reference, _ in pairs(8)), usd(500))
    if missing:
        fees[pairs(8)[3][0]] = None
    under_way, most = 0, 0

    def start(*_: Any) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)

    def end(*_: Any) -> None:
        nonlocal under_way
        under_way -= 1

    vendor.faults = Faults(latency=0.02)
    async with SessionManager([vendor.profile("pandapon")], on_start=start, on_reply=end) as vendors:
        limits: dict[str, Any] = {"spend_limit": usd(100_000), "highest_fee": as_previewed(fees)}
        job = BookingJob(vendors.pandapon, journal=path, check=check, **limits)
        outcomes = await ran(job, pairs(8))
    assert {one.state for one in outcomes} == {"done"}
    assert (job.report.one_at_a_time is not None) is missing
    assert (most > 1) is not missing


@pytest.mark.parametrize("fee", ["0", "-5", "1E+20"])
async def test_a_preview_that_can_not_be_true_says_nothing_of_a_fee(
    vendor: FakeVendor, account: VendorSession, path: Path, fee: str
):
    vendor.script(*replies(*[50] * 16))
    told = as_previewed(dict.fromkeys((reference for reference, _ in pairs(16)), usd(fee)))
    job = BookingJob(account, journal=path, concurrency=16, spend_limit=usd(170), highest_fee=told)
    await ran(job, pairs(16))
    assert job.report.one_at_a_time is not None
    assert paid(path) == 150


async def test_one_that_is_previewed_as_free_beside_others_reserves_as_much_as_they_do(
    vendor: FakeVendor, account: VendorSession, path: Path
):
    vendor.script(*replies(*[50] * 16))
    fees: dict[str, Money | None] = dict.fromkeys((reference for reference, _ in pairs(16)), usd(0))
    fees[pairs(16)[9][0]] = usd(60)
    job = BookingJob(account, journal=path, concurrency=16, spend_limit=usd(170), highest_fee=as_previewed(fees))
    await ran(job, pairs(16))
    assert job.report.one_at_a_time is None
    assert paid(path) == 150


async def test_the_highest_previewed_fee_of_the_whole_input_is_reserved_for_each(
    vendor: FakeVendor, account: VendorSession, path: Path
):
    (one, _), (two, _), (three, _) = pairs(3)
    fees: dict[str, Money | None] = {one: usd(1), two: usd(1), three: usd(600)}
    job = BookingJob(account, journal=path, spend_limit=usd(500), highest_fee=as_previewed(fees))
    outcomes = await ran(job, pairs(3))
    assert outcomes == []
    assert set(recorded(path).values()) == {"pending"}
    assert not vendor.ledger.bookings


async def test_of_what_waits_in_the_journal_no_preview_is_known_so_it_goes_one_at_a_time(
    vendor: FakeVendor, account: VendorSession, path: Path
):
    vendor.script({"status": 401})
    fees: dict[str, Money | None] = dict.fromkeys((reference for reference, _ in pairs(3)), usd(500))
    await ran(BookingJob(account, journal=path, concurrency=1), pairs(3))
    job = BookingJob(account, journal=path, spend_limit=usd(100_000), highest_fee=as_previewed(fees))
    await ran(job)
    assert job.report.one_at_a_time is not None
