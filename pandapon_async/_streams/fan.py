"""One input read by several readers at their own speeds."""

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
    """One input, read by several readers at their own speeds.

    A reader may be ``ahead`` items ahead of the slowest; then it waits. An input that is in memory anyhow (a list) may be
    read ahead without limit.

    Args:
        items: the input; taken from once.
        readers: how many there are; each calls `read` once.
        ahead: items.
    """

    def __init__(self, items: Iterable[T] | AsyncIterable[T], readers: int, ahead: int) -> None:
        self._items: Iterator[T] | AsyncIterator[T] = aiter(items) if isinstance(items, AsyncIterable) else iter(items)
        self._ahead = math.inf if isinstance(items, Sized) else ahead
        self._kept: deque[T] = deque()
        self._gone = 0
        self._places = dict.fromkeys(range(readers), 0)
        self._line = asyncio.Lock()
        self._room = asyncio.Event()
        self._ended = False

    async def read(self, reader: int) -> AsyncGenerator[tuple[int, T], None]:
        """Every item and its index, as the reader of that number."""
        try:
            while (place := self._places[reader]) < self._taken or await self._take(reader):
                item = self._kept[place - self._gone]
                self._move(reader, place + 1)
                yield place, item
        finally:
            self.leave(reader)

    def leave(self, reader: int) -> None:
        """The reader takes no more, so nobody waits for it."""
        if self._places.pop(reader, None) is not None:
            self._forget()

    async def close(self) -> None:
        """Take nothing more, and close an async generator that was left before its end."""
        self._ended = True
        await close_source(self._items)

    @property
    def _taken(self) -> int:
        return self._gone + len(self._kept)

    def _move(self, reader: int, place: int) -> None:
        self._places[reader] = place
        self._forget()

    def _forget(self) -> None:
        slowest = min(self._places.values(), default=self._taken)
        while self._gone < slowest and self._kept:
            self._kept.popleft()
            self._gone += 1
        self._room.set()

    async def _take(self, reader: int) -> bool:
        """Take one more item, unless another reader has; False: there is none."""
        async with self._line:  # an async generator can't be asked twice at once
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
