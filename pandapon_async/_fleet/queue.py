"""PgQueuer's tables and queries beside a journal in PostgreSQL: what is queued is the ids of rows, and nothing else.

The journal says what may be sent; the queue only says who tries next. So whatever the queue does (a task twice after a
`kill -9`, a task for rows that have long ended) can't book anything twice. A task is a page of rows, since a task costs the engine
several times what a booking costs. The tables are in a schema of their own, and have PgQueuer's own names: its dashboard and
metrics work with ``PGQUEUER_SCHEMA=pandapon_queue``.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final

import psycopg
from pgqueuer.adapters.drivers.psycopg import PsycopgDriver, SyncPsycopgDriver
from pgqueuer.adapters.persistence.qb import (
    QueryBuilderEnvironment,
    QueryQueueBuilder,
    QuerySchedulerBuilder,
)
from pgqueuer.adapters.persistence.queries import Queries, SyncQueries
from pgqueuer.domain.models import Job, TracebackRecord
from pgqueuer.domain.settings import DBSettings, Durability
from pgqueuer.domain.types import JOB_STATUS, Channel, QueueEntrypoint, QueueManagerId
from pgqueuer.ports.driver import NotifyCallback
from pgqueuer.ports.repository import EntrypointExecutionParameter

from .._config.profiles import VendorProfile
from .._errors import JournalError
from .._journal.postgres.connection import PostgresConnection, connected, in_short
from .._journal.postgres.url import PostgresUrl

SCHEMA: Final = "pandapon_queue"
CHANNEL: Final = Channel("ch_pgqueuer")
_AT_ONCE: Final = 5_000
_LARGEST: Final = 64
"""Rows of a page: the engine's part of a booking is then a few per cent."""
_PAGES: Final = 32
"""Into so many pages at least what is submitted is divided, as far as it goes: several workers have something to do."""
_QUEUED_ROWS: Final = f"""
CREATE TABLE IF NOT EXISTS {SCHEMA}.pages (
    row BIGINT PRIMARY KEY, page BIGINT NOT NULL REFERENCES {SCHEMA}.pgqueuer (id) ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS pages_by_page ON {SCHEMA}.pages (page);
"""
"""Which rows are in a page that hasn't ended; the engine knows only its payload."""


def _settings() -> DBSettings:
    """PgQueuer's own names, whatever stands in the environment: some of its variables are as common as ``FUNCTION``."""
    return DBSettings(
        prefix="",
        db_schema=SCHEMA,
        channel=CHANNEL,
        function="fn_pgqueuer_changed",
        trigger="tg_pgqueuer_changed",
        statistics_table="pgqueuer_statistics",
        queue_status_type="pgqueuer_status",
        queue_table="pgqueuer",
        queue_table_log="pgqueuer_log",
        schedules_table="pgqueuer_schedules",
        durability=Durability.durable,
    )


def entrypoint_of(profile: VendorProfile) -> str:
    """What an account's bookings are queued as: only workers that have its keys take them."""
    return f"{profile.kind}/{profile.name}"


def make_queue(place: PostgresUrl) -> None:
    """Make the queue's tables, if they aren't there.

    Raises:
        JournalError: the database can't be reached, or refuses it.
    """
    connection = connected(place)
    try:
        with connection.raw.transaction():
            connection.lock_admission()
            (found,) = connection.execute("SELECT to_regclass(?)", (f"{SCHEMA}.pgqueuer",)).fetchone()
            if found is None:
                connection.raw.execute(QueryBuilderEnvironment(_settings()).build_install_query().encode())
                connection.raw.execute(_QUEUED_ROWS.encode())
    except psycopg.Error as error:
        raise JournalError(f"{place}: the queue can't be made: {in_short(error)}") from None
    finally:
        connection.close()


