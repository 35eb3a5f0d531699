"""The only thread that writes for one account: what is waiting is committed together, with one fsync a group."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections.abc import Sequence
from typing import Final

from ..._errors import JournalError
from ..sql.changes import Item, Work, do_each, do_together, told
from ..sql.writer import GroupThread
from ..store import RowMovedError
from .file import Place, is_of_one_moment, wal_of
from .writing import Writing

_CHANGES_A_CHECKPOINT: Final = 100_000
_log = logging.getLogger("pandapon_async.journal")


class Writer(GroupThread):
    """Owns an account's lock and its writing connection.

    Args:
        writing: begun.
    """

    def __init__(self, writing: Writing) -> None:
        super().__init__(str(writing.path))
        self.path = writing.path
        self._writing = writing
        self._lock = writing.lock
        self._connection = connection = writing.connection
        self._sentinel = self._open_sentinel()
        connection.execute(f"PRAGMA busy_timeout = {int(self.PATIENCE * 1000)}")
        self._place = Place(self.path, wal_of(self.path), self._lock.path)
        self._overwritten = False
        self._stamp: tuple[int, int] | None = None
        self._changed = connection.total_changes
        self._shortage_seen: JournalError | None = None
        self._thread.start()

    # --- the thread ---

    def _close(self) -> None:
        with contextlib.suppress(OSError):  # as if it had moved
            if self._place.change() is None:
                self._sentinel.close()
        # Else the last one to close, which removes the ``-wal`` by its path (where another's may be by now), is one that reads,
        # and doesn't.
        self._writing.end()
        self._sentinel.close()
        self._lock.release()

    def _open_sentinel(self) -> sqlite3.Connection:
        sentinel = sqlite3.connect(f"{self.path.as_uri()}?mode=ro", uri=True, check_same_thread=False)
        sentinel.execute("SELECT 1 FROM mark_open").fetchall()
        return sentinel

    def _write(self, group: list[Item]) -> None:
        """Write what is owed and a group; of what can't be written an ending becomes owed, everything else fails."""
        moved = self._moved()
        if moved is not None or self._shortage_seen is not None:
            beginning = [item for item in group if item.begins]
            obstacle = moved or (self._shortage() if beginning else None)
            if obstacle is not None:
                self._tell(beginning, obstacle)
                group = [item for item in group if not item.begins]
        failure = self._attempt(self._owed + group)
        if failure is None:
            group, self._owed = self._owed + group, []
        elif self._owed and group:  # what is owed may be what can't be written
            failure = self._attempt(group)
        if failure is None:
            if moved is not None:  # where endings are, nobody looks
                self._note(group, moved)
            self._tell(group)
            self._keep_small()
        else:
            self._shortage_seen = failure
            self._lock.use_reserve()
            reading = [item for item in group if item.only_reads]
            if self._attempt(reading) is None:
                self._tell(reading)
            self._tell([item for item in group if not item.is_ending], failure)
            self._owed += [item for item in group if item.is_ending]
        if self._owed:
            self._tell_late(failure or self._shortage_seen or JournalError(f"{self.path}: could not be written"))

    def _note(self, items: Sequence[Item], moved: JournalError) -> None:
        for item in items:
            if item.is_ending and not isinstance(item.error, RowMovedError):
                item.error = moved

    def _shortage(self) -> JournalError | None:
        """Why nothing more may begin though the file is there: what had to be written lately couldn't be, or just so."""
        if self._shortage_seen is not None and not self._owed and self._lock.set_aside():
            self._shortage_seen = None
        return self._shortage_seen

    def _moved(self) -> JournalError | None:
        """Why nothing more may begin in the file that we have open. What is under way is still written, to wherever the file is now."""
        change = self._place.change()
        if change is None and self._is_overwritten():
            change = f"an old copy was written over {self.path} while it was in use"
        return None if change is None else JournalError(f"{change}: nothing more is begun")

    def _is_overwritten(self) -> bool:
        """Whether the database file is of another moment than its ``-wal``; looked at when it has changed, by a checkpoint or so."""
        found = self.path.stat()
        stamp = (found.st_mtime_ns, found.st_size)
        if stamp != self._stamp and not self._overwritten:
            self._stamp, self._overwritten = stamp, not is_of_one_moment(self.path)
        return self._overwritten

    def _attempt(self, items: list[Item]) -> JournalError | None:
        """Do everything in one transaction; or say why nothing of it was done."""
        if not items:
            return None
        try:
            if writing := [item for item in items if not item.only_reads]:
                self._make(writing)
            self._read([item for item in items if isinstance(item, Work) and item.only_reads])
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must be told
            why = error if isinstance(error, sqlite3.Error) else type(error).__name__
            return JournalError(f"{self.path}: could not be written: {why}")
        return None

    def _make(self, items: list[Item]) -> None:
        with self._writing.transaction():
            if not do_together(self._connection, items):
                self._connection.execute("ROLLBACK")
                self._connection.execute("BEGIN IMMEDIATE")
                do_each(self._connection, items)

    def _read(self, items: list[Work]) -> None:
        for work in items:
            work.error = None
            try:
                work.value = work.do(self._connection)
            except Exception as error:  # noqa: BLE001 - whoever submitted it is told
                work.error = told(self._connection, error)

    def _keep_small(self) -> None:
        if self._connection.total_changes - self._changed > _CHANGES_A_CHECKPOINT:
            self._changed = self._connection.total_changes
            with contextlib.suppress(sqlite3.Error):
                if not self._writing.checkpoint():
                    _log.warning("%s: a reader keeps its -wal from being emptied", self.path)
