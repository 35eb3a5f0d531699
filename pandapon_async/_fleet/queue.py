"""PgQueuer's tables and queries beside a journal in PostgreSQL: what is queued is the ids of rows, and nothing else.

The journal says what may be sent; the queue only says who tries next. So whatever the queue does (a task twice after a
`kill -9`, a task for a row that has long ended) can't book anything twice. The tables are in a schema of their own, and have
PgQueuer's own names: its dashboard and metrics work with ``PGQUEUER_SCHEMA=pandapon_queue``.
"""

from __future__ import annotations

from typing import Any, Final

import psycopg
from pgqueuer.adapters.drivers.psycopg import PsycopgDriver, SyncPsycopgDriver
from pgqueuer.adapters.persistence.qb import (
    QueryBuilderEnvironment,
    QueryQueueBuilder,
    QuerySchedulerBuilder,
)
from pgqueuer.adapters.persistence.queries import Queries, SyncQueries
from pgqueuer.domain.settings import DBSettings, Durability
from pgqueuer.domain.types import Channel
from pgqueuer.ports.driver import NotifyCallback

from .._config.profiles import VendorProfile
from .._errors import JournalError
from .._journal.postgres.connection import PostgresConnection, connected, in_short
from .._journal.postgres.url import PostgresUrl

SCHEMA: Final = "pandapon_queue"
CHANNEL: Final = Channel("ch_pgqueuer")
_AT_ONCE: Final = 5_000


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
    except psycopg.Error as error:
        raise JournalError(f"{place}: the queue can't be made: {in_short(error)}") from None
    finally:
        connection.close()


def enqueue_run(connection: PostgresConnection, run: int, entrypoint: str, job: str) -> None:
    """Queue what a run has taken in and is pending, each row once, and note that all of it is of a job."""
    connection.execute(
        "INSERT INTO jobs SELECT ?::TEXT, row FROM inputs WHERE run = ? ON CONFLICT DO NOTHING", (job, run)
    )
    query = (
        "SELECT r.id FROM inputs i JOIN rows r ON r.id = i.row WHERE i.run = ? AND r.state = 'pending' ORDER BY r.id"
    )
    rows = [str(number) for (number,) in connection.execute(query, (run,)).fetchall()]
    queries = SyncQueries(SyncPsycopgDriver(connection.raw), qbq=QueryQueueBuilder(_settings()))
    for start in range(0, len(rows), _AT_ONCE):
        page = rows[start : start + _AT_ONCE]
        queries.enqueue(
            [entrypoint] * len(page),
            [number.encode() for number in page],
            [0] * len(page),
            dedupe_key=list[Any](page),
            on_conflict="skip",
        )


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
        """Listen on the listening connection."""
        await super().add_listener(channel, callback)


def queries_of(driver: PsycopgDriver) -> Queries:
    """PgQueuer's queries on our names."""
    settings = _settings()
    return Queries(
        driver,
        qbe=QueryBuilderEnvironment(settings),
        qbq=QueryQueueBuilder(settings),
        qbs=QuerySchedulerBuilder(settings),
    )
