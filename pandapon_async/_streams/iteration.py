"""Closable async iterators: ``async with`` closes them, and their sources, on every exit."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn, TypeVar

if TYPE_CHECKING:
    from typing_extensions import Self

OutT = TypeVar("OutT")

ASYNC_ONLY = "this is asynchronous: use `async with` (or `await ...open()` and `await ...close()`)"


class ClosableIterator(ABC, AsyncIterator[OutT]):
    """Base class for closable async iterators: ``async with`` closes on every exit, a bare ``async for`` at its end or soon after."""

    _entered = False

    @abstractmethod
    async def __anext__(self) -> OutT: ...

    @abstractmethod
    async def aclose(self) -> None:
        """Stop, and join all tasks. Idempotent."""

    async def __aenter__(self) -> Self:
        self._entered = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __enter__(self) -> NoReturn:
        raise TypeError(ASYNC_ONLY)

    def __exit__(self, *exc: object) -> None:  # pragma: no cover - `with` fails in __enter__
        ...

    def __aiter__(self) -> AsyncIterator[OutT]:
        return self if self._entered else self._closing()

    async def _closing(self) -> AsyncGenerator[OutT, None]:
        """For use without `async with`: a generator, so that leaving the loop early also closes it."""
        try:
            while True:
                try:
                    made = await self.__anext__()
                except StopAsyncIteration:
                    return
                yield made
        finally:
            await self.aclose()


async def close_source(items: object) -> None:
    """Close an unfinished async generator; other inputs need no closing."""
    aclose = getattr(items, "aclose", None)
    if aclose is not None:
        with contextlib.suppress(RuntimeError):  # it is running: the task that runs it was cancelled and is closing it
            await aclose()
