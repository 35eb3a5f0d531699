"""Who books: this package's stream, and bare aiohttp. Each is an async context manager that gives ``book(number)``."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import aiohttp
import attrs
from yarl import URL

from pandapon_async import (
    PANDAPON,
    BookingJob,
    Credentials,
    Limits,
    PandaPonSession,
    QuoteSweep,
    SessionManager,
    from_wire,
)
from pandapon_async._config.signing import sign
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

from .sample import PATH, REQUEST

Book = Callable[[int], Awaitable[None]]

_KEYS = Credentials(access_key="bench-key-0001", access_secret="bench-secret-0001", user_id="1000000000001")


@asynccontextmanager
async def bare_aiohttp(url: str, concurrency: int) -> AsyncIterator[Book]:
    """The floor: ready bytes are posted by a pool of workers over one iterator, and the body is read."""
    headers = {"Content-Type": "application/json"}
    connector = aiohttp.TCPConnector(limit=concurrency)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as client:

        async def worker(bodies: Iterator[bytes]) -> None:
            for body in bodies:
                async with client.post(url + PATH, data=body) as response:
                    await response.read()

        async def book(number: int) -> None:
            bodies = (REQUEST for _ in range(number))
            await asyncio.gather(*[worker(bodies) for _ in range(concurrency)])

        yield book


@asynccontextmanager
async def signed_aiohttp(url: str, concurrency: int) -> AsyncIterator[Book]:
    """The floor of anything that signs: ready bytes again, with a new URL and new headers each, and a time-out of each kind."""
    connector = aiohttp.TCPConnector(limit=concurrency)
    timeout = aiohttp.ClientTimeout(total=60, connect=5, sock_connect=5, sock_read=20)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as client:

        async def worker(bodies: Iterator[bytes]) -> None:
            for body in bodies:
                timestamp, nonce = str(int(time.time())), os.urandom(16).hex().upper()
                signature = sign(_KEYS.access_key, _KEYS.access_secret, timestamp, nonce)
                headers = {
                    "Content-Type": "application/json",
                    "access-key": _KEYS.access_key,
                    "timestamp": timestamp,
                    "nonce-str": nonce,
                    "signature": signature,
                    "user-id": str(_KEYS.user_id),
                }
                target = URL(f"{url}{PATH}?timestamp={timestamp}&sign={signature}", encoded=True)
                async with client.post(target, data=body, headers=headers) as response:
                    await response.read()

        async def book(number: int) -> None:
            bodies = (REQUEST for _ in range(number))
            await asyncio.gather(*[worker(bodies) for _ in range(concurrency)])

        yield book


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
async def stream_built(url: str, concurrency: int) -> AsyncIterator[Book]:
    """Whole bookings: each model is built, encoded, signed, sent, and its reply decoded."""
    async with _session(url, concurrency) as panda:

        async def book(number: int) -> None:
            await _all_ok(panda, (_built(index) for index in range(number)), number)

        yield book


@asynccontextmanager
async def stream_reused(url: str, concurrency: int) -> AsyncIterator[Book]:
    """The same, but one model is sent again and again, under new references."""
    request = from_wire(FreightBookingRequest, json.loads(REQUEST))
    async with _session(url, concurrency) as panda:

        async def book(number: int) -> None:
            await _all_ok(panda, ((f"order-{index}", request) for index in range(number)), number)

        yield book


def _another(request: FreightBookingRequest, number: int) -> tuple[str, FreightBookingRequest]:
    """The same to another receiver: a job doesn't book a parcel twice."""
    receiver = ReceiverAddress(country="US", name=f"Jane Example {number}", address="1 Test Street", phone="555 0100")
    order = TmallOrderInfo(tmall_order_id=f"T{number}")
    other = attrs.evolve(request, render_id=f"R{number}", receiver_address=receiver, tmall_order_info=order)
    return f"order-{number}", other


@asynccontextmanager
async def job_journaled(url: str, concurrency: int) -> AsyncIterator[Book]:
    """A booking job over a journal on disk: the same pairs, each on disk before it is sent, and its whole reply after."""
    request = from_wire(FreightBookingRequest, json.loads(REQUEST))
    numbers = itertools.count()
    with tempfile.TemporaryDirectory() as folder:
        async with _session(url, concurrency) as panda:
            job = BookingJob(panda, journal=f"{folder}/bookings.db", concurrency=concurrency)
            async with job:

                async def book(number: int) -> None:
                    booked = 0
                    pairs = (_another(request, next(numbers)) for _ in range(number))
                    async with job.run(pairs) as outcomes:
                        async for outcome in outcomes:
                            assert outcome.order_id, outcome.error
                            booked += 1
                    assert booked == number, booked

                yield book


@asynccontextmanager
async def sweep(url: str, concurrency: int) -> AsyncIterator[Book]:
    """A sweep of quotes over two accounts: previews of an item, every other one at the other account."""
    profile = PANDAPON.evolve(base_url=url, credentials=_KEYS, limits=Limits(concurrency=concurrency))
    address = ReceiverAddress(country="US")
    async with SessionManager([profile, profile.evolve(name="other")]) as vendors:
        sweep = QuoteSweep([vendors["pandapon"], vendors["other"]], concurrency=max(1, concurrency // 2))

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


@asynccontextmanager
async def _session(url: str, concurrency: int) -> AsyncIterator[PandaPonSession]:
    profile = PANDAPON.evolve(base_url=url, credentials=_KEYS, limits=Limits(concurrency=concurrency))
    async with SessionManager([profile]) as vendors:
        yield vendors.pandapon


async def _all_ok(
    panda: PandaPonSession,
    requests: Iterator[FreightBookingRequest] | Iterator[tuple[str, FreightBookingRequest]],
    number: int,
) -> None:
    booked = 0
    async with panda.stream(requests) as outcomes:
        async for outcome in outcomes:
            assert outcome.data is not None, outcome.error
            booked += outcome.data.order_id is not None
    assert booked == number, booked
