"""The only thread that writes a journal: work that is waiting is committed together, with one fsync a group."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from ..._errors import JournalError
from .lock import FileLock
from .schema import open_file
from .transitions import MOST_AT_ONCE, Change, make_each, make_together

T = TypeVar("T")
_Item = tuple["Change | Callable[[sqlite3.Connection], Any]", "asyncio.AbstractEventLoop", "asyncio.Future[Any]"]
"""What is to be done, and who waits for it."""
_Result = tuple[_Item, Any, "BaseException | None"]

_MOST_AT_ONCE = 512


class Writer:
    """Owns the journal's lock and its writing connection.

    Raises (when made):
        JournalError: the journal is in use, or can't be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = FileLock(path)
        self._lock.acquire()
        try:
            self._connection = open_file(path, create=True)
        except BaseException:
            self._lock.release()
            raise
        self._items: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=f"journal {path.name}", daemon=True)
        self._thread.start()
        self._closed = False

    def submit(self, work: Callable[[sqlite3.Connection], T]) -> asyncio.Future[T]:
        """Do work on the connection; the future ends when it is on disk.

        Work that raises must not have changed anything. The future's error is a `JournalError` if the group could not be
        written: then nothing of it was.
        """
        return self._put(work)

    def submit_change(self, change: Change) -> asyncio.Future[None]:
        """Make a change, in one step with the others that are waiting; the future ends when it is on disk.

        The future's error is a `RowMovedError` if the row was in another state, or a `JournalError` as in `submit`.
        """
        return self._put(change)

    def _put(self, wanted: Change | Callable[[sqlite3.Connection], Any]) -> asyncio.Future[Any]:
        if self._closed:
            raise JournalError(f"{self.path}: the journal is closed")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Any] = loop.create_future()
        self._items.put((wanted, loop, done))
        return done

    def end(self) -> None:
        """Let the thread write what is waiting and end, without waiting for it."""
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
        try:
            while (group := self._next_group()) is not None:
                self._write(group)
        finally:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._lock.release()

    def _next_group(self) -> list[_Item] | None:
        first = self._items.get()
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
        connection = self._connection
        try:
            results = _done_in_one_step(connection, group)
            if results is None:
                connection.execute("BEGIN IMMEDIATE")
                results = _done_one_by_one(connection, group)
                connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must be told
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            why = error if isinstance(error, sqlite3.Error) else type(error).__name__
            failure = JournalError(f"{self.path}: could not be written: {why}")
            results = [(item, None, failure) for item in group]
        for loop in {item[1] for item in group}:
            mine = [(item[2], result, error) for item, result, error in results if item[1] is loop]
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits any more
                loop.call_soon_threadsafe(_deliver, mine)


def _done_in_one_step(connection: sqlite3.Connection, group: list[_Item]) -> list[_Result] | None:
    """The usual: changes, each of a row that nobody else has moved. None: it is something else, and nothing was done."""
    changes = [item[0] for item in group if isinstance(item[0], Change)]
    if len(changes) < len(group) or len(changes) > MOST_AT_ONCE or not make_together(connection, changes):
        return None
    return [(item, None, None) for item in group]


def _done_one_by_one(connection: sqlite3.Connection, group: list[_Item]) -> list[_Result]:
    """Anything, inside a transaction. None of it is known to anybody yet, so its order is free: first the changes."""
    results: list[_Result] = []
    changing = [(item, item[0]) for item in group if isinstance(item[0], Change)]
    errors = make_each(connection, [change for _, change in changing])
    results += [(item, None, error) for (item, _), error in zip(changing, errors, strict=True)]
    for item in group:
        if not isinstance(item[0], Change):
            try:
                results.append((item, item[0](connection), None))
            except sqlite3.Error:
                raise
            except Exception as error:  # noqa: BLE001 - it changed nothing, and is the submitter's
                results.append((item, None, error))
    return results


def _deliver(results: list[tuple[asyncio.Future[Any], Any, BaseException | None]]) -> None:
    for future, result, error in results:
        if future.done():
            continue
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
