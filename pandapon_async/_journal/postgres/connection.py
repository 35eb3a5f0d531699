"""A connection to PostgreSQL that the stores' common SQL runs on."""

from __future__ import annotations

import contextlib
import functools
import json
import re
from collections.abc import Generator, Sequence
from typing import Any, Final

import attrs
import psycopg
from psycopg import errors
from psycopg.conninfo import make_conninfo
from psycopg.pq import TransactionStatus

from ..._errors import JournalError
from ..sql.connection import Batch, Counted, Rows
from .url import PostgresUrl

CONNECT_SECONDS: Final = 10
_STALLED_SECONDS: Final = 20
"""After which a peer that says nothing is given up, by either side: a lock must not be held for ever by who can't be reached."""
_DEFAULTS: Final = {
    "connect_timeout": CONNECT_SECONDS, "application_name": "pandapon-async", "client_encoding": "UTF8", "keepalives_idle": 10,
    "keepalives_interval": 5, "keepalives_count": 2, "tcp_user_timeout": _STALLED_SECONDS * 1000,
}  # fmt: skip
_SETTINGS: Final = (
    "SET search_path = pandapon; SET synchronous_commit = on; SET default_transaction_isolation = 'read committed'; "
    f"SET idle_in_transaction_session_timeout = '{_STALLED_SECONDS}s'; "
    "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 2"
)
"""What a session must have, whatever is set in the database or for the role."""
_ADMISSION: Final = 0x50414E444150  # among the advisory locks of the database, as is
LOCK_ADMISSION: Final = f"SELECT pg_advisory_xact_lock({_ADMISSION})"
_SPENDING: Final = 0x50414E
_SLOTS: Final = 0x50414F


@attrs.frozen
class _Count:
    """How many rows statements have touched."""

    rowcount: int


class PostgresConnection:
    """A connection in autocommit."""

    Error: type[Exception] = psycopg.Error
    IntegrityError: type[Exception] = psycopg.IntegrityError
    OperationalError: type[Exception] = psycopg.OperationalError
    ProgrammingError: type[Exception] = psycopg.ProgrammingError
    InterfaceError: type[Exception] = psycopg.InterfaceError
    DataError: type[Exception] = psycopg.DataError

    def __init__(self, raw: psycopg.Connection[tuple[Any, ...]]) -> None:
        self.raw = raw

    def execute(self, query: str, values: Sequence[Any] = (), /) -> Rows:
        """Run one statement.

        Raises:
            JournalError: the database itself refuses it, by a rule of the schema.
        """
        with _refusing():
            return self.raw.execute(_translated(query), values)

    def executemany(self, query: Batch, values: Sequence[Sequence[Any]], /) -> Counted:
        """Do for many rows of values what a statement does for one; the ``rowcount`` is that of all.

        They are one statement: one for each would cost the worker four times as much, and so the server.

        Raises:
            JournalError: as `execute`.
        """
        if not values:
            return _Count(0)
        names = _names(query)
        rows = json.dumps([dict(zip(names, row, strict=True)) for row in values], ensure_ascii=False)
        # Planned each time, for as many rows as they are: a plan that is kept reads the whole of a table that has grown since.
        with _refusing():
            return self.raw.execute(_of_all(query), (rows, len(values)), prepare=False)

    def execute_together(self, *queries: str) -> Any:
        """The first row that the last of some statements without values gives; they are one message."""
        cursor = self.raw.execute("; ".join(queries).encode())
        while cursor.nextset():
            pass
        return cursor.fetchone()

    def lock_admission(self) -> None:
        """Let nobody else take bookings in, or let one wait again, until the transaction has ended.

        So of two desks that come with one reference or one parcel at once, the second sees what the first has written.
        """
        self.execute_together(LOCK_ADMISSION)

    def lock_spending(self, account: int) -> None:
        """Let nobody else spend for an account until the transaction has ended."""
        self.execute("SELECT pg_advisory_xact_lock(?, ?::INT)", (_SPENDING, account))

    def execute_locked(self, account: int, query: str) -> int | None:
        """A number from a statement without values that nobody else runs by this for the account meanwhile; None: it gave none.

        Lock and statement are one message, and one transaction: nobody is waited for who can't be reached.
        """
        found = self.execute_together(f"SELECT pg_advisory_xact_lock({_SLOTS}, {account})", query)
        return None if found is None else int(found[0])

    @property
    def is_usable(self) -> bool:
        """Whether it is still there."""
        return not self.raw.closed and not self.raw.broken

    @property
    def in_transaction(self) -> bool:
        """Whether there is a transaction that can go on: after an error it can't, except from a savepoint."""
        return self.raw.info.transaction_status is TransactionStatus.INTRANS

    def close(self) -> None:
        """Close it. Idempotent."""
        self.raw.close()


