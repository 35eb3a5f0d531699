"""Sweeps: every request at every account is a row, whatever the vendors, the input or the reader do."""

from __future__ import annotations

import asyncio
import itertools
import time
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from pandapon_async import (
    ApiError,
    AuthError,
    ConfigError,
    Limits,
    NotSentError,
    PandaponError,
    Quote,
    QuoteSweep,
    RequestError,
    RetryPolicy,
    Stop,
)
from pandapon_async._quotes.requests import SweepRequest
from pandapon_async._session import client_of
from pandapon_async.api.logistics import Money, ReceiverAddress
from pandapon_async.testing import FakeVendor, Faults, VirtualClock
from tests.support import AT_ONCE, ESTIMATE, booking, estimate, spin, until

from .support import places, preview, sessions, sweeping

PREVIEW = "logistics.order.render_freight"


def product(pieces: int, number: int, **options: Any) -> Iterator[SweepRequest]:
    """So many items to so many destinations."""
    for n, place in itertools.product(range(pieces), places(number)):
        request = estimate(item_id=f"20480{n}", sku_id="1", quantity=1 + n % 3, receiver_address=place)
        yield SweepRequest(request=request, **options)


FAULTY = Faults(drop_before=0.02, half_body=0.01, status={503: 0.02}, seed=4)


def facts(quotes: Any) -> list[tuple[Any, ...]]:
    """What must not depend on how a sweep was run."""
    return [(q.index, q.vendor, q.destination, q.service_id, q.price, q.error) for q in quotes]


async def every(stream: Any) -> list[Quote]:
    async with stream as quotes:
        return [quote async for quote in quotes]


def by_vendor(rows: Any) -> Counter[tuple[str, bool]]:
    """How many requests each account answered and didn't."""
    return Counter((row.vendor, row.ok) for row in rows if row.number == 0)


# --- complete ---


async def test_two_thousand_quotes_with_faults_are_complete_and_the_same_at_any_concurrency(vendor: FakeVendor) -> None:
    vendor.faults = FAULTY
    options = {"limits": Limits(concurrency=128), "retry": RetryPolicy(base=0, attempts=8, budget=1000)}
    tables: list[Any] = []
    for concurrency in (1, 128):
        async with sweeping(vendor, options=options, concurrency=concurrency) as sweep:
            tables.append(await sweep.run(product(20, 50)))
    assert sum(record.fault is not None for record in vendor.ledger.requests) > 100
    assert by_vendor(tables[0].rows) == {("pandapon", True): 1000, ("xportcn_ka", True): 1000}
    assert len(tables[0].priced) == 6000
    assert facts(tables[0].rows) == facts(tables[1].rows)
    assert len(tables[0].cheapest()) == 1000


async def test_rows_are_in_the_order_of_the_input_then_of_the_sessions_then_of_the_reply(vendor: FakeVendor) -> None:
    async with sweeping(vendor, "xportcn_ka", "pandapon") as sweep:
        table = await sweep.run([estimate(), estimate(quantity=2)])
    assert [(row.index, row.vendor, row.service_id) for row in table.rows] == [
        (index, kind, service) for index in (0, 1) for kind in ("xportcn_ka", "pandapon") for service in "123"
    ]


async def test_a_quote_knows_where_what_and_for_whom(vendor: FakeVendor) -> None:
    async with sweeping(vendor, "pandapon") as sweep:
        table = await sweep.run([("order-7", estimate(receiver_address=places(3)[2], quantity=2))])
    first = table.rows[0]
    assert (first.reference, first.vendor, first.destination) == ("order-7", "pandapon", "CN 广东省 深圳市 518000")
    assert (first.company, first.category, first.service) == ("UCS", "EXPRESS", "UCS EXPRESS (1)")
    assert [str(goods) for goods in first.goods] == ["2 x 1/2"]
    assert first.price is not None
    assert first.price.currency == "USD"
    assert first.raw["data"][0]["serviceId"] == "1"


async def test_a_preview_gives_a_render_id_and_the_service_it_asked_for(vendor: FakeVendor) -> None:
    async with sweeping(vendor, "pandapon") as sweep:
        (row,) = (await sweep.run([preview("3")])).rows
    assert row.render_id is not None
    assert row.render_id.startswith("FF")
    assert (row.service_id, row.ok) == ("3", True)
    assert row.price is not None


