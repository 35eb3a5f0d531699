"""This package: single calls, streams, a journaled job, a sweep of quotes."""

from __future__ import annotations

import asyncio
import itertools
import json
import tempfile
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager

import attrs

from pandapon_async import (
    PANDAPON,
    BookingJob,
    Credentials,
    Limits,
    PandaPonSession,
    QuoteSweep,
    SessionManager,
    VendorProfile,
    from_wire,
)
from pandapon_async._cli.demo_fleet import own_postgres
from pandapon_async._quotes.requests import SweepRequest
from pandapon_async.api.logistics import (
    BookingItem,
    FreightBookingRequest,
    FreightInfo,
    FreightPreviewRequest,
    ReceiverAddress,
    RenderItem,
    TmallOrderInfo,
)

from ..process import Meter
from .setting import IDLE_SECONDS, Book, Setting, pooled

_KEYS = Credentials(access_key="bench-key-0001", access_secret="bench-secret-0001", user_id="1000000000001")


def _built(number: int) -> FreightBookingRequest:
    """The sample's model, built from plain values as a caller builds it."""
    return FreightBookingRequest(
        render_id=f"FF{number:013d}",
        tmall_order_info=TmallOrderInfo(tmall_order_id="123123444"),
        receiver_address=ReceiverAddress(
            country="US",
            state="California",
            city="Springfield",
            zip="90000",
            address="1 Example Street",
            name="Jane Example",
            phone="5550100100",
            mobile_phone="5550100100",
            email="jane@example.com",
        ),
        line_items=(
            BookingItem(
                item_id="2048020617114736",
                sku_id="413185732720",
                quantity=1,
                title="product 1",
                image_url="url",
                freight_info=FreightInfo(service_id="1", company_name="", service_category=""),
            ),
            BookingItem(
                item_id="2048232789087639",
                sku_id="4970432383383",
                quantity=2,
                title="product 2",
                image_url="url",
                freight_info=FreightInfo(service_id="2", company_name="", service_category=""),
            ),
        ),
    )


@asynccontextmanager
async def book_freight(setting: Setting) -> AsyncGenerator[Book, None]:
    """Single calls by a pool of workers; one model is sent again and again."""
    request = _request(setting)
    async with PandaPonSession(_profile(setting)) as panda:

        async def one() -> None:
            assert (await panda.logistics.book_freight(request)).order_id is not None

        yield pooled(setting, one)


@asynccontextmanager
async def stream(setting: Setting) -> AsyncGenerator[Book, None]:
    """A stream of pairs: the same model under new references."""
    request, numbers = _request(setting), itertools.count()
    async with _timed_session(setting) as (panda, times):

        async def book(number: int) -> None:
            pairs = ((f"order-{next(numbers)}", request) for _ in range(number))
            await _all_streamed(panda, pairs, number, times)

        yield book


@asynccontextmanager
async def stream_built(setting: Setting) -> AsyncGenerator[Book, None]:
    """A stream of models, each of which is built first."""
    async with _timed_session(setting) as (panda, times):

        async def book(number: int) -> None:
            await _all_streamed(panda, (_built(index) for index in range(number)), number, times)

        yield book


@asynccontextmanager
async def job(setting: Setting) -> AsyncGenerator[Book, None]:
    """A job over a journal on disk: the stream's pairs, each on disk before it is sent, and its whole reply after."""
    with tempfile.TemporaryDirectory() as folder:
        async with _job(setting, f"{folder}/bookings.db") as book:
            yield book


@asynccontextmanager
async def job_in_postgres(setting: Setting) -> AsyncGenerator[Book, None]:
    """The same over a journal in PostgreSQL, which is a process of its own."""
    with own_postgres() as url:
        async with _job(setting, url) as book:
            yield book


@asynccontextmanager
async def worker(setting: Setting) -> AsyncGenerator[Book, None]:
    """The same pairs, submitted, and sent by a worker that is there already; that they are queued is part of its work."""
    from pandapon_async._fleet.submit import Share, submit
    from pandapon_async._fleet.worker import Worker

    pairs = _pairs(setting)
    with own_postgres() as url:
        sending = Worker([_profile(setting)], url, setting.concurrency)
        running = asyncio.ensure_future(sending.run())

        async def book(number: int) -> None:
            until = sending.done + number
            async with PandaPonSession(_profile(setting)) as panda:
                shares = [Share(panda, itertools.islice(pairs, number))]
                await submit(shares, url, "all", agree=setting.meter.prepared)
            while sending.done < until:
                assert not running.done(), running
                await asyncio.sleep(0.01)

        yield book
        running.cancel()
        await asyncio.wait([running])


