"""Fan-out: one input read by several readers, each at its own speed."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable, Iterator, Sized
from typing import Any, Generic, TypeVar, cast

from .iteration import close_source

T = TypeVar("T")


_END: Any = object()


class Fan(Generic[T]):
    """One input, read by several readers, each at its own speed.

    A reader that is ``ahead`` items ahead of the slowest waits. An input already in memory (a list) may be read ahead
    without limit.

    Args:
        items: the input; iterated once.
        readers: the number of readers; each calls `read` once.
        ahead: how many items a reader may be ahead.
    """

    def __init__(self, items: Iterable[T] | AsyncIterable[T], readers: int, ahead: int) -> None:
        self._items: Iterator[T] | AsyncIterator[T] = aiter(items) if isinstance(items, AsyncIterable) else iter(items)
        self._ahead = math.inf if isinstance(items, Sized) else ahead
        self._kept: deque[T] = deque()
        self._dropped = 0
        self._places = dict.fromkeys(range(readers), 0)
        self._lock = asyncio.Lock()
        self._room = asyncio.Event()
        self._ended = False

    async def read(self, reader: int) -> AsyncGenerator[tuple[int, T], None]:
        """Every item with its index, for the given reader."""
        try:
            while (place := self._places[reader]) < self._taken or await self._take(reader):
                item = self._kept[place - self._dropped]
                self._move(reader, place + 1)
                yield place, item
        finally:
            self.leave(reader)

    def leave(self, reader: int) -> None:
        """Remove a reader, so that no other waits for it."""
        if self._places.pop(reader, None) is not None:
            self._drop_read()

    async def close(self) -> None:
        """Take nothing more, and close an unfinished async generator."""
        self._ended = True
        await close_source(self._items)

    @property
    def _taken(self) -> int:
        return self._dropped + len(self._kept)

    def _move(self, reader: int, place: int) -> None:
        self._places[reader] = place
        self._drop_read()

    def _drop_read(self) -> None:
        slowest = min(self._places.values(), default=self._taken)
        while self._dropped < slowest and self._kept:
            self._kept.popleft()
            self._dropped += 1
        self._room.set()

    async def _take(self, reader: int) -> bool:
        """Take one more item, unless another reader already has; False at the end."""
        async with self._lock:  # an async generator doesn't allow concurrent anext() calls
            while self._places[reader] >= self._taken and not self._ended:
                if len(self._kept) >= self._ahead:
                    self._room.clear()
                    await self._room.wait()
                    continue
                try:
                    item = await self._next()
                except BaseException:
                    self._ended = True
                    raise
                if item is _END:
                    self._ended = True
                else:
                    self._kept.append(item)
            return self._places[reader] < self._taken

    async def _next(self) -> T:
        if isinstance(self._items, AsyncIterator):
            return cast("T", await anext(cast("AsyncIterator[Any]", self._items), _END))
        return next(self._items, _END)