async def test_estimates_and_previews_go_in_one_sweep(vendor: FakeVendor) -> None:
    async with sweeping(vendor, "pandapon") as sweep:
        table = await sweep.run([estimate(), ("order-1", preview())])
    assert [row.render_id is not None for row in table.rows] == [False, False, False, True]


async def test_a_stream_gives_quotes_as_they_come(vendor: FakeVendor) -> None:
    async with sweeping(vendor, "pandapon", concurrency=1) as sweep:
        async with sweep.stream([estimate()]) as quotes:
            assert (await anext(quotes)).number == 0
        assert [quote.number async for quote in sweep.stream([estimate()])] == [0, 1, 2]


@pytest.mark.parametrize("kind", ["list", "iterator", "async"])
async def test_any_kind_of_input_goes_to_every_account(vendor: FakeVendor, kind: str) -> None:
    async def later() -> AsyncIterator[Any]:
        for quantity in range(1, 31):
            await asyncio.sleep(0)
            yield estimate(quantity=quantity)

    requests = [estimate(quantity=quantity) for quantity in range(1, 31)]
    given: Any = {"list": requests, "iterator": iter(requests), "async": later()}[kind]
    async with sweeping(vendor, concurrency=3, ahead=2) as sweep:
        table = await sweep.run(given)
    assert by_vendor(table.rows) == {("pandapon", True): 30, ("xportcn_ka", True): 30}


async def test_a_request_goes_to_the_vendors_that_it_names(vendor: FakeVendor) -> None:
    requests = product(1, 2, vendors=("xportcn_ka",))
    async with sweeping(vendor) as sweep:
        table = await sweep.run([*requests, SweepRequest(request=estimate(), vendors=("pandapon",))])
    assert by_vendor(table.rows) == {("pandapon", True): 1, ("xportcn_ka", True): 2}


async def test_a_request_that_names_an_unknown_session_is_the_callers_mistake(vendor: FakeVendor) -> None:
    async with sweeping(vendor, "pandapon") as sweep:
        with pytest.raises(ConfigError, match=r"number 2 names elsewhere; the sweep has pandapon"):
            await sweep.run([estimate(), SweepRequest(request=estimate(), vendors=("elsewhere",))])


async def test_memory_does_not_grow_with_the_stream(vendor: FakeVendor) -> None:
    def many(number: int) -> Iterator[Any]:
        return (estimate(quantity=n + 1) for n in range(number))

    async def peak(sweep: QuoteSweep, number: int) -> int:
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        async with sweep.stream(many(number)) as quotes:
            async for _ in quotes:
                pass
        return tracemalloc.get_traced_memory()[1] - before

    async with sweeping(vendor, concurrency=8, ahead=50) as sweep:
        await every(sweep.stream(many(300)))  # connections, caches, the ledger
        tracemalloc.start()
        try:
            few, more = await peak(sweep, 100), await peak(sweep, 600)
        finally:
            tracemalloc.stop()
    assert more < few + 1_000_000  # 2 kB a quote: the fake vendor's ledger keeps a record of every request


# --- failures are rows ---


async def test_a_vendor_killed_midway_costs_its_own_rows_only(vendor: FakeVendor) -> None:
    clock = VirtualClock(time.time())
    async with FakeVendor() as other:
        found = ((vendor, "pandapon"), (other, "xportcn_ka"))
        async with sessions(*found, clock=clock, retry=RetryPolicy()) as both:
            sweep = QuoteSweep(both, concurrency=4)
            rows: list[Quote] = []
            async with sweep.stream([estimate(quantity=n) for n in range(1, 201)]) as quotes:
                async for row in quotes:
                    rows.append(row)
                    if len(rows) == 60:
                        await other.stop()
    assert [row.ok for row in rows if row.vendor == "pandapon"] == [True] * 600
    answers = by_vendor(rows)
    assert answers["pandapon", True] == 200
    assert answers["xportcn_ka", True] + answers["xportcn_ka", False] == 200
    assert answers["xportcn_ka", True] >= 5
    errors = [row.error for row in rows if row.error is not None]
    assert all(isinstance(error, NotSentError) for error in errors)
    assert str(errors[-1]).startswith(
        "xportcn_ka logistics.estimate_freight: not sent: no success for 30 s; the last failure was NotSentError: "
    )