def _pairs(setting: Setting) -> Iterator[tuple[str, FreightBookingRequest]]:
    request, numbers = _request(setting), itertools.count()

    def another(number: int) -> tuple[str, FreightBookingRequest]:
        """The same to another receiver: a job doesn't book a parcel twice."""
        receiver = ReceiverAddress(country="US", name=f"Jane Example {number}", address="1 Example Street")
        order = TmallOrderInfo(tmall_order_id=f"T{number}")
        other = attrs.evolve(request, render_id=f"R{number}", receiver_address=receiver, tmall_order_info=order)
        return f"order-{number}", other

    return map(another, numbers)


@asynccontextmanager
async def _job(setting: Setting, journal: str) -> AsyncGenerator[Book, None]:
    pairs = _pairs(setting)
    async with (
        _timed_session(setting) as (panda, times),
        BookingJob(panda, journal=journal, concurrency=setting.concurrency) as job,
    ):

        async def book(number: int) -> None:
            booked = 0
            async with job.run(
                itertools.islice(pairs, number)
            ) as outcomes:  # entered, the whole input is in the journal
                setting.meter.prepared()
                async for outcome in outcomes:
                    assert outcome.order_id, outcome.error
                    times.ended(outcome.reference)
                    booked += 1
            assert booked == number, booked

        yield book


@asynccontextmanager
async def sweep(setting: Setting) -> AsyncGenerator[Book, None]:
    """A sweep of quotes over two accounts: previews of an item, every other one at the other account."""
    profile, address = _profile(setting), ReceiverAddress(country="US")
    async with SessionManager([profile, profile.evolve(name="other")]) as vendors:
        accounts = [vendors["pandapon"], vendors["other"]]
        sweep = QuoteSweep(accounts, concurrency=max(1, setting.concurrency // 2))

        def asks(number: int) -> Iterator[SweepRequest]:
            for index in range(number):
                item = RenderItem(item_id=str(index), sku_id="1", quantity=1, freight_info=FreightInfo(service_id="1"))
                request = FreightPreviewRequest(receiver_address=address, render_items=(item,))
                yield SweepRequest(request=request, vendors=("pandapon" if index % 2 else "other",))

        async def book(number: int) -> None:
            quoted = 0
            async with sweep.stream(asks(number)) as quotes:
                async for quote in quotes:
                    assert quote.price is not None, quote.error
                    quoted += 1
            assert quoted == number, quoted

        yield book


class _Times:
    """From a call's turn to its outcome in the reader's hands; what a job writes before the request is part of it."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._began: dict[str | None, float] = {}

    def began(self, reference: str | None, operation: object) -> None:
        self._began[reference] = time.perf_counter()

    def ended(self, reference: str | None) -> None:
        if self._meter.timed:
            self._meter.laps.append(time.perf_counter() - self._began.pop(reference))


def _request(setting: Setting) -> FreightBookingRequest:
    return from_wire(FreightBookingRequest, json.loads(setting.request))


def _profile(setting: Setting) -> VendorProfile:
    return PANDAPON.evolve(
        base_url=setting.base_url,
        credentials=_KEYS,
        limits=Limits(concurrency=setting.concurrency),
        idle_timeout=IDLE_SECONDS,
    )


@asynccontextmanager
async def _timed_session(setting: Setting) -> AsyncGenerator[tuple[PandaPonSession, _Times], None]:
    times = _Times(setting.meter)
    async with PandaPonSession(_profile(setting)) as panda:
        yield panda.with_options(on_start=times.began) if setting.meter.timed else panda, times


async def _all_streamed(
    panda: PandaPonSession,
    requests: Iterator[FreightBookingRequest] | Iterator[tuple[str, FreightBookingRequest]],
    number: int,
    times: _Times,
) -> None:
    booked = 0
    async with panda.stream(requests) as outcomes:
        async for outcome in outcomes:
            assert outcome.data is not None, outcome.error
            assert outcome.data.order_id is not None
            times.ended(outcome.reference)
            booked += 1
    assert booked == number, booked
