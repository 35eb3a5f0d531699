"""At most so many calls at the same time."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable

from .._clock import Clock


class Semaphore:
    """At most ``size`` holders at the same time, first come first served.

    All waits that ``max_wait`` bounds end by one alarm: it is set for the waiter who came first, and so is due first.
    ``async with`` is not offered on purpose: whoever acquires may have to wait for more before there is something to do.

    Attributes:
        free: how many more may hold it; above 0 nobody waits.
        size: how many hold it, and may.
        waiters: those who wait for it, the first in front; before them a None for each that is to end when it is given back.
        on_wait: called when somebody has to wait.
    """

    def __init__(self, size: int, clock: Clock, max_wait: float = math.inf) -> None:
        self.free = self.size = size
        self.on_wait: Callable[[], object] | None = None
        self._clock = clock
        self._max_wait = max_wait
        self.waiters: deque[asyncio.Future[None] | None] = deque()
        self._bounded: deque[tuple[float, asyncio.Future[None]]] = deque()
        self._alarm: asyncio.Task[None] | None = None

    def try_acquire(self) -> bool:
        """Take it if it is free."""
        if self.free:
            self.free -= 1
            return True
        return False

    async def acquire(self, *, wait_forever: bool = False) -> None:
        """Wait for it. Cancelled, nothing is held.

        Args:
            wait_forever: wait however long it takes, not just for ``max_wait`` seconds.

        Raises:
            TimeoutError: ``max_wait`` is over; nothing is held.
        """
        if self.try_acquire():
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiters.append(waiter)
        if not wait_forever:
            self._bound(waiter)
        if self.on_wait is not None:
            self.on_wait()
        try:
            await waiter
        except BaseException:
            if waiter in self.waiters:
                self.waiters.remove(waiter)
            elif not waiter.cancelled() and waiter.exception() is None:
                self.release()  # it had been handed over in the moment of the cancel
            raise
        finally:
            if self._alarm is not None and not self.waiters:
                self._alarm.cancel()
                self._alarm = None
                self._bounded.clear()

    def release(self) -> None:
        """Give it back: to the first waiter, if there is one."""
        while self.waiters:
            waiter = self.waiters.popleft()
            if waiter is None:
                self.size -= 1
                return
            if not waiter.done():
                waiter.set_result(None)
                return
        self.free += 1

    @property
    def in_use(self) -> int:
        """How many hold it."""
        return self.size - self.free

    @property
    def wanted(self) -> int:
        """How many hold it, or wait for it."""
        return self.in_use + len(self.waiters) - self.waiters.count(None)

    def resize(self, size: int) -> None:
        """Let so many hold it; of those who do, what is too many ends when they give it back."""
        while self.waiters and self.waiters[0] is None:
            self.waiters.popleft()
        while self.size < size:
            self.size += 1
            self.release()
        dropped = min(self.free, self.size - size)
        self.free -= dropped
        self.size -= dropped
        self.waiters.extendleft([None] * (self.size - size))

    def fail(self, error: Exception) -> None:
        """Let nobody wait any more."""
        for waiter in self.waiters:
            if waiter is not None and not waiter.done():
                waiter.set_exception(error)

    def _bound(self, waiter: asyncio.Future[None]) -> None:
        while self._bounded and self._bounded[0][1].done():
            self._bounded.popleft()
        self._bounded.append((self._clock.monotonic() + self._max_wait, waiter))
        if self._alarm is None or self._alarm.done():
            self._alarm = asyncio.ensure_future(self._expire())

    async def _expire(self) -> None:
        """End the waits that are over, until no bounded one is left."""
        while self._bounded:
            due, waiter = self._bounded[0]
            left = due - self._clock.monotonic()
            if left > 0 and not waiter.done():
                await self._clock.sleep(left)
                continue
            self._bounded.popleft()
            if not waiter.done():
                waiter.set_exception(TimeoutError())
