"""The store of a job in PostgreSQL: several of one account may work at the same time."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Final, cast

import psycopg

from ..._clock import Clock
from ..._errors import JournalError
from ..._version import __version__
from ..identity import AccountKey
from ..sql.accounts import admitted_account, operation_id
from ..sql.changes import Mover
from ..sql.connection import Connection
from ..sql.owners import Owner
from ..sql.store import Opened, SqlStore, opened_in_thread
from .connection import PostgresConnection, connected, in_short
from .schema import make_tables
from .url import PostgresUrl
from .workers import NOW, boot_seconds, check_clock, draw, end_dead, end_lapsed, enlist, pause, put_in_doubt, take_slots
from .writer import PostgresWriter

if TYPE_CHECKING:
    from typing_extensions import Self

_SPARED: Final = 86_400
"""Seconds that the input of a run is kept whose worker was taken for dead."""
_ANSWERS: Final = 32
"""By so many of PostgreSQL's last answers it is known what its clock says: by the one that came quickest, so that the starts in one
that was held up (this process was stopped, or the network stalled) have lapsed."""


class PostgresStore(SqlStore):
    """The rows of one account and operation in PostgreSQL; made by `PostgresStore.open`."""

    def __init__(self, writer: PostgresWriter, name: str, key: AccountKey, clock: Clock, opened: Opened) -> None:
        super().__init__(writer, name, key, clock, opened)
        self.guard = writer.why_not_send
        self._is_lost = writer.is_lost
        self.shared = SharedLimits(writer, opened, clock)

    @classmethod
    async def open(
        cls, url: PostgresUrl, key: AccountKey, clock: Clock, *, timeout: float = 60.0, adopt_key: bool = False
    ) -> Self:
        """Open a journal, made if it isn't there; what workers that have ended had under way is put in doubt.

        Args:
            url: the database.
            key: who books.
            clock: gives the time that is written down.
            timeout: seconds that one call may take.
            adopt_key: note a new access key of a known account.

        Raises:
            JournalError: the journal can't be opened, or has this account otherwise.
        """
        return await opened_in_thread(cls._open, url, key, clock, timeout, adopt_key)

    @classmethod
    def _open(cls, url: PostgresUrl, key: AccountKey, clock: Clock, timeout: float, adopt_key: bool) -> Self:
        connection = connected(url)
        since = boot_seconds()
        try:
            check_clock(connection)
            with connection.raw.transaction():
                opened = _begun(connection, url, key, clock.now(), timeout, {"key"} if adopt_key else set())
        except BaseException as error:
            connection.close()
            if isinstance(error, psycopg.Error):
                raise JournalError(f"{url}: can't be used: {in_short(error)}") from None
            raise
        mover = opened.mover
        writer = PostgresWriter(url, connection, mover.owner, mover.scope[0], clock, since)
        return cls(writer, url.name, key, clock, opened)

    @property
    def is_lost(self) -> bool:
        return self._is_lost()

    # --- who is alive ---

    def _living_runs(self, connection: Connection) -> Collection[int]:
        query = (
            "SELECT r.id FROM runs r JOIN workers w ON w.id = r.worker "
            "WHERE r.account = ? AND r.ended IS NULL AND w.ended IS NULL"
        )
        return [run for (run,) in connection.execute(query, (self._scope[0],)).fetchall()]

    def _spared_runs(self, connection: Connection) -> Collection[int]:
        query = (
            "SELECT r.id FROM runs r JOIN workers w ON w.id = r.worker WHERE r.account = ? AND r.ended IS NULL "
            f"AND (w.ended IS NULL OR (w.lost AND r.released IS NOT NULL AND w.ended > {NOW} - {_SPARED}))"
        )
        return [run for (run,) in connection.execute(query, (self._scope[0],)).fetchall()]

    def _taking_in(self, connection: Connection) -> Collection[int]:
        query = (
            "SELECT r.id FROM runs r JOIN workers w ON w.id = r.worker "
            "WHERE r.account = ? AND r.released IS NULL AND r.ended IS NULL AND w.ended IS NULL"
        )
        return [run for (run,) in connection.execute(query, (self._scope[0],)).fetchall()]

    def _be_alone(self, connection: Connection) -> None:
        cast("PostgresConnection", connection).lock_admission()

    def _begin(self, connection: Connection, released: bool, about: str | None) -> int:
        run = super()._begin(connection, released, about)
        connection.execute("UPDATE runs SET worker = ? WHERE id = ?", (self._mover.owner, run))
        return run


class SharedLimits:
    """What all share who work for an account, wherever they are; see `_calls.shared_limits`."""

    def __init__(self, writer: PostgresWriter, opened: Opened, clock: Clock) -> None:
        self._writer = writer
        self._account = opened.mover.scope[0]
        self._worker = opened.mover.owner
        self._clock = clock
        self._ahead: deque[float] = deque(maxlen=_ANSWERS)

    async def permits(self, held: int, wanted: int, concurrency: int) -> int:
        """How many calls may be under way here."""
        return await self._writer.submit_apart(
            lambda connection: take_slots(connection, self._account, self._worker, held, wanted, concurrency)
        )

    async def starts(self, number: int, interval: float) -> list[float]:
        """The next starts."""

        def work(connection: Connection) -> list[float]:
            starts, now = draw(connection, self._account, number, interval)
            self._ahead.append(self._clock.monotonic() - now)
            ahead = min(self._ahead)
            return [start + ahead for start in starts]

        return await self._writer.submit_apart(work)

    def pause(self, seconds: float) -> None:
        """Let all pause."""
        with contextlib.suppress(JournalError):  # closed: nobody here sends any more
            told = self._writer.submit_apart(lambda connection: pause(connection, self._account, seconds))
            told.add_done_callback(lambda future: future.cancelled() or future.exception())

    def follow(self, heard: Callable[[float], object]) -> None:
        """Have ``heard`` called whenever all have to pause."""
        loop = asyncio.get_running_loop()

        def tell(seconds: float) -> None:
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
                loop.call_soon_threadsafe(heard, seconds)

        self._writer.heard_pause = tell


def _begun(
    connection: PostgresConnection, url: PostgresUrl, key: AccountKey, now: float, timeout: float, adopted: set[str]
) -> Opened:
    connection.lock_admission()
    make_tables(connection, url)
    account = admitted_account(connection, key, adopted, now, write=True)
    end_dead(connection)
    end_lapsed(connection)
    leftover = put_in_doubt(connection, account, now)
    scope = account, operation_id(connection, key.operation)
    name = f"by {Owner.this_process()}, version {__version__}"
    return Opened(Mover(scope, enlist(connection, account, timeout), may_be_late=True, name=name), leftover)
