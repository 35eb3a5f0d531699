"""A worker: sends the rows that the queue hands it, until it is asked to stop.

The queue's engine has the heartbeats, takes up what a dead worker had, and starts again after its connection was lost. What a row's
task ends with is decided by the journal alone: the task is done once the row has ended or is in doubt, and comes again later
while it is pending, or another worker has it under way.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Sequence
from datetime import timedelta
from importlib.metadata import version
from typing import Any, Final

import pgqueuer
import psycopg
from pgqueuer.core.qm import QueueManager
from pgqueuer.domain.models import Job

from .._config.profiles import VendorProfile
from .._errors import JournalError
from .._jobs.job import BookingJob, book_row
from .._journal.places import place_of
from .._journal.postgres.connection import connected_async, in_short
from .._journal.postgres.url import PostgresUrl
from .._journal.postgres.workers import HEARTBEAT
from .._manager import SessionManager
from .queue import CHANNEL, SCHEMA, TwoConnections, entrypoint_of, make_queue, queries_of

_RESTART: Final = timedelta(seconds=1)
_AGAIN: Final = 1.0
_LATEST: Final = 300.0
_log = logging.getLogger("pandapon_async.fleet")


class Worker:
    """Sends what is queued for some accounts.

    Args:
        profiles: the accounts.
        journal: URL of the journal.
        concurrency: bookings at the same time, at most what each account's profile allows all workers together.
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
            await asyncio.wait([engine])
            raise
        finally:
            engine.cancel()
            await asyncio.wait([engine])

    async def _work(self) -> None:
        await asyncio.to_thread(make_queue, self._place)
        batch = max(1, min(self._concurrency // 2, 20))
        async with SessionManager(self._profiles) as vendors:
            for profile in self._profiles:
                async with self._job(vendors, profile):
                    pass  # what is wrong with it from the beginning is said; later the engine tries again and again
            await pgqueuer.run(
                lambda: self._manager(vendors),
                batch_size=batch,
                max_concurrent_tasks=max(self._concurrency, 2 * batch),
                heartbeat_timeout=self._heartbeat,
                dequeue_timeout=timedelta(seconds=5),
                restart_on_failure=True,
                restart_delay=_RESTART,
                shutdown=self._stop,
            )
        if self._failure is not None:
            raise self._failure

    def _job(self, vendors: SessionManager, profile: VendorProfile) -> BookingJob:
        return BookingJob(vendors[profile.name], journal=self._journal, concurrency=self._concurrency)

    @contextlib.asynccontextmanager
    async def _manager(self, vendors: SessionManager) -> AsyncGenerator[QueueManager, None]:
        """One cycle: until the connection is lost."""
        async with contextlib.AsyncExitStack() as stack:
            connections = [await connected_async(self._place) for _ in range(2)]
            for connection in connections:
                stack.push_async_callback(connection.close)
            manager = QueueManager(queries_of(TwoConnections(*connections)), CHANNEL)
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

    def _register(self, manager: QueueManager, profile: VendorProfile, job: BookingJob) -> None:
        async def send(task: Job) -> None:
            try:
                outcome = await book_row(job, int(task.payload or b"0"))
                has_ended = outcome is None or outcome.recorded not in ("pending", "sent")
            except JournalError:  # the lease was lost, or PostgreSQL is away
                has_ended = False
            if not has_ended:
                raise pgqueuer.RetryRequested(_delay(task.attempts), reason="not ended yet")
            self.done += 1

        register: Any = manager.entrypoint(entrypoint_of(profile), accepts_context=False)
        register(send)


async def _keep(job: BookingJob) -> None:
    """Have a lease even if there is nothing to do: one that was lost is had anew, so that the worker is seen."""
    while True:
        await asyncio.sleep(HEARTBEAT)
        with contextlib.suppress(JournalError):  # PostgreSQL is away
            await job.recorded([])


def _delay(attempts: int) -> timedelta:
    return timedelta(seconds=min(_AGAIN * 2 ** min(attempts, 16), _LATEST))
