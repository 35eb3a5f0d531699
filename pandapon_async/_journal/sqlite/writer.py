"""The only thread that writes for one account: what is waiting is committed together, with one fsync a group."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Final, TypeVar

import attrs

from ..._errors import JournalError
from ..store import RowMovedError
from .changes import Change, make_all
from .file import Place, wal_of
from .writing import Writing

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], Any]

_MOST_AT_ONCE: Final = 512
_CHANGES_A_CHECKPOINT: Final = 100_000
_RETRY_EVERY: Final = 0.25
_log = logging.getLogger("pandapon_async.journal")


@attrs.define(eq=False)
class _Item:
    """What is to be done, and who waits for it; ``since``: when it could not be written for the first time."""

    work: Change | Work
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    since: float | None = None
    result: Any = None
    error: BaseException | None = None
    told: bool = False
    only_reads: bool = False

    @property
    def is_ending(self) -> bool:
        """Whether it tells how something ended, which nobody else will know."""
        return isinstance(self.work, Change) and self.work.is_ending


class Writer:
    """Owns an account's lock and its writing connection.

    Args:
        writing: begun.
    """

    PATIENCE: ClassVar[float] = 20.0
    """Seconds that another program may lock the file, and after which one who waits for an ending is told that it isn't
    written; it is tried again until the writer is closed, and then as long once more."""

    def __init__(self, writing: Writing) -> None:
        self.path = writing.path
        self._writing = writing
        self._lock = writing.lock
        self._connection = connection = writing.connection
        self._sentinel = self._open_sentinel()
        self._process = os.getpid()
        connection.execute(f"PRAGMA busy_timeout = {int(self.PATIENCE * 1000)}")
        self._place = Place(self.path, wal_of(self.path), self._lock.path)
        self._changed = connection.total_changes
        self._owed: list[_Item] = []
        self._shortage_seen: JournalError | None = None
        self._items: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=f"journal {self.path.name}", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[sqlite3.Connection], T]) -> asyncio.Future[T]:
        """Do work on the connection; the future ends when it is on disk.

        What work has done is undone if it raises, and the error is its submitter's alone. A `JournalError` says that the group
        could not be written: then nothing of it was.
        """
        return self._put(work)

    def submit_reading(self, work: Callable[[sqlite3.Connection], T]) -> asyncio.Future[T]:
        """The same for work that changes nothing; it is done even when nothing more may begin."""
        return self._put(work, only_reads=True)

    def submit_change(self, change: Change) -> asyncio.Future[Any]:
        """Make a change; the future gives the row as it is then, once that is on disk.

        The future's error is a `RowMovedError` if the row had another version, or a `JournalError` as in `submit`.
        """
        return self._put(change)

    def _put(self, work: Change | Work, *, only_reads: bool = False) -> asyncio.Future[Any]:
        if self._closed:
            raise JournalError(f"{self.path}: the journal is closed")
        if os.getpid() != self._process:
            raise JournalError(f"{self.path}: was opened by another process, of which this one is a fork: open it here")
        loop = asyncio.get_running_loop()
        item = _Item(work, loop, loop.create_future(), only_reads=only_reads)
        self._items.put(item)
        return item.future

    def end(self) -> None:
        """Let the thread write what is waiting, and end, without waiting for it."""
        if not self._closed:
            self._closed = True
            self._items.put(None)

    async def close(self) -> None:
        """Write what is waiting, and end. Idempotent."""
        self.end()
        cancelled: asyncio.CancelledError | None = None
        while self._thread.is_alive():  # joined off the loop, however often we are cancelled
            try:
                await asyncio.to_thread(self._thread.join)
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            raise cancelled

    # --- the thread ---

    def _run(self) -> None:
        # In a forked child this frame keeps the connections from being closed there, which could wait for a lock for ever.
        group: list[_Item] | None = []
        try:
            while (group := self._next_group()) is not None:
                self._write(group)
            self._write_what_is_owed()
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must be told
            self._give_up(group or [], error)
        finally:
            self._close()

    def _give_up(self, group: list[_Item], error: Exception) -> None:
        """Tell whoever waits, and whoever comes until the end, that nothing is written any more."""
        _log.error("%s: nothing is written any more: %s", self.path, type(error).__name__)
        failure = JournalError(f"{self.path}: nothing is written any more: {type(error).__name__}")
        self._fail([*self._owed, *group], failure)
        while not self._closed or not self._items.empty():
            if (item := self._items.get()) is not None:
                self._fail([item], failure)

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

    def _next_group(self) -> list[_Item] | None:
        """What is waiting; nothing, if there is nothing but what is owed; None at the end."""
        try:
            first = self._items.get(timeout=_RETRY_EVERY if self._owed else None)
        except queue.Empty:
            return []
        if first is None:
            return None
        group = [first]
        with contextlib.suppress(queue.Empty):
            while len(group) < _MOST_AT_ONCE:
                item = self._items.get_nowait()
                if item is None:
                    self._items.put(None)  # after this group
                    break
                group.append(item)
        return group

    def _write(self, group: list[_Item]) -> None:
        """Write what is owed and a group; of what can't be written an ending becomes owed, everything else fails."""
        beginning = [item for item in group if not (item.is_ending or item.only_reads)]
        moved = self._moved()
        obstacle = moved or (self._shortage() if beginning else None)
        if obstacle is not None:
            self._fail(beginning, obstacle)
            group = [item for item in group if item.error is not obstacle]
        failure = self._attempt(self._owed + group)
        if failure is None:
            group, self._owed = self._owed + group, []
        elif self._owed and group:  # what is owed may be what can't be written
            failure = self._attempt(group)
        if failure is None:
            self._tell(group, moved)
            self._keep_small()
        else:
            self._shortage_seen = failure
            self._lock.use_reserve()
            reading = [item for item in group if item.only_reads]
            if self._attempt(reading) is None:  # a disk that is full can be read
                self._tell(reading, moved)
            self._fail([item for item in group if not (item.is_ending or item.told)], failure)
            self._owed += [item for item in group if item.is_ending]
        self._tell_late(failure)

    def _shortage(self) -> JournalError | None:
        """Why nothing more may begin though the file is there: what had to be written lately couldn't be, or just so."""
        if self._shortage_seen is not None and not self._owed and self._lock.set_aside():
            self._shortage_seen = None
        return self._shortage_seen

    def _fail(self, items: Sequence[_Item], failure: JournalError) -> None:
        for item in items:
            item.error = failure
        self._tell(items, None)

    def _tell_late(self, failure: JournalError | None) -> None:
        now = time.monotonic()
        for item in self._owed:
            item.since = item.since or now
        late = [item for item in self._owed if now - (item.since or now) >= self.PATIENCE]
        self._fail(late, failure or self._shortage_seen or JournalError(f"{self.path}: could not be written"))

    def _write_what_is_owed(self) -> None:
        end = time.monotonic() + self.PATIENCE
        while self._owed:
            self._write([])
            if self._owed:
                if time.monotonic() > end:
                    _log.error("%s: the ends of %d bookings could not be written", self.path, len(self._owed))
                    return
                time.sleep(_RETRY_EVERY)

    def _moved(self) -> JournalError | None:
        """Why nothing more may begin in the file that we have open. What is under way is still written, to wherever the file is now."""
        change = self._place.change()
        return None if change is None else JournalError(f"{change}: nothing more is begun")

    def _attempt(self, items: list[_Item]) -> JournalError | None:
        """Do everything in one transaction; or say why nothing of it was done."""
        if not items:
            return None
        try:
            with self._writing.transaction():
                changing = [item for item in items if isinstance(item.work, Change)]
                made = make_all(self._connection, [item.work for item in changing if isinstance(item.work, Change)])
                for item, (row, error) in zip(changing, made, strict=True):
                    item.result, item.error = row, error
                for item in items:
                    if not isinstance(item.work, Change):
                        _do(self._connection, item, item.work)
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must be told
            why = error if isinstance(error, sqlite3.Error) else type(error).__name__
            return JournalError(f"{self.path}: could not be written: {why}")
        return None

    def _keep_small(self) -> None:
        if self._connection.total_changes - self._changed > _CHANGES_A_CHECKPOINT:
            self._changed = self._connection.total_changes
            with contextlib.suppress(sqlite3.Error):
                if not self._writing.checkpoint():
                    _log.warning("%s: a reader keeps its -wal from being emptied", self.path)

    def _tell(self, items: Sequence[_Item], moved: JournalError | None) -> None:
        """Tell those who wait, in order; who was told already isn't told again. ``moved``: where endings are, nobody looks."""
        new = [item for item in items if not item.told]
        for item in new:
            item.told = True
            if moved is not None and item.is_ending and not isinstance(item.error, RowMovedError):
                item.error = moved
        for loop in {item.loop for item in new}:
            mine = [(item.future, item.result, item.error) for item in new if item.loop is loop]
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits any more
                loop.call_soon_threadsafe(_deliver, mine)


def _do(connection: sqlite3.Connection, item: _Item, work: Work) -> None:
    connection.execute("SAVEPOINT work")
    item.error = None
    try:
        item.result = work(connection)
    except Exception as error:
        if not connection.in_transaction:
            raise  # SQLite has given up the whole transaction
        connection.execute("ROLLBACK TO work")
        item.error = JournalError(f"can't be done: {error}") if isinstance(error, sqlite3.Error) else error
    connection.execute("RELEASE work")


def _deliver(results: list[tuple[asyncio.Future[Any], Any, BaseException | None]]) -> None:
    for future, result, error in results:
        if future.done():
            continue
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
