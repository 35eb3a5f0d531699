"""A thread that commits together what is waiting; whoever waits is told when it is durable."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import queue
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Final, TypeVar

import attrs

from ..._errors import JournalError
from ..store import Durable
from .changes import Change
from .connection import Connection

T = TypeVar("T")
Work = Callable[[Any], Any]

RETRY_EVERY: Final = 0.25
_MOST_AT_ONCE: Final = 512
_log = logging.getLogger("pandapon_async.journal")


@attrs.define(eq=False)
class Item:
    """What is to be done, and who waits for it (None: nobody); ``since``: when it could not be written for the first time."""

    work: Change | Work
    future: asyncio.Future[Any] | None
    since: float | None = None
    result: Any = None
    error: BaseException | None = None
    told: bool = False
    only_reads: bool = False
    is_written: bool = False

    @property
    def is_ending(self) -> bool:
        """Whether it tells how something ended, which nobody else will know."""
        return isinstance(self.work, Change) and self.work.is_ending

    @property
    def begins(self) -> bool:
        """Whether something begins by it."""
        return not (self.is_ending or self.only_reads)


class GroupThread(ABC):
    """The thread, and what is handed to it. What is handed over is done in that order, a group at a time.

    Args:
        name: what errors call the journal.
    """

    PATIENCE: ClassVar[float] = 20.0
    """Seconds after which one who waits for an ending is told that it isn't written; it is tried again until the thread ends, and
    then as long once more."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._process = os.getpid()
        self._owed: list[Item] = []
        self._items: queue.SimpleQueue[Item | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=f"journal {name}", daemon=True)

    def submit(self, work: Callable[[Any], T]) -> asyncio.Future[T]:
        """Do work on the connection; the future ends when it is durable.

        What work has done is undone if it raises, and the error is its submitter's alone. A `JournalError` says that the group
        could not be written: then nothing of it was.
        """
        return self._put(work)

    def submit_reading(self, work: Callable[[Any], T]) -> asyncio.Future[T]:
        """The same for work that changes nothing; it is done even when nothing more may begin."""
        return self._put(work, only_reads=True)

    def submit_change(self, change: Change) -> asyncio.Future[Any]:
        """Make a change; the future gives the row as it is then, once that is durable.

        The future's error is a `RowMovedError` if the row had another version, or a `JournalError` as in `submit`.
        """
        return self._put(change, Durable)

    def _put(
        self, work: Change | Work, future_type: type[asyncio.Future[Any]] = asyncio.Future, *, only_reads: bool = False
    ) -> asyncio.Future[Any]:
        if self._closed:
            raise JournalError(f"{self.name}: the journal is closed")
        if os.getpid() != self._process:
            raise JournalError(f"{self.name}: was opened by another process, of which this one is a fork: open it here")
        future = future_type(loop=asyncio.get_running_loop())
        self._items.put(Item(work, future, only_reads=only_reads))
        return future

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

    @abstractmethod
    def _write(self, group: list[Item]) -> None:
        """Write what is owed and a group; of what can't be written an ending becomes owed, everything else fails."""

    @abstractmethod
    def _close(self) -> None:
        """The thread ends."""

    def _wake_after(self) -> float | None:
        """Seconds after which it is time to write though nothing is waiting."""
        return RETRY_EVERY if self._owed else None

    def _run(self) -> None:
        # In a forked child this frame keeps the connections from being closed there, which could wait for a lock for ever.
        group: list[Item] | None = []
        try:
            while (group := self._next_group()) is not None:
                self._write(group)
            self._write_what_is_owed()
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must be told
            self._give_up(group or [], error)
        finally:
            self._close()

    def _write_what_is_owed(self) -> None:
        end = time.monotonic() + self.PATIENCE
        while self._owed:
            self._write([])
            if self._owed:
                if time.monotonic() > end:
                    _log.error("%s: the ends of %d bookings could not be written", self.name, len(self._owed))
                    return
                time.sleep(RETRY_EVERY)

    def _give_up(self, group: list[Item], error: Exception) -> None:
        """Tell whoever waits, and whoever comes until the end, that nothing is written any more."""
        _log.error("%s: nothing is written any more: %s", self.name, type(error).__name__)
        failure = JournalError(f"{self.name}: nothing is written any more: {type(error).__name__}")
        self._fail([*self._owed, *group], failure)
        while not self._closed or not self._items.empty():
            if (item := self._items.get()) is not None:
                self._fail([item], failure)

    def _next_group(self) -> list[Item] | None:
        """What is waiting; nothing, if it is only time to write; None at the end."""
        try:
            first = self._items.get(timeout=self._wake_after())
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

    def _fail(self, items: Sequence[Item], failure: JournalError) -> None:
        for item in items:
            item.error = failure
        self._tell(items)

    def _tell_late(self, failure: JournalError) -> None:
        """Tell those whose ending is owed for too long; it stays owed."""
        now = time.monotonic()
        for item in self._owed:
            item.since = item.since or now
        self._fail([item for item in self._owed if now - (item.since or now) >= self.PATIENCE], failure)

    def _tell(self, items: Sequence[Item]) -> None:
        """Tell those who wait, in order; who was told already isn't told again."""
        loops: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any, BaseException | None]]] = {}
        for item in items:
            if not item.told and item.future is not None:
                loops.setdefault(item.future.get_loop(), []).append((item.future, item.result, item.error))
            item.told = True
        for loop, told in loops.items():
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits any more
                loop.call_soon_threadsafe(_deliver, told)


def do(connection: Connection, item: Item, work: Work) -> None:
    """Do one piece of work inside a transaction; what it has done is undone if it raises.

    Raises:
        connection.Error: the transaction can't go on.
    """
    connection.execute("SAVEPOINT work")
    item.error = None
    try:
        item.result = work(connection)
    except Exception as error:
        if isinstance(error, connection.OperationalError):
            raise  # it is about the database, or about who else uses it
        connection.execute("ROLLBACK TO work")
        item.error = _told(error) if isinstance(error, connection.Error) else error
    connection.execute("RELEASE work")


def _told(error: Exception) -> JournalError:
    """In its first line: others may hold what stands in a row."""
    return JournalError(f"can't be done: {str(error).partition(chr(10))[0]}")


def _deliver(results: list[tuple[asyncio.Future[Any], Any, BaseException | None]]) -> None:
    for future, result, error in results:
        if future.done():
            continue
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
