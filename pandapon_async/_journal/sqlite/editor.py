"""A journal's file as people change it: short transactions beside whoever else writes, all of it or nothing."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Generator
from pathlib import Path

from ..._clock import Clock
from ..._errors import JournalError
from .accounts import known_accounts
from .file import Place, begin_writing, end_writing, note_begun, open_to_write
from .lock import AccountLock
from .schema import check_whole, refuse_backup


class Editor:
    """Changes the file that is at a path now, and no other that comes there later."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._place = Place(path)

    @contextlib.contextmanager
    def connected(self, *, whole: bool = False) -> Generator[sqlite3.Connection, None, None]:
        """A connection that may write; ``whole``: to a file of which nobody else has the missing part."""
        if self._place.change() is not None:
            raise JournalError(f"{self._path}: was moved or replaced since it was opened: open it anew")
        connection = open_to_write(self._path, create=False, whole=whole)
        try:
            owner = begin_writing(connection, self._path)
        except BaseException:
            connection.close()
            raise
        try:
            yield connection
        finally:
            end_writing(connection, owner)

    @contextlib.contextmanager
    def transaction(self, connection: sqlite3.Connection) -> Generator[None, None, None]:
        """All of what is done inside, or nothing."""
        try:
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                note_begun(connection)
                yield
        except (sqlite3.Error, UnicodeError) as error:
            raise JournalError(f"{self._path}: nothing was changed: {error}") from None

    @contextlib.contextmanager
    def writing(self) -> Generator[sqlite3.Connection, None, None]:
        """A transaction on a journal that isn't a backup."""
        with self.connected() as connection, self.transaction(connection):
            refuse_backup(connection, self._path)
            yield connection

    def restore(self, by: str, note: str) -> None:
        """Let a backup be used."""
        with self.connected() as connection, self.transaction(connection):
            self.note(connection, "restored", by, note)

    def declare_whole(self, by: str, note: str) -> None:
        """Take the file as it is."""
        with self.connected(whole=True) as connection, self.transaction(connection):
            check_whole(connection, self._path)
            connection.execute("DELETE FROM owners WHERE id != (SELECT MAX(id) FROM owners)")
            self.note(connection, "whole", by, note)

    def note(self, connection: sqlite3.Connection, event: str, by: str, note: str) -> None:
        """Write down, inside a transaction, what somebody has done to the file."""
        values = (self._clock.now(), event, by, note)
        connection.execute("INSERT INTO events (at, event, by, note) VALUES (?, ?, ?, ?)", values)

    @contextlib.contextmanager
    def locked(self, connection: sqlite3.Connection, name: str | None = None) -> Generator[None, None, None]:
        """Keep every job out, or those of one account's name.

        Raises:
            JournalError: one runs.
        """
        with contextlib.ExitStack() as locks:
            for known in known_accounts(connection):
                if name in (None, known.name):
                    lock = AccountLock(self._path, known.vendor, known.name)
                    lock.acquire()
                    locks.callback(lock.release)
            yield
