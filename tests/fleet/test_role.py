"""The guide's SQL: its role can do what desks and workers need, and no more; what the queue has logged goes in time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

import psycopg
import pytest

from pandapon_async import BookingJob, Journal
from pandapon_async.testing import FakeVendor
from tests.guides.pages import block
from tests.jobs.support import pairs, ran, states
from tests.postgres import PostgresServer
from tests.support import session_at

from .test_workers import has_ended, submitted, until, workers


@pytest.fixture
def url(postgres: PostgresServer) -> Iterator[str]:
    """The journal as the role of the guide reaches it, once its owner has made the tables."""
    owners = postgres.fresh()
    with FakeVendor() as vendor, contextlib.ExitStack() as stack:
        asyncio.run(submitted(vendor, owners, 1, "first"))
        stack.callback(postgres.run, "postgres", "DROP OWNED BY pandapon_desk; DROP ROLE pandapon_desk")
        postgres.run("postgres", block("fleet", "CREATE ROLE", "sql"))
        yield owners.replace("postgres:@", "pandapon_desk:@")


def test_it_submits_works_books_and_resolves(url: str):
    with FakeVendor() as vendor:
        asyncio.run(submitted(vendor, url, 5))
        with workers(vendor, url, 1):
            until(lambda: has_ended(url))

        async def book() -> None:
            async with session_at(vendor.profile("pandapon")) as session:
                assert states(await ran(BookingJob(session, journal=url), pairs(1, 20))) == {"order-20": "done"}

        asyncio.run(book())
    with Journal.open(url) as journal:
        journal.resolve("order-20", "void", by="Jane", note="not wanted")
        assert journal.counts()["done"] == 5


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM pandapon.money",
        "UPDATE pandapon.journal SET version = 9",
        "DROP TABLE pandapon.rows",
        "CREATE TABLE pandapon.mine (id INT)",
        "TRUNCATE pandapon.rows",
        "DELETE FROM pandapon.events",
    ],
)
def test_it_can_not_do_more(url: str, query: str):
    with psycopg.connect(url, autocommit=True) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(query.encode())


def test_what_the_queue_has_logged_goes_in_time(postgres: PostgresServer):
    url = postgres.fresh()
    with FakeVendor() as vendor:
        asyncio.run(submitted(vendor, url, 5))
        with workers(vendor, url, 1):
            until(lambda: has_ended(url))
            log = "pandapon_queue.pgqueuer_log"
            until(lambda: postgres.run("postgres", "SELECT 1 FROM pandapon_queue.pgqueuer") == [])
            until(lambda: postgres.run("postgres", f"SELECT 1 FROM {log} WHERE NOT aggregated") == [])
            postgres.run("postgres", f"UPDATE {log} SET created = now() - interval '8 days' WHERE job_id < 4")
            postgres.run("postgres", block("fleet", "pgqueuer_log", "sql"))
            assert postgres.run("postgres", f"SELECT DISTINCT job_id FROM {log} ORDER BY 1") == [(4,), (5,)]
            asyncio.run(submitted(vendor, url, 9, "again"))
            until(lambda: has_ended(url))
        assert len(vendor.ledger.bookings) == 9
