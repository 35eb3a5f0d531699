"""A worker: sends the rows that the queue hands it, until it is asked to stop.

The queue's engine has the heartbeats, takes up what a dead worker had, and starts again after its connection was lost. What a task
ends with is decided by the journal alone: it is done once all its rows have ended or are in doubt, and comes again later while one
is pending, or another worker has it under way. A worker that ends gives back at once what it hasn't begun.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Sequence
from datetime import timedelta
from importlib.metadata import version
from typing import Any, Final

import attrs
import pgqueuer
import psycopg
from pgqueuer.core.qm import QueueManager
from pgqueuer.domain.models import Job

from .._calls.semaphore import Semaphore
from .._clock import SystemClock
from .._config.profiles import VendorProfile
from .._errors import JournalError
from .._jobs.job import BookingJob, rows_of
from .._jobs.page import PageRun
from .._journal.places import place_of
from .._journal.postgres.connection import connected_async, in_short
from .._journal.postgres.url import PostgresUrl
from .._journal.postgres.workers import HEARTBEAT
from .._manager import SessionManager
from .queue import CHANNEL, SCHEMA, TwoConnections, entrypoint_of, make_queue, queries_of, rows_in

_RESTART: Final = timedelta(seconds=1)
_AGAIN: Final = 1.0
_LATEST: Final = 300.0
_BATCH: Final = 20
_GRACE: Final = 5.0
"""Seconds beyond a call's time-out that what is under way gets to end and to be written down."""
_log = logging.getLogger("pandapon_async.fleet")


@attrs.define(eq=False)
class _Lane:
    """One account's part of a worker: how many bookings at the same time, and the rows of pages that were taken and haven't ended."""

    size: int
    slots: Semaphore
    rows: int = 0


