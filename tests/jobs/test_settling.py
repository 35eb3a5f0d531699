"""Bookings that were made, while that is being written to the journal."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from pandapon_async import BookingJob, JournalError
from pandapon_async._clock import SystemClock
from pandapon_async._journal.sql.changes import do_together
from pandapon_async._journal.sqlite.store import SqliteStore
from pandapon_async._journal.sqlite.writer import Writer
from pandapon_async._journal.store import Entry, PendingRow
from pandapon_async.api.logistics import FreightBooking
from pandapon_async.testing import FakeVendor
from tests.jobs.support import KEY, ran, recorded
from tests.streams.test_stream import HeldVendor, held
from tests.support import booking, spin, until


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bookings.db"


@contextlib.asynccontextmanager
async def slow_disk(job: BookingJob) -> AsyncIterator[None]:
    """The journal writes nothing meanwhile; what waits for it is written afterwards, together."""
    busy, free = threading.Event(), threading.Event()

    def wait(_: sqlite3.Connection) -> None:
        busy.set()
        free.wait(30)

    async with job._journal as journal:
        waiting = journal.store._writer.submit(wait)
        await until(busy.is_set)
        try:
            yield
        finally:
            free.set()
            await waiting


async def made_but_not_on_disk(server: HeldVendor, session: Any) -> None:
    """Let the held reply come, and wait until it has been understood."""
    replied = asyncio.Event()
    session.on_reply = lambda *_: replied.set()
    server.release()
    await replied.wait()
    await spin()


@contextlib.asynccontextmanager
async def sent(path: Path) -> AsyncIterator[tuple[HeldVendor, Any, BookingJob, Any, asyncio.Future[Any]]]:
    """A run of one booking that is at the vendor, and whose outcome is waited for."""
    async with held("R0") as (server, session):
        job = BookingJob(session, journal=path)
        async with job.run([booking("R0")]) as outcomes:
            reading = asyncio.ensure_future(anext(outcomes))
            await until(lambda: server.seen)
            yield server, session, job, outcomes, reading


async def test_an_outcome_is_given_only_once_it_is_on_disk(path: Path):
    async with sent(path) as (server, session, job, _, reading):
        async with slow_disk(job):
            await made_but_not_on_disk(server, session)
            assert not reading.done()
            assert recorded(path) == {"R0": "sent"}
        assert (await reading).state == "done"
        assert recorded(path) == {"R0": "done"}


async def test_its_worker_takes_the_next_one_which_is_not_sent_before_that_is_on_disk(path: Path):
    async with held("R0") as (server, session):
        job = BookingJob(session, journal=path, concurrency=1)
        async with job.run([booking("R0"), booking("R1")]) as outcomes:
            reading = asyncio.ensure_future(anext(outcomes))
            await until(lambda: server.seen)
            async with slow_disk(job):
                await made_but_not_on_disk(server, session)
                assert server.seen == ["R0"]
                assert recorded(path) == {"R0": "sent", "R1": "pending"}
            ended = [await reading, *[outcome async for outcome in outcomes]]
    assert [outcome.reference for outcome in ended] == ["R0", "R1"]
    assert server.seen == ["R0", "R1"]


async def test_a_run_that_is_left_waits_until_what_was_made_is_on_disk(path: Path):
    async with held("R0") as (server, session):
        job = BookingJob(session, journal=path)
        outcomes = job.run([booking("R0")])
        reading = asyncio.ensure_future(anext(outcomes))
        await until(lambda: server.seen)
        async with slow_disk(job):
            await made_but_not_on_disk(server, session)
            leaving = asyncio.ensure_future(outcomes.aclose())
            await spin()
            assert not leaving.done()
        await leaving
        given = (await asyncio.gather(reading, return_exceptions=True))[0]
    told = [*outcomes.undelivered, *([] if isinstance(given, StopAsyncIteration) else [given])]
    assert [outcome.state for outcome in told] == ["done"]
    assert recorded(path) == {"R0": "done"}


async def test_what_was_made_and_is_not_on_disk_yet_counts_as_under_way(path: Path):
    async with sent(path) as (server, session, job, outcomes, reading):
        async with slow_disk(job):
            await made_but_not_on_disk(server, session)
            assert outcomes.in_flight == 1
        await reading
        assert outcomes.in_flight == 0


async def test_the_same_reference_waits_until_it_is_on_disk(path: Path):
    async with sent(path) as (server, session, job, _, reading):
        async with slow_disk(job):
            await made_but_not_on_disk(server, session)
            again = asyncio.ensure_future(job.book(booking("R0")))
            await spin()
        assert (await reading).state == "done"
        assert ((await again).state, (await again).recorded) == ("skipped", "done")
    assert server.seen == ["R0"]


async def test_if_it_can_not_be_written_the_outcome_says_so_and_the_job_ends(
    path: Path, monkeypatch: pytest.MonkeyPatch
):
    def fail(*_: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(Writer, "PATIENCE", 0.0)
    async with held("R0") as (server, session):
        job = BookingJob(session, journal=path, concurrency=1)
        with monkeypatch.context() as patch:
            async with job.run([booking("R0"), booking("R1")]) as outcomes:
                reading = asyncio.ensure_future(anext(outcomes))
                await until(lambda: server.seen)
                patch.setattr("pandapon_async._journal.sqlite.writer.do_together", fail)
                server.release()
                ended = [await reading, *[outcome async for outcome in outcomes]]
    assert (ended[0].reference, ended[0].state, ended[0].recorded) == ("R0", "done", "sent")
    assert "can't be written" in str(job.report.stopped)
    assert server.seen == ["R0"]
    assert recorded(path) == {"R0": "sent", "R1": "pending"}


async def test_whatever_ends_the_writing_those_who_wait_are_told(path: Path, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: Any) -> None:
        raise OSError("the disk is gone")

    async with held("R0") as (server, session):
        job = BookingJob(session, journal=path, concurrency=1)
        async with job.run([booking("R0"), booking("R1")]) as outcomes:
            reading = asyncio.ensure_future(anext(outcomes))
            await until(lambda: server.seen)
            monkeypatch.setattr("pandapon_async._journal.sqlite.file.Place.change", fail)
            server.release()
            ended = [await reading, *[outcome async for outcome in outcomes]]
            monkeypatch.undo()
    assert (ended[0].reference, ended[0].state, ended[0].recorded) == ("R0", "done", "sent")
    assert "nothing is written any more: OSError" in str(job.report.stopped)
    assert server.seen == ["R0"]


async def test_what_could_not_be_written_is_tried_again_until_it_can(path: Path, monkeypatch: pytest.MonkeyPatch):
    failures = 3

    def fail_first(connection: sqlite3.Connection, items: Any) -> Any:
        nonlocal failures
        if failures and any(item.is_ending for item in items):
            failures -= 1
            raise sqlite3.OperationalError("database or disk is full")
        return do_together(connection, items)

    monkeypatch.setattr("pandapon_async._journal.sqlite.writer.do_together", fail_first)
    monkeypatch.setattr("pandapon_async._journal.sql.writer.RETRY_EVERY", 0.001)
    async with held("R0") as (server, session):
        server.release()
        (outcome,) = await ran(BookingJob(session, journal=path), [booking("R0")])
    assert (outcome.state, outcome.recorded, failures) == ("done", "done", 0)
    assert recorded(path) == {"R0": "done"}


async def test_what_reconcile_found_and_can_not_be_stored_leaves_it_in_doubt(
    vendor: FakeVendor, panda: Any, path: Path
):
    async def reconcile(_: Any, __: Any) -> FreightBooking:
        return FreightBooking(order_id="\ud800")

    vendor.script("drop_after")
    job = BookingJob(panda, journal=path, reconcile=reconcile)
    (outcome,) = await ran(job, [booking("R0")])
    assert (outcome.state, outcome.recorded) == ("unknown", "unknown")
    assert recorded(path) == {"R0": "unknown"}


async def test_whatever_happens_in_the_journals_thread_those_who_wait_are_told_and_it_goes_on(
    path: Path, monkeypatch: pytest.MonkeyPatch
):
    def break_down(*_: Any) -> None:
        raise MemoryError

    store = await SqliteStore.open(path, KEY, SystemClock())
    try:
        (row,) = await store.admit([Entry(0, "A", False, "{}")], 0, retry_refused=False)
        assert isinstance(row, PendingRow)
        with monkeypatch.context() as patch:
            patch.setattr("pandapon_async._journal.sqlite.writer.do_together", break_down)
            with pytest.raises(JournalError, match="could not be written: MemoryError"):
                await store.sent(row)
        assert (await store.sent(row)).state == "sent"
    finally:
        await store.close()
