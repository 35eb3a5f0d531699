"""A journal's file as people change it: short transactions beside whoever else writes, all of it or nothing."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Generator
from pathlib import Path

from ..._clock import Clock
from ..._errors import JournalError
from ..sql.accounts import known_accounts
from ..sql.editor import JournalEditor
from .file import Place, close_unchanged, open_to_write
from .lock import account_lock, counted, hand_lock, locks_of
from .schema import check_whole, refuse_backup, refuse_older, take_as_latest
from .writing import Writing


class Editor(JournalEditor):
    """Changes the file that is at a path now, and no other that comes there later."""

    def __init__(self, path: Path, clock: Clock) -> None:
        super().__init__(clock)
        self._path = path
        self._place = Place(path)

    @contextlib.contextmanager
    def connected(self, *, whole: bool = False) -> Generator[Writing, None, None]:
        """A connection that may write; ``whole``: to a file of which nobody else has the missing part."""
        if self._place.change() is not None:
            raise JournalError(f"{self._path}: was moved or replaced since it was opened: open it anew")
        lock = hand_lock(self._path)
        connection = open_to_write(self._path, create=False, whole=whole)
        has_left = True
        try:
            try:
                lock.acquire()
                writing = Writing(connection, self._path, lock)
            except BaseException:
                close_unchanged(connection, self._path)
                raise
            try:
                yield writing
            finally:
                has_left = writing.end()
        finally:
            lock.remove() if has_left else lock.release()

    @contextlib.contextmanager
    def transaction(self, writing: Writing) -> Generator[sqlite3.Connection, None, None]:
        """All of what is done inside, or nothing."""
        try:
            with writing.transaction():
                yield writing.connection
        except (sqlite3.Error, UnicodeError) as error:
            raise JournalError(f"{self._path}: nothing was changed: {error}") from None

    def refuse_backup(self, connection: sqlite3.Connection) -> None:
        refuse_backup(connection, self._path)
        refuse_older(connection, self._path, map(counted, locks_of(self._path)))

    def finish_erasing(self, writing: Writing) -> None:
        try:
            whole = writing.truncate()
        except sqlite3.Error as error:
            raise JournalError(f"{self._path}: could not erase: {error}") from None
        if not whole:
            raise JournalError(
                f"{self._path}: it is being read, so erased text may still be in {self._path}-wal: do it again"
            )

    def restore(self, by: str, note: str) -> None:
        """Let a backup be used."""
        with self.connected() as writing, self.transaction(writing) as connection:
            take_as_latest(connection, self._path)
            self.note(connection, "restored", by, note)

    def declare_whole(self, by: str, note: str) -> None:
        """Take the file as it is."""
        with self.connected(whole=True) as writing, self.transaction(writing) as connection:
            check_whole(connection, self._path)
            connection.execute("DELETE FROM owners WHERE id != (SELECT MAX(id) FROM owners)")
            take_as_latest(connection, self._path)
            self.note(connection, "whole", by, note)

    @contextlib.contextmanager
    def locked(self, connection: sqlite3.Connection, name: str | None = None) -> Generator[None, None, None]:
        """Keep every job out, or those of one account's name.

        Raises:
            JournalError: one runs.
        """
        with contextlib.ExitStack() as locks:
            for known in known_accounts(connection):
                if name in (None, known.name):
                    lock = account_lock(self._path, known.vendor, known.name)
                    lock.acquire()
                    locks.callback(lock.release)
            yield
