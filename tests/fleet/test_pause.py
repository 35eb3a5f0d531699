"""A 429 at one worker pauses all: processes on one PostgreSQL, judged by what the vendor has read, and when."""

from __future__ import annotations

import asyncio
import time

import pytest

from pandapon_async import Journal
from pandapon_async.testing import FakeVendor, Faults
from tests.postgres import PostgresServer

from .test_stalls import LIVING, asked
from .test_workers import counts, has_ended, submitted, until, workers

RETRY_AFTER, BEFORE, BOOKINGS, CONCURRENCY = 4.0, 40, 300, 6


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    return postgres.fresh()


def test_a_429_at_one_worker_pauses_all_of_them_until_its_end(url: str, postgres: PostgresServer):
    with FakeVendor(faults=Faults(latency=0.05)) as vendor:
        vendor.script(*["ok"] * BEFORE, {"status": 429, "headers": {"Retry-After": f"{RETRY_AFTER:g}"}, "delay": 0.05})
        with workers(vendor, url, 3, CONCURRENCY=str(CONCURRENCY)):
            until(lambda: asked(postgres, LIVING) == 3)
            asyncio.run(submitted(vendor, url, BOOKINGS))
            paused = "SELECT COUNT(*) FROM pandapon.paces WHERE paused_until > extract(epoch FROM clock_timestamp())"
            until(lambda: asked(postgres, paused) == 1)
            known = time.time()
            until(lambda: has_ended(url))
        requests = vendor.ledger.requests
        (refused,) = [request for request in requests if request.status == 429]
        end = refused.received_at + RETRY_AFTER
        assert known < end
        # What was under way may still arrive, and of each permit one more, whose worker is told as it writes that down.
        assert sum(known < request.received_at < end for request in requests) <= 2 * CONCURRENCY
        assert sum(request.received_at >= end for request in requests) > BOOKINGS / 3
        with Journal.open(url) as journal:
            senders = {str(row.history[1].note) for row in journal.rows()}
        assert len(senders) > 1
    assert counts(url)["done"] == BOOKINGS
