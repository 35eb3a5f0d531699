"""How a run's input comes into the journal: read ahead by a task of its own, a page at a time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Sequence
from typing import Any

from .._errors import RequestError
from .._journal.store import Entry, PendingRow, Problem
from .._streams.iteration import close_source

Requests = Iterable[Any] | AsyncIterable[Any]
Admitting = Callable[[Sequence[Entry]], "asyncio.Future[list[PendingRow | Problem]]"]

MOST_PROBLEMS = 100
"""How many mistakes of an input are kept at a time."""


async def admitted(
    items: Requests,
    entry: Callable[[int, Any], Entry],
    admit: Admitting,
    *,
    size: int,
    ahead: int,
) -> AsyncGenerator[tuple[list[Problem], list[Entry], list[PendingRow | Problem]], None]:
    """The pages of an input once they are in the journal: what was wrong with items, the entries, and what became of them.

    What has been read is in the journal, or on its way there, whenever this is left: nothing is taken from the input and lost.

    Args:
        items: the input.
        entry: makes an entry of an item and its position, or raises a `RequestError`.
        admit: takes entries into the journal.
        size: entries a page, at most. An input that makes us wait may be waiting for an outcome itself: then 1.
        ahead: pages that may be read and not yet asked for.
    """
    line: asyncio.Queue[Any] = asyncio.Queue()
    room = asyncio.Semaphore(ahead - 1)
    left = False

    async def read() -> None:
        async with contextlib.aclosing(_pages(items, entry, size)) as pages:
            async for problems, page in pages:
                admitting = admit(page)
                admitting.add_done_callback(_look_at)
                line.put_nowait((problems, page, admitting))
                if left:
                    return  # whoever gives the items has not let itself be cancelled
                await room.acquire()

    reading = asyncio.ensure_future(read())
    reading.add_done_callback(lambda _: line.put_nowait(None))
    try:
        while (found := await line.get()) is not None:
            problems, page, admitting = found
            yield problems, page, await admitting
            room.release()
        reading.result()
    finally:
        left = True
        reading.cancel()
        await asyncio.wait([reading])
        _look_at(reading)


def _look_at(future: asyncio.Future[Any]) -> None:
    """Whoever waits for it is told of its error, if anybody does."""
    if not future.cancelled():
        future.exception()


async def _pages(
    items: Requests, entry: Callable[[int, Any], Entry], size: int
) -> AsyncGenerator[tuple[list[Problem], list[Entry]], None]:
    read = _Read(entry, size)
    if isinstance(items, AsyncIterable):
        iterator: Any = aiter(items)
        try:
            async for item in iterator:
                if read.fills_page(item):
                    yield read.page()
        finally:
            await close_source(iterator)
    else:
        for item in items:
            if read.fills_page(item):
                yield read.page()
    yield read.page()


class _Read:
    """What was read of an input and isn't in a page yet."""

    def __init__(self, entry: Callable[[int, Any], Entry], size: int) -> None:
        self._entry = entry
        self._size = size
        self._position = 0
        self._problems: list[Problem] = []
        self._entries: list[Entry] = []

    def fills_page(self, item: Any) -> bool:
        """Add an item; whether a page is full with it."""
        position, self._position = self._position, self._position + 1
        try:
            self._entries.append(self._entry(position, item))
        except RequestError as error:
            self._problems.append(Problem(position, error.reference or "", error.message))
        return len(self._entries) >= self._size or len(self._problems) >= MOST_PROBLEMS

    def page(self) -> tuple[list[Problem], list[Entry]]:
        """The page; the next one begins."""
        page, self._problems, self._entries = (self._problems, self._entries), [], []
        return page