class Worker:
    """Sends what is queued for some accounts.

    Args:
        profiles: the accounts.
        journal: URL of the journal.
        concurrency: bookings of an account at the same time, at most what its profile allows all workers together.
        heartbeat: seconds after which what a worker had that says nothing any more is taken up by another.

    Raises:
        JournalError: the journal isn't in PostgreSQL.
    """

    def __init__(
        self, profiles: Sequence[VendorProfile], journal: str, concurrency: int, heartbeat: float = 30.0
    ) -> None:
        place = place_of(journal)
        if not isinstance(place, PostgresUrl):
            raise JournalError(
                f"{place}: workers need a journal in PostgreSQL: postgresql://..., env:NAME or file:PATH"
            )
        self._place = place
        self._profiles = profiles
        self._journal = journal
        self._concurrency = concurrency
        self._heartbeat = timedelta(seconds=heartbeat)
        self._stop = asyncio.Event()
        self._failure: JournalError | None = None
        self._lanes = {
            entrypoint_of(profile): _Lane(concurrency, Semaphore(concurrency, SystemClock())) for profile in profiles
        }
        self._changed = asyncio.Event()
        self._pages: set[PageRun[Any]] = set()
        self.done = 0

    async def run(self) -> None:
        """Work until it is cancelled; what is under way then ends, until it is cancelled once more.

        Raises:
            JournalError: an account's journal, or the queue, can't be used.
        """
        engine = asyncio.ensure_future(self._work())
        try:
            await asyncio.shield(engine)
        except asyncio.CancelledError:
            self._stop.set()
            self._changed.set()
            closing = [asyncio.ensure_future(page.aclose()) for page in self._pages]
            await asyncio.wait([engine, *closing])
            raise
        finally:
            for page in self._pages:
                page.cut_off()
            engine.cancel()
            await asyncio.wait([engine])

    async def _work(self) -> None:
        await asyncio.to_thread(make_queue, self._place)
        async with SessionManager(self._profiles) as vendors:
            for profile in self._profiles:
                async with self._job(vendors, profile):
                    pass  # what is wrong with it from the beginning is said; later the engine tries again and again
            await pgqueuer.run(
                lambda: self._manager(vendors),
                batch_size=_BATCH,
                heartbeat_timeout=self._heartbeat,
                dequeue_timeout=timedelta(seconds=5),
                restart_on_failure=True,
                restart_delay=_RESTART,
                shutdown=self._stop,
            )
        if self._failure is not None:
            raise self._failure

    def _job(self, vendors: SessionManager, profile: VendorProfile) -> BookingJob:
        return BookingJob(
            vendors[profile.name],
            journal=self._journal,
            concurrency=self._concurrency,
            drain=profile.timeouts.total + _GRACE,
        )

    @contextlib.asynccontextmanager
    async def _manager(self, vendors: SessionManager) -> AsyncGenerator[QueueManager, None]:
        """One cycle: until the connection is lost."""
        async with contextlib.AsyncExitStack() as stack:
            connections = [await connected_async(self._place) for _ in range(2)]
            for connection in connections:
                stack.push_async_callback(connection.close)
            manager = QueueManager(queries_of(TwoConnections(*connections), self._rooms), CHANNEL)
            for profile in self._profiles:
                job = await stack.enter_async_context(self._job(vendors, profile))
                self._register(manager, profile, job)
                keeping = asyncio.ensure_future(_keep(job))
                stack.callback(keeping.cancel)
            try:
                yield manager
            except (
                psycopg.ProgrammingError,
                RuntimeError,
            ) as error:  # the latter when the engine has looked at its tables
                text = f"PgQueuer {version('pgqueuer')} can't use the queue in the schema {SCHEMA}: {in_short(error)}"
                self._failure = JournalError(f"{self._place}: {text}")
                self._stop.set()
                raise
            except psycopg.Error as error:
                _log.warning("%s: the connection was lost, and is made again: %s", self._place, in_short(error))
                raise

    async def _rooms(self) -> dict[str, int]:
        """For which accounts more rows may be taken, and how many; waits until there is one. None once the worker ends."""
        await asyncio.sleep(0)  # what was taken last begins, and counts
        while not self._stop.is_set():
            rooms = {name: lane.size - lane.rows for name, lane in self._lanes.items() if lane.rows < lane.size}
            if rooms:
                return rooms
            self._changed.clear()
            await self._changed.wait()
        return {}

    def _register(self, manager: QueueManager, profile: VendorProfile, job: BookingJob) -> None:
        lane = self._lanes[entrypoint_of(profile)]

        async def send(task: Job) -> None:
            rows = rows_in(task.payload)
            if lane.rows >= lane.size:  # pages have become larger meanwhile: others may have room
                raise pgqueuer.RetryRequested(timedelta(0), reason="no room")
            if not await self._all_ended(job, lane, rows):
                delay = timedelta(0) if self._stop.is_set() else _delay(task.attempts)
                raise pgqueuer.RetryRequested(delay, reason="not ended yet")

        register: Any = manager.entrypoint(entrypoint_of(profile), accepts_context=False)
        register(send)

    async def _all_ended(self, job: BookingJob, lane: _Lane, rows: Sequence[int]) -> bool:
        """Send a page of rows; whether all of it has ended."""
        left = len(rows)
        lane.rows += left
        try:
            async with rows_of(job, rows, lane.slots) as outcomes:
                self._pages.add(outcomes)
                try:
                    if self._stop.is_set():
                        return False
                    async for _ in outcomes:
                        left, lane.rows = left - 1, lane.rows - 1
                        if lane.rows < lane.size:
                            self._changed.set()
                finally:
                    self._pages.discard(outcomes)
                    self.done += outcomes.ended
            return not outcomes.unended
        except JournalError:  # the lease was lost, or PostgreSQL is away
            return False
        except Exception as error:  # noqa: BLE001 - the engine would drop the whole page
            _log.error("%s: a page of bookings failed, and is tried again: %s", self._place, type(error).__name__)
            return False
        finally:
            lane.rows -= left
            self._changed.set()


async def _keep(job: BookingJob) -> None:
    """Have a lease even if there is nothing to do: one that was lost is had anew, so that the worker is seen."""
    while True:
        await asyncio.sleep(HEARTBEAT)
        with contextlib.suppress(JournalError):  # PostgreSQL is away
            await job.recorded([])


def _delay(attempts: int) -> timedelta:
    return timedelta(seconds=min(_AGAIN * 2 ** min(attempts, 16), _LATEST))