def enqueue_run(connection: PostgresConnection, run: int, entrypoint: str, job: str) -> None:
    """Queue what a run has taken in and is pending, and note that all of it is of a job.

    A row is left out if a page has it that nobody has taken yet, nor can until this is committed: whoever has taken one may have
    looked at its rows already.
    """
    connection.execute(
        "INSERT INTO jobs SELECT ?::TEXT, row FROM inputs WHERE run = ? ON CONFLICT DO NOTHING", (job, run)
    )
    query = (
        "WITH waiting AS MATERIALIZED ("
        "SELECT p.row FROM inputs i JOIN pandapon_queue.pages p ON p.row = i.row JOIN pandapon_queue.pgqueuer q ON q.id = p.page "
        "WHERE i.run = ? AND q.status = 'queued' FOR SHARE OF q SKIP LOCKED) "
        "SELECT r.id FROM inputs i JOIN rows r ON r.id = i.row WHERE i.run = ? AND r.state = 'pending' "
        "AND r.id NOT IN (SELECT row FROM waiting) ORDER BY r.id"
    )
    rows = [number for (number,) in connection.execute(query, (run, run)).fetchall()]
    queries = SyncQueries(SyncPsycopgDriver(connection.raw), qbq=QueryQueueBuilder(_settings()))
    size = min(_LARGEST, -(-len(rows) // _PAGES)) or 1
    pages = [rows[start : start + size] for start in range(0, len(rows), size)]
    for start in range(0, len(pages), _AT_ONCE):
        some = pages[start : start + _AT_ONCE]
        numbers = queries.enqueue([entrypoint] * len(some), list(map(_payload, some)), [0] * len(some))
        query = (
            "INSERT INTO pandapon_queue.pages SELECT * FROM unnest(?::BIGINT[], ?::BIGINT[]) "
            "ON CONFLICT (row) DO UPDATE SET page = EXCLUDED.page"
        )
        of = [number for number, page in zip(numbers, some, strict=True) for _ in page]
        connection.execute(query, (list(itertools.chain.from_iterable(some)), of))


def _payload(page: list[int]) -> bytes:
    return " ".join(map(str, page)).encode()


def rows_in(payload: bytes | None) -> list[int]:
    """The rows of a page."""
    return [int(number) for number in (payload or b"").split()]


class TwoConnections(PsycopgDriver):
    """PgQueuer's driver on two connections: psycopg holds one for itself as long as it waits for a notification.

    Args:
        listening: waits for notifications.
        working: everything else.
    """

    def __init__(self, listening: Any, working: Any) -> None:
        super().__init__(listening)
        self._working = PsycopgDriver(working)

    async def fetch(self, query: str, *args: object) -> list[dict[str, object]]:
        """Run a query on the working connection."""
        return await self._working.fetch(query, *args)

    async def execute(self, query: str, *args: object) -> str:
        """Run a statement on the working connection."""
        return await self._working.execute(query, *args)

    async def add_listener(self, channel: str, callback: NotifyCallback) -> None:
        """Listen on the listening connection, but for tasks that have ended: each would have every idle worker ask for more."""

        def heard(event: str | bytes | bytearray) -> None:
            if json.loads(event).get("operation") != "delete":
                callback(event)

        await super().add_listener(channel, heard)


class RoomyQueries(Queries):
    """PgQueuer's queries on our names, with tasks taken as long as there is room for more rows.

    ``rooms`` waits until there is some and tells for which entrypoints, and for how many rows; for none: the worker ends.
    """

    rooms: Callable[[], Awaitable[dict[str, int]]]
    _last = _LARGEST  # rows of the pages that came last

    async def dequeue(
        self,
        batch_size: int,
        entrypoints: dict[QueueEntrypoint, EntrypointExecutionParameter],
        queue_manager_id: QueueManagerId,
        global_concurrency_limit: int | None,
        heartbeat_timeout: timedelta,
    ) -> list[Job]:
        """Take some tasks, none once the worker ends."""
        rooms = await self.rooms()
        if not rooms:
            return []
        batch = max(1, min(batch_size, min(rooms.values()) // self._last))
        having = {name: limits for name, limits in entrypoints.items() if name in rooms}
        found = await super().dequeue(batch, having, queue_manager_id, global_concurrency_limit, heartbeat_timeout)
        self._last = max([len(rows_in(job.payload)) for job in found], default=self._last) or 1
        return found

    async def retry_job(self, job: Job, delay: timedelta, traceback_record: TracebackRecord | None) -> None:
        """Queue a task again; one that may come at once was only given back, which is no attempt."""
        await super().retry_job(job, delay, traceback_record)
        if not delay:
            await self.driver.execute(
                "UPDATE pandapon_queue.pgqueuer SET attempts = attempts - 1 WHERE id = $1", job.id
            )

    async def log_jobs(self, job_status: list[tuple[Job, JOB_STATUS, TracebackRecord | None]]) -> None:
        """Remove the tasks that have ended; what was only left (cut off, or couldn't be given back) is taken up as a dead worker's."""
        await super().log_jobs([one for one in job_status if one[1] == "successful"])


def queries_of(driver: PsycopgDriver, rooms: Callable[[], Awaitable[dict[str, int]]]) -> RoomyQueries:
    """The queries of a worker."""
    settings = _settings()
    queries = RoomyQueries(
        driver,
        qbe=QueryBuilderEnvironment(settings),
        qbq=QueryQueueBuilder(settings),
        qbs=QuerySchedulerBuilder(settings),
    )
    queries.rooms = rooms
    return queries
