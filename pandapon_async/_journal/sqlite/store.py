"""The store of a job in a SQLite file."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..._clock import Clock
from ..._errors import JournalError
from ..identity import AccountKey
from ..rows import history_entry
from ..sql.accounts import admitted_account, operation_id
from ..sql.changes import Mover
from ..sql.store import Opened, SqlStore, opened_in_thread
from ..store import BY_JOB
from .file import close_unchanged, open_to_write, resolved
from .lock import OwnerLock, account_lock, counted, locks_of
from .schema import refuse_backup, refuse_older
from .writer import Writer
from .writing import Writing

if TYPE_CHECKING:
    from typing_extensions import Self

_LEFT: Final = "found as sent: the job had ended before its reply"


class SqliteStore(SqlStore):
    """The rows of one account and operation in a SQLite file; made by `SqliteStore.open`."""

    @classmethod
    async def open(cls, path: Path, key: AccountKey, clock: Clock, *, adopt_key: bool = False) -> Self:
        """Open a journal's file, made if it isn't there; what is found as sent is put in doubt.

        Args:
            path: the file.
            key: who books.
            clock: gives the time that is written down.
            adopt_key: note a new access key of a known account.

        Raises:
            JournalError: the journal is in use, can't be opened, or has this account otherwise.
        """
        return await opened_in_thread(cls._open, path, key, clock, adopt_key)

    @classmethod
    def _open(cls, path: Path, key: AccountKey, clock: Clock, adopt_key: bool) -> Self:
        file = resolved(path)
        lock = account_lock(file, key.vendor, key.name)
        lock.acquire()
        try:
            if not lock.set_aside():
                raise JournalError(f"{file}: the disk is full: there is no room for what may have to be written")
            connection = open_to_write(file, create=True)
            try:
                writing, opened = _begun(connection, lock, key, clock.now(), {"key"} if adopt_key else set())
            except BaseException:
                close_unchanged(connection, file)
                raise
            return cls(Writer(writing), str(file), key, clock, opened)
        except BaseException as error:
            lock.release()
            if isinstance(error, sqlite3.Error):
                raise JournalError(f"{file}: can't be used: {error}") from None
            raise


# --- opening -----------------------------------------------------------------------------------------------------------


def _begun(
    connection: sqlite3.Connection, lock: OwnerLock, key: AccountKey, now: float, adopted: set[str]
) -> tuple[Writing, Opened]:
    """Note who works here from now on; nothing is written unless it may."""
    path = lock.journal
    refuse_backup(connection, path)
    refuse_older(connection, path, [counted(one) for one in locks_of(path)])
    account = admitted_account(connection, key, adopted, now, write=False)
    writing = Writing(connection, path, lock, account or None)
    try:
        with writing.transaction():
            account = admitted_account(connection, key, adopted, now, write=True)
            connection.execute("UPDATE owners SET account = ? WHERE id = ?", (account, writing.owner))
            scope = account, operation_id(connection, key.operation)
            return writing, Opened(Mover(scope, writing.owner), _put_in_doubt(connection, account, now))
    except BaseException:
        writing.end()
        raise


def _put_in_doubt(connection: sqlite3.Connection, account: int, now: float) -> int:
    query = (
        "UPDATE rows SET version = version + 1, state = 'unknown', owner = NULL, history = history || ?, "
        "error = 'the job ended before its reply came' WHERE state = 'sent' AND account = ?"
    )
    return connection.execute(query, (history_entry(now, "unknown", BY_JOB, _LEFT), account)).rowcount
