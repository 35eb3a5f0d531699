"""Sources from which workers take their items, one at a time."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import Any, Generic, TypeVar, cast

from .iteration import close_source

ItemT = TypeVar("ItemT")

END: Any = object()
"""Returned by a source at its end."""


class Source(ABC, Generic[ItemT]):
    """Base class for an input shared by workers, one item at a time."""

    def __init__(self) -> None:
        self._line = asyncio.Lock()
        self._index = 0
        self._ended = False

    def end(self) -> None:
        """Stop: take nothing more."""
        self._ended = True

    def next_now(self) -> tuple[int, ItemT] | None:
        """The next item and its index, if `is_ready`; None at the end."""
        return None if self._ended else self._numbered(self._take_now())

    async def next(self) -> tuple[int, ItemT] | None:
        """The next item and its index; None at the end."""
        async with self._line:
            return None if self._ended else self._numbered(await self._take())

    def _numbered(self, item: Any) -> tuple[int, ItemT] | None:
        if item is END:
            self._ended = True
            return None
        index = self._index
        self._index += 1
        return index, item

    @property
    @abstractmethod
    def is_ready(self) -> bool:
        """Whether the next item is available without waiting."""

    @abstractmethod
    def _take_now(self) -> ItemT | Any:
        """The next item, or `END`; only called if `is_ready`."""

    @abstractmethod
    async def _take(self) -> ItemT | Any:
        """The next item, or `END`; never called concurrently."""

    @abstractmethod
    async def close(self) -> None:
        """Close an unfinished input."""


class Items(Source[ItemT]):
    """A source over any iterable or async iterable."""

    def __init__(self, items: Iterable[ItemT] | AsyncIterable[ItemT]) -> None:
        super().__init__()
        self._later: AsyncIterator[Any] | None = None
        self._now: Iterator[ItemT] = iter(())
        if isinstance(items, AsyncIterable):
            self._later = aiter(items)
        else:
            self._now = iter(items)

    @property
    def is_ready(self) -> bool:
        return self._later is None

    def _take_now(self) -> ItemT | Any:
        return next(self._now, END)

    async def _take(self) -> ItemT | Any:
        return await anext(cast("AsyncIterator[Any]", self._later), END)

    async def close(self) -> None:
        await close_source(self._later)
