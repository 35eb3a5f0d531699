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
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Final, TypeVar

from ..._errors import JournalError
from .changes import Item, Work

T = TypeVar("T")

RETRY_EVERY: Final = 0.25
_MOST_AT_ONCE: Final = 512
_log = logging.getLogger("pandapon_async.journal")


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
        self._waiting: list[Item] = []
        self._handing_over: asyncio.AbstractEventLoop | None = None
        self._items: queue.SimpleQueue[list[Item]] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=f"journal {name}", daemon=True)

    def submit(self, work: Callable[[Any], T], *, rows: int = 1) -> asyncio.Future[T]:
        """Do work on the connection; the future ends when it is durable. ``rows``: see `Work`.

        What work has done is undone if it raises, and the error is its submitter's alone. A `JournalError` says that the group
        could not be written: then nothing of it was.
        """
        return self.put(Work(self.loop(), work, rows=rows))

    def submit_reading(self, work: Callable[[Any], T]) -> asyncio.Future[T]:
        """The same for work that changes nothing; it is done even when nothing more may begin."""
        return self.put(Work(self.loop(), work, only_reads=True))

    def loop(self) -> asyncio.AbstractEventLoop:
        """The running loop, which may hand something over.

        Raises:
            JournalError: nothing is done any more, or not in this process.
        """
        if self._closed:
            raise JournalError(f"{self.name}: the journal is closed")
        if os.getpid() != self._process:
            raise JournalError(f"{self.name}: was opened by another process, of which this one is a fork: open it here")
        return asyncio.get_running_loop()

    def put(self, item: Item) -> Item:
        """Do what an item of the running `loop` says."""
        self._waiting.append(item)
        if self._handing_over is not (loop := item.get_loop()):
            self._handing_over = loop
            loop.call_soon(self._hand_over)
        return item

    def _hand_over(self) -> None:
        # Once a round of the loop: a group for each item would cost as much again as what is in it.
        waiting, self._waiting, self._handing_over = self._waiting, [], None
        self._items.put(waiting)

    def end(self) -> None:
        """Let the thread write what is waiting, and end, without waiting for it."""
        if not self._closed:
            self._closed = True
            self._hand_over()

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
        group: list[Item] = []
        try:
            while not (self._closed and self._items.empty()):
                group = self._next_group()
                self._write(group)
            self._write_what_is_owed()
        except BaseException as error:  # noqa: BLE001 - whatever it is, those who wait must be told
            self._give_up(group, error)
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

    def _give_up(self, group: list[Item], error: BaseException) -> None:
        """Tell whoever waits, and whoever comes until the end, that nothing is written any more."""
        _log.error("%s: nothing is written any more: %s", self.name, type(error).__name__)
        failure = JournalError(f"{self.name}: nothing is written any more: {type(error).__name__}")
        self._tell([*self._owed, *group], failure)
        while not (self._closed and self._items.empty()):
            self._tell(self._next_group(), failure)

    def _next_group(self) -> list[Item]:
        """What is waiting; nothing, if it is only time to write, or to end."""
        group: list[Item] = []
        with contextlib.suppress(queue.Empty):
            group += self._items.get(timeout=self._wake_after())
            while len(group) < _MOST_AT_ONCE:
                group += self._items.get_nowait()
        return group

    def _tell_late(self, failure: JournalError) -> None:
        """Tell those whose ending is owed for too long; it stays owed."""
        now = time.monotonic()
        for item in self._owed:
            item.since = item.since or now
        self._tell([item for item in self._owed if now - (item.since or now) >= self.PATIENCE], failure)

    def _tell(self, items: Sequence[Item], failure: JournalError | None = None) -> None:
        """Tell those who wait, in order, how it ended, or why it couldn't; who was told already isn't told again."""
        loops: defaultdict[asyncio.AbstractEventLoop, list[Item]] = defaultdict(list)
        for item in items:
            if not item.told:
                loops[item.get_loop()].append(item)
                if failure is not None:
                    item.told = True
        for loop, told in loops.items():
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits any more
                loop.call_soon_threadsafe(_deliver, told, failure)


def _deliver(items: Sequence[Item], failure: JournalError | None) -> None:
    for item in items:
        if item.done():
            continue
        error = failure or item.error
        if error is None:
            item.set_result(item.outcome())
        else:
            item.set_exception(error)
