"""Workers of several accounts on one database, and what ends one at once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from pandapon_async import Credentials, Journal, JournalError, VendorProfile
from pandapon_async._fleet.submit import Share, submit
from pandapon_async._fleet.worker import Worker
from pandapon_async.testing import FakeVendor
from tests.jobs.support import pairs
from tests.postgres import PostgresServer
from tests.support import session_at, until

from .test_workers import counts


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    return postgres.fresh()


async def submitted(profile: VendorProfile, url: str, count: int, first: int = 0) -> None:
    async with session_at(profile) as session:
        await submit([Share(session, pairs(count, first))], url, "night")


@contextlib.asynccontextmanager
async def working(profile: VendorProfile, url: str) -> AsyncIterator[Worker]:
    worker = Worker([profile], url, 8)
    running = asyncio.ensure_future(worker.run())
    try:
        yield worker
    finally:
        running.cancel()
        await asyncio.wait([running])


async def test_workers_of_two_vendors_in_two_time_zones_share_a_database_and_nothing_else(url: str, vendor: FakeVendor):
    panda = vendor.profile("pandapon", time_zone="Asia/Shanghai", daily_spend_limit="9000 USD")
    other = vendor.profile("xportcn_ka", time_zone="America/New_York")
    await submitted(panda, url, 10)
    await submitted(
        other, url, 6, 4
    )  # some of the same references, and other parcels: render ids are each vendor's own
    async with working(other, url) as second:
        await until(lambda: second.done == 6)
        assert len(vendor.ledger.bookings) == 6
        async with working(panda, url) as first:
            await until(lambda: first.done == 10)
        assert second.done == 6
    with Journal.open(url) as journal:
        assert (
            sorted((row.account, row.state) for row in journal.rows())
            == [("pandapon", "done")] * 10 + [("xportcn_ka", "done")] * 6
        )


async def test_a_worker_with_a_key_that_the_journal_does_not_know_ends_and_says_so(url: str, vendor: FakeVendor):
    profile = vendor.profile("pandapon")
    await submitted(profile, url, 1)
    keys = Credentials(access_key="another", access_secret="secret", user_id="another")
    with pytest.raises(JournalError, match="another"):
        await Worker([profile.evolve(credentials=keys)], url, 8).run()
    assert vendor.ledger.seen == {}


async def test_a_queue_of_another_release_ends_a_worker_and_is_named(
    url: str, postgres: PostgresServer, vendor: FakeVendor
):
    profile = vendor.profile("pandapon")
    await submitted(profile, url, 1)
    postgres.run("postgres", "ALTER TABLE pandapon_queue.pgqueuer RENAME COLUMN heartbeat TO beat")
    with pytest.raises(JournalError, match=r"PgQueuer 1.* can't use the queue .*pgq upgrade"):
        await Worker([profile], url, 8).run()
    assert counts(url)["pending"] == 1


async def test_a_queue_that_is_gone_is_made_again(url: str, postgres: PostgresServer, vendor: FakeVendor):
    profile = vendor.profile("pandapon")
    await submitted(profile, url, 1)
    postgres.run("postgres", "DROP SCHEMA pandapon_queue CASCADE")
    async with working(profile, url) as worker:
        await submitted(profile, url, 2)
        await until(lambda: worker.done == 2)
    assert counts(url)["done"] == 2
