"""How an input comes into the journal: ahead of the sending, and nothing that was read is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from pandapon_async import BookingJob, PandaPonSession
from pandapon_async.testing import FakeVendor
from tests.jobs.support import pairs, ran, recorded
from tests.jobs.test_settling import slow_disk
from tests.support import spin, until


class Taken:
    """An async input that notes what was taken of it, and in which task."""

    def __init__(self, number: int) -> None:
        self._pairs = pairs(number)
        self.references: list[str] = []
        self.tasks: set[Any] = set()

    async def read(self) -> AsyncIterator[Any]:
        try:
            for pair in self._pairs:
                self.references.append(pair[0])
                self.tasks.add(asyncio.current_task())
                yield pair
        finally:
            self.tasks.add(asyncio.current_task())


async def test_an_async_input_is_read_on_while_the_disk_is_at_work(panda: PandaPonSession, path: Path):
    given = Taken(600)
    job = BookingJob(panda, journal=path, check="stream", concurrency=2)
    async with job, job.run(given.read()) as outcomes:
        async with slow_disk(job):
            reading = asyncio.ensure_future(anext(outcomes))
            await until(lambda: len(given.references) == 256)
            await spin(20)
            assert len(given.references) == 256
        await reading
    assert set(recorded(path)) >= set(given.references)
    assert len(given.tasks) == 1


async def test_what_was_read_of_an_input_is_in_the_journal_when_it_is_left(
    vendor: FakeVendor, panda: PandaPonSession, path: Path
):
    given = Taken(50)
    job = BookingJob(panda, journal=path, check="stream", concurrency=2)
    async with job.run(given.read()) as outcomes:
        await anext(outcomes)
    rows = recorded(path)
    assert set(rows) == set(given.references)
    assert job.report.pending == list(rows.values()).count("pending")
    assert job.report.done == len(vendor.ledger.bookings)


async def test_an_input_that_waits_for_the_outcome_of_what_it_gave_gets_it(panda: PandaPonSession, path: Path):
    told: asyncio.Queue[str] = asyncio.Queue()

    async def one_by_one() -> AsyncIterator[Any]:
        for pair in pairs(5):
            yield pair
            assert await told.get() == pair[0]

    async with BookingJob(panda, journal=path, check="stream").run(one_by_one()) as outcomes:
        async for outcome in outcomes:
            told.put_nowait(outcome.reference)
    assert set(recorded(path).values()) == {"done"}


async def test_an_input_that_swallows_its_cancellation_holds_up_nobody(panda: PandaPonSession, path: Path):
    at_work = asyncio.Event()

    async def stubborn() -> AsyncIterator[Any]:
        for pair in pairs(9):
            try:
                at_work.set()
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                pass
            yield pair

    job = BookingJob(panda, journal=path, check="stream")
    outcomes = job.run(stubborn())
    reading = asyncio.ensure_future(anext(outcomes))
    await at_work.wait()
    reading.cancel()
    await asyncio.wait([reading])
    await asyncio.wait_for(outcomes.aclose(), 30)


async def test_every_mistake_of_a_stream_is_told(panda: PandaPonSession, path: Path):
    outcomes = await ran(BookingJob(panda, journal=path, check="stream"), [*range(150), *pairs(1)])
    assert [outcome.state for outcome in outcomes].count("refused") == 150


@pytest.mark.parametrize("check", ["all", "stream"])
async def test_an_error_of_an_async_input_is_raised_after_what_came_before_it(
    panda: PandaPonSession, path: Path, check: Any
):
    async def broken() -> AsyncIterator[Any]:
        for pair in pairs(3):
            yield pair
        raise OSError("the cable")

    job = BookingJob(panda, journal=path, check=check)
    with pytest.raises(OSError, match="the cable"):
        await ran(job, broken())
    assert recorded(path) == ({} if check == "all" else {f"order-{n}": "done" for n in range(3)})


async def test_one_that_stands_twice_in_a_stream_is_told_at_both_places(panda: PandaPonSession, path: Path):
    job = BookingJob(panda, journal=path, check="stream", concurrency=1)
    outcomes = await ran(job, [*pairs(3), *pairs(3)])
    assert sorted((outcome.index, outcome.reference) for outcome in outcomes) == [
        (index, f"order-{index % 3}") for index in range(6)
    ]
    assert (job.report.done, job.report.skipped) == (3, 3)