async def test_a_vendor_that_comes_back_is_queried_again(vendor: FakeVendor) -> None:
    clock = VirtualClock(time.time())
    vendor.script(*[503] * 10)
    stop = Stop(in_a_row=5, first_wait=1, longest_wait=2, down_for=60)
    async with sweeping(vendor, "pandapon", options={"clock": clock, "retry": RetryPolicy(attempts=1)}) as sweep:
        sweep.stop = stop
        table = await sweep.run([estimate(quantity=n) for n in range(1, 101)])
    assert table.rows[-1].ok
    assert sum(row.ok for row in table.rows if row.number == 0) >= 36  # 64 may have been under way when it went down


async def test_a_refused_key_ends_the_account_and_nobody_elses(vendor: FakeVendor) -> None:
    vendor.script({"status": 401, "json": {"code": 401, "msg": "no"}})
    async with sweeping(vendor, "pandapon", concurrency=1) as sweep:
        table = await sweep.run([estimate(quantity=n) for n in range(1, 11)])
    assert isinstance(table.rows[0].error, AuthError)
    assert all("not sent: AuthError: " in str(row.error) for row in table.rows[1:])
    assert vendor.ledger.seen == {ESTIMATE: 1}


async def test_refusals_count_as_replies_and_slow_nothing_down(vendor: FakeVendor) -> None:
    clock = VirtualClock(time.time())
    vendor.script(*["refuse"] * 60, "ok")
    async with sweeping(vendor, "pandapon", concurrency=4, options={"clock": clock}) as sweep:
        table = await sweep.run([estimate(quantity=n) for n in range(1, 62)])
    assert sum(isinstance(row.error, ApiError) for row in table.rows) == 60
    assert clock.slept == []


async def test_what_is_no_request_is_a_row(vendor: FakeVendor) -> None:
    async with sweeping(vendor) as sweep:
        table = await sweep.run([booking("R1"), "nonsense", estimate()])  # type: ignore[list-item]
    assert [isinstance(row.error, RequestError) for row in table.rows[:4]] == [True] * 4
    assert "expected an estimate or a preview request, not FreightBookingRequest" in str(table.rows[0].error)
    assert table.rows[4].ok
    assert vendor.ledger.bookings == {}


async def test_an_operation_without_a_path_is_a_row(vendor: FakeVendor) -> None:
    address = ReceiverAddress(country="US", name="\ud800")  # a lone surrogate: no UTF-8
    async with sweeping(vendor, "pandapon") as sweep:
        table = await sweep.run([estimate(receiver_address=address)])
    assert isinstance(table.rows[0].error, RequestError)


async def test_the_inputs_own_error_comes_after_the_rows_of_what_was_started(vendor: FakeVendor) -> None:
    def broken() -> Iterator[Any]:
        yield estimate()
        raise ZeroDivisionError

    async with sweeping(vendor) as sweep, sweep.stream(broken()) as quotes:
        rows = [await anext(quotes) for _ in range(6)]
        with pytest.raises(ZeroDivisionError):
            await anext(quotes)
    assert by_vendor(rows) == {("pandapon", True): 1, ("xportcn_ka", True): 1}


async def test_left_early_nothing_runs_on(vendor: FakeVendor) -> None:
    closed: list[bool] = []

    async def requests() -> AsyncIterator[Any]:
        try:
            for quantity in range(1, 1000):
                yield estimate(quantity=quantity)
        finally:
            closed.append(True)

    async with sessions((vendor, "pandapon"), (vendor, "xportcn_ka")) as both:
        sweep = QuoteSweep(both, concurrency=2)
        async with sweep.stream(requests()) as quotes:
            async for _ in quotes:
                break
        assert [client_of(session).state.open_streams for session in both] == [set(), set()]
        assert closed == [True]
        await spin(200)  # what had left already arrives
        asked = vendor.ledger.seen[ESTIMATE]
        await spin(200)
        assert vendor.ledger.seen[ESTIMATE] == asked


