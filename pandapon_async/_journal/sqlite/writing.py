"""Who writes a journal's file: an owner in the file itself, a count of its commits beside it, and checkpoints that can be told apart.

Why: see `file`.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
import time
from collections.abc import Collection, Generator
from pathlib import Path

from ..._errors import JournalError
from ..sql.owners import Owner
from .file import WAIT, as_journal_error, is_of_one_moment, wal_of
from .lock import OwnerLock, forget_lock, is_held
from .schema import check_whole, commits_of, end_owner


class Writing:
    """A connection that may write.

    Its owner stands in the file itself before anything else is written: from then on the file isn't whole without its ``-wal``.

    Args:
        connection: see `open_to_write`.
        lock: taken.
        account: whose job it is, if it is one's and the journal has it.

    Raises:
        JournalError: a reader holds that up; the account's last owner is still there; or one didn't end in order, and the file is
            damaged.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path, lock: OwnerLock, account: int | None = None) -> None:
        self.connection = connection
        self.path = path
        self.lock = lock
        with as_journal_error(path):
            left = self._left(account)
            if left:
                check_whole(connection, path)
            self.owner = self._enter(account, left)
            end = time.monotonic() + WAIT
            try:
                while not (begun := self._moved_into_file("FULL")) and time.monotonic() < end:
                    time.sleep(0.01)  # another checkpoint, for which SQLite doesn't wait by itself
                if begun:
                    self._note_seen()
                    for name in left.values():
                        forget_lock(path, name)
                    return
            except BaseException:
                self._leave()
                raise
            self._leave()
        readers = _processes_with(wal_of(path))
        who = f" (process {', '.join(map(str, readers))})" if readers else ""
        raise JournalError(f"{path}: somebody has been reading it for {WAIT:.0f} seconds{who}: nothing was begun")

    def _left(self, account: int | None) -> dict[int, str]:
        """Owners that are no more, with their locks; this one takes their place."""
        here, left = Owner.this_process(), dict[int, str]()
        query = "SELECT id, account, lock, host, boot, pid, start FROM owners"
        for number, of, name, *found in self.connection.execute(query).fetchall():
            owner = Owner(*found)
            if name == self.lock.name or (of is not None and of == account):
                if owner != here and owner.is_alive():
                    raise JournalError(f"{self.path}: {owner} is using it, though its lock was deleted: end it first")
                left[number] = name
            elif not (owner.is_alive() if (held := is_held(self.path, name)) is None else held):
                left[number] = name
        return left

    def _enter(self, account: int | None, left: Collection[int]) -> int:
        connection, lock, here = self.connection, self.lock, Owner.this_process()
        query = "INSERT INTO owners (account, lock, token, commits, host, boot, pid, start, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            commits = max(lock.commits, commits_of(connection, lock.token)) + 1
            for number in left:
                end_owner(connection, number)
            values = (account, lock.name, lock.token, commits, here.host, here.boot, here.pid, here.start, time.time())
            owner = connection.execute(query, values).lastrowid or 0
            _set_marks(connection)
        lock.note_commit(commits)
        return owner

    @contextlib.contextmanager
    def transaction(self, *, durable: bool = False) -> Generator[None, None, None]:
        """All of what is done inside, or nothing; on disk at its end, and counted if it has changed anything."""
        connection, number = self.connection, self.lock.commits + 1
        before = connection.total_changes
        try:
            connection.execute("BEGIN IMMEDIATE")
            yield
            if changed := connection.total_changes > before:
                connection.execute("UPDATE owners SET commits = ? WHERE id = ?", (number, self.owner))
            connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise
        if changed:
            self.lock.note_commit(number, durable=durable)

    def checkpoint(self, mode: str = "PASSIVE") -> bool:
        """Move what is in the ``-wal`` into the database file; False: a reader keeps a part of it there, or it isn't its file."""
        if not is_of_one_moment(self.path):
            return False
        with self.connection:
            self.connection.execute("BEGIN IMMEDIATE")
            _set_marks(self.connection)
        if moved := self._moved_into_file(mode):
            self._note_seen()
        return moved

    def truncate(self) -> bool:
        """Leave nothing that was ever erased in the ``-wal``; False: a reader prevents it."""
        return self.checkpoint("FULL") and self._moved_into_file("TRUNCATE") and self.checkpoint("FULL")

    def end(self) -> bool:
        """Leave the file whole, if nobody else has it open; close the connection. False: the owner still stands in the file."""
        with contextlib.suppress(sqlite3.Error):  # so that a kill while it is closed finds next to nothing left to move
            self.checkpoint()
        left = is_of_one_moment(self.path) and self._leave()
        with contextlib.suppress(sqlite3.Error):
            self.connection.close()
        return left

    def _leave(self) -> bool:
        with contextlib.suppress(sqlite3.Error), self.connection:
            self.connection.execute("BEGIN IMMEDIATE")
            end_owner(self.connection, self.owner)
            return True
        return False

    def _note_seen(self) -> None:
        """Say, as the first after a checkpoint, of which moment it was."""
        with self.transaction(durable=True):
            self.connection.execute("UPDATE mark_seen SET nonce = next")

    def _moved_into_file(self, mode: str) -> bool:
        busy, frames, moved = self.connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
        return not busy and frames == moved


def _set_marks(connection: sqlite3.Connection) -> None:
    nonce = secrets.token_hex(8)
    connection.execute("UPDATE mark_open SET nonce = ?", (nonce,))
    connection.execute("UPDATE mark_seen SET next = ?", (nonce,))


def _processes_with(path: Path) -> list[int]:
    """The other processes that have a file open, where the system tells."""
    found: list[int] = []
    for folder in Path("/proc").glob("[0-9]*/fd"):
        with contextlib.suppress(OSError):
            pid = int(folder.parent.name)
            if pid != os.getpid() and any(os.readlink(link) == str(path) for link in folder.iterdir()):
                found.append(pid)
    return found