@contextlib.contextmanager
def _refusing() -> Generator[None, None, None]:
    try:
        yield
    except errors.RaiseException as error:
        raise JournalError(error.diag.message_primary or "the journal refuses it") from None


@functools.cache
def _names(query: Batch) -> tuple[str, ...]:
    return tuple([f"v{number}" for number in range(len(query.types))])


@functools.cache
def _of_all(query: Batch) -> bytes:
    """One statement for a JSON array of rows, and how many they are: else PostgreSQL takes them for a hundred."""
    names = _names(query)
    columns = ", ".join([f"{name} {kind}" for name, kind in zip(names, query.types, strict=True)])
    rows = f"(SELECT * FROM json_to_recordset($1::JSON) AS r({columns}) LIMIT $2) v"
    first, *others = query.split("?")
    text = first + "".join([f"v.{name}{other}" for name, other in zip(names, others, strict=True)])
    if text.startswith("INSERT"):
        return re.sub(r"VALUES \((.*?)\)", rf"SELECT \1 FROM {rows}", text).encode()
    return text.replace(" WHERE ", f" {'FROM' if text.startswith('UPDATE') else 'USING'} {rows} WHERE ").encode()


@functools.lru_cache(maxsize=256)
def _translated(query: str) -> bytes:
    query = query.replace("INSERT OR FAIL", "INSERT")  # as it is here: what follows in a failed transaction fails, too
    first, *others = query.split("?")
    return (first + "".join([f"${number}{other}" for number, other in enumerate(others, 1)])).encode()


def connected(url: PostgresUrl) -> PostgresConnection:
    """A new connection.

    Raises:
        JournalError: the database can't be reached, or refuses us.
    """
    try:
        # Raw: looking for %s in a page of input took three times what everything else did.
        raw = psycopg.connect(_conninfo(url), autocommit=True, cursor_factory=psycopg.RawCursor)
    except psycopg.Error as error:
        raise JournalError(f"{url}: can't be opened: {in_short(error)}") from None
    try:
        raw.execute(_SETTINGS.encode())
    except psycopg.Error as error:
        raw.close()
        raise JournalError(f"{url}: can't be used as a journal: {in_short(error)}") from None
    return PostgresConnection(raw)


async def connected_async(url: PostgresUrl) -> psycopg.AsyncConnection[tuple[Any, ...]]:
    """A new connection in autocommit for what isn't a journal, but stands beside it.

    Raises:
        JournalError: the database can't be reached, or refuses us.
    """
    try:
        return await psycopg.AsyncConnection.connect(_conninfo(url), autocommit=True)
    except psycopg.Error as error:
        raise JournalError(f"{url}: can't be opened: {in_short(error)}") from None


def _conninfo(url: PostgresUrl) -> str:
    return make_conninfo("", **{**_DEFAULTS, **url.parameters()})


def in_short(error: Exception) -> str:
    """What PostgreSQL says, without names of users; values are never shown (they stand in the lines that are left out)."""
    said = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    text = said or (str(error).strip().splitlines() or [type(error).__name__])[0]
    return re.sub(r'(user|role) "[^"]*"', r"the \1", text)