async def test_closing_a_session_ends_the_stream(vendor: FakeVendor) -> None:
    async with (
        sessions((vendor, "pandapon")) as (session,),
        QuoteSweep([session]).stream(product(20, 50)) as quotes,
    ):
        await anext(quotes)
        await session.close()
        assert len([quote async for quote in quotes]) < 1000


async def test_a_sweep_is_asynchronous_only(vendor: FakeVendor) -> None:
    async with sweeping(vendor, "pandapon") as sweep:
        with pytest.raises(TypeError, match="async with"), sweep.stream([]):  # type: ignore[attr-defined]
            pass


# --- a slow account ---


async def test_an_account_that_is_paused_holds_up_no_other(vendor: FakeVendor) -> None:
    async with FakeVendor() as other:
        other.script(*[{"status": 200, "delay": 60}] * 4)
        async with (
            sessions((vendor, "pandapon"), (other, "xportcn_ka")) as both,
            QuoteSweep(both, concurrency=4).stream([estimate(quantity=n) for n in range(1, 101)]) as quotes,
        ):
            rows = [await anext(quotes) for _ in range(300)]
    assert by_vendor(rows) == {("pandapon", True): 100}


async def test_a_fast_account_waits_when_it_is_too_far_ahead(vendor: FakeVendor) -> None:
    taken: list[int] = []

    def requests() -> Iterator[Any]:
        for quantity in range(1, 101):
            taken.append(quantity)
            yield estimate(quantity=quantity)

    async with FakeVendor() as other:
        other.script(*[{"status": 200, "delay": 60}] * 4)
        async with (
            sessions((vendor, "pandapon"), (other, "xportcn_ka")) as both,
            QuoteSweep(both, concurrency=4, ahead=10).stream(requests()) as quotes,
        ):
            for _ in range(30):
                await anext(quotes)
            await spin(50)
            assert len(taken) <= 4 + 10 + 1


# --- asked once ---


async def test_concurrent_equal_estimates_are_sent_once(vendor: FakeVendor) -> None:
    vendor.faults = Faults(latency=0.02)
    async with sweeping(vendor, "pandapon", concurrency=10) as sweep:
        table = await sweep.run([(f"order-{n}", estimate()) for n in range(10)])
    assert vendor.ledger.seen == {ESTIMATE: 1}
    assert sum(row.shared for row in table.rows if row.number == 0) == 9
    assert {row.reference for row in table.rows} == {f"order-{n}" for n in range(10)}
    assert all(row.elapsed == 0 for row in table.rows if row.shared)


async def test_a_shared_failure_has_the_reference_of_each_request(vendor: FakeVendor) -> None:
    vendor.script({"status": 404, "delay": 0.02})
    async with sweeping(vendor, "pandapon", concurrency=3) as sweep:
        table = await sweep.run([(f"order-{n}", estimate()) for n in range(3)])
    assert vendor.ledger.seen == {ESTIMATE: 1}
    assert [row.error.reference for row in table.rows if isinstance(row.error, PandaponError)] == [
        f"order-{n}" for n in range(3)
    ]


async def test_accounts_do_not_share(vendor: FakeVendor) -> None:
    async with sweeping(vendor) as sweep:
        await sweep.run([estimate()])
    assert vendor.ledger.seen == {ESTIMATE: 2}


async def test_previews_are_never_shared_or_cached(vendor: FakeVendor) -> None:
    async with sweeping(vendor, "pandapon", keep=60) as sweep:
        first = await sweep.run([preview()] * 5)
        second = await sweep.run([preview()])
    assert len({row.render_id for row in (*first.rows, *second.rows)}) == 6


async def test_an_equal_request_is_sent_anew_when_the_first_was_cancelled(vendor: FakeVendor) -> None:
    vendor.script({"status": 200, "delay": 60})
    async with sweeping(vendor, "pandapon") as sweep:
        first = sweep.stream([estimate()])
        async with first:
            asking = asyncio.ensure_future(anext(first))
            await until(lambda: vendor.ledger.seen)
            other = asyncio.ensure_future(sweep.run([estimate()]))
            await spin()
        table = await other
        assert "closed before the reply arrived" in str((await asking).error)
    assert [row.ok for row in table.rows] == [True] * 3
    assert vendor.ledger.seen == {ESTIMATE: 2}


async def test_a_reply_is_cached_for_as_long_as_it_is_valid(vendor: FakeVendor) -> None:
    clock = VirtualClock(time.time(), auto=False)
    async with sweeping(vendor, "pandapon", options={"clock": clock}, keep=60) as sweep:
        first = await sweep.run([estimate()])
        clock.advance(59)
        second = await sweep.run([("mine", estimate())])
        assert vendor.ledger.seen == {ESTIMATE: 1}
        assert all(row.shared and row.reference == "mine" for row in second.rows)
        assert [row.price for row in second.rows] == [row.price for row in first.rows]
        clock.advance(1)
        await sweep.run([estimate()])
    assert vendor.ledger.seen == {ESTIMATE: 2}


async def test_without_keep_every_request_is_sent(vendor: FakeVendor) -> None:
    async with sweeping(vendor, "pandapon", concurrency=1) as sweep:
        await sweep.run([estimate()] * 3)
    assert vendor.ledger.seen == {ESTIMATE: 3}


async def test_failures_are_not_cached(vendor: FakeVendor) -> None:
    vendor.script("refuse")
    async with sweeping(vendor, "pandapon", concurrency=1, keep=60) as sweep:
        table = await sweep.run([estimate()] * 2)
    assert [row.ok for row in table.rows] == [False, True, True, True]


async def test_the_oldest_replies_are_evicted(vendor: FakeVendor) -> None:
    async with sweeping(vendor, "pandapon", concurrency=1, keep=60, keep_most=2) as sweep:
        await sweep.run([estimate(quantity=n) for n in (1, 2, 3, 3, 2, 1)])
    assert vendor.ledger.seen == {ESTIMATE: 4}


# --- prices that aren't recognised ---


async def test_a_reply_without_a_recognised_price_is_a_row_with_the_reply(vendor: FakeVendor) -> None:
    vendor.script({"json": {"errorCode": 200, "success": True, "data": {"options": [{"cost": "12.5"}]}}})
    async with sweeping(vendor, "pandapon") as sweep:
        table = await sweep.run([estimate()])
    (row,) = table.rows
    assert (row.ok, row.price, row.raw["data"]) == (True, None, {"options": [{"cost": "12.5"}]})
    assert table.notice is not None
    assert "  data.options[].cost\n" in table.notice


async def test_the_profile_says_where_the_price_is(vendor: FakeVendor) -> None:
    data = {"options": [{"serviceId": 4, "cost": 12.5}, {"serviceId": 5, "cost": None}]}
    vendor.script({"json": {"errorCode": 200, "success": True, "data": data}})
    async with sweeping(vendor, "pandapon", options={"price_paths": ["data.options[].cost(CNY)"]}) as sweep:
        table = await sweep.run([estimate()])
    assert [(row.service_id, row.price) for row in table.rows] == [
        ("4", Money(amount="12.5", currency="CNY")),  # type: ignore[arg-type]
        ("5", None),
    ]
    assert table.notice is None


# --- arguments ---


async def test_arguments_that_cannot_work_are_refused(vendor: FakeVendor) -> None:
    with pytest.raises(ConfigError, match="at least one session"):
        QuoteSweep([])
    async with sessions((vendor, "pandapon")) as (session,):
        with pytest.raises(ConfigError, match="must differ in their accounts' names"):
            QuoteSweep([session, session])
        for wrong in ({"concurrency": 0}, {"keep": 0}, {"keep_most": 0}, {"ahead": 0}):
            with pytest.raises(ConfigError, match=next(iter(wrong))):
                QuoteSweep([session], **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(("asked", "size"), [(None, 8), (4, 4), (100, 8)])
async def test_a_sweep_takes_no_more_than_the_profile_allows(vendor: FakeVendor, asked: int | None, size: int) -> None:
    async with sessions((vendor, "pandapon"), limits=Limits(concurrency=8), retry=AT_ONCE) as (session,):
        (lane,) = QuoteSweep([session], concurrency=asked).stream([])._results._lanes
        assert lane.size == size
