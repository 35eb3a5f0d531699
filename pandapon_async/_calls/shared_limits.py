"""One rate, one pause and one concurrency for all who work for an account, in whatever process: what the limiter keeps them by."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable
from typing import Protocol

from .._clock import Clock
from .._errors import PandaponError
from .semaphore import Semaphore


class SharedLimits(Protocol):
    """What all who work for an account share, in whatever process."""

    async def starts(self, number: int, interval: float) -> list[float]:
        """The next starts, evenly spaced over all who share them, by this clock's monotonic seconds."""
        ...

    async def permits(self, held: int, wanted: int, concurrency: int) -> int:
        """How many calls may be under way here, of all that ``concurrency`` allows those who share it.

        Those that are held above that count as held until it is asked again.
        """
        ...

    def pause(self, seconds: float) -> None:
        """Let all pause from now."""
        ...

    def follow(self, heard: Callable[[float], object]) -> None:
        """Have ``heard`` called with the seconds for which all have to pause, whenever that is so."""
        ...


class SharedPacer:
    """The starts of one of those who share a rate, drawn in batches, so that a call costs no round trip.

    A start that isn't taken in time lapses: taken later, it would come on top of the others' starts.
    """

    BATCH = 0.1
    """Seconds whose starts are drawn at once: so long those of the others may have to wait."""
    LAPSE = 0.02
    """Seconds after which a start lapses, unless an interval is longer: by no more can a second exceed the rate."""

    def __init__(self, rate: float, shared: SharedLimits, clock: Clock) -> None:
        self._interval = 1.0 / rate
        self._number = max(1, math.ceil(rate * self.BATCH))
        self._shared = shared
        self._clock = clock
        self._starts: deque[float] = deque()
        self._line = asyncio.Lock()
        self._drawing: asyncio.Task[None] | None = None

    def expected_wait(self) -> float:
        """Seconds until a newcomer would get its start, as far as that is known."""
        return max(0.0, self._starts[0] - self._clock.monotonic()) if self._starts else 0.0

    async def take(self) -> None:
        """Wait for a start and take it. Cancelled, it lapses."""
        async with self._line:
            while True:
                if len(self._starts) * 2 <= self._number and self._drawing is None:
                    self._drawing = asyncio.ensure_future(self._draw())
                    self._drawing.add_done_callback(_looked_at)
                if not self._starts:
                    assert self._drawing is not None
                    await asyncio.shield(self._drawing)
                    continue
                start, now = self._starts.popleft(), self._clock.monotonic()
                if now <= start + max(self._interval, self.LAPSE):
                    await self._clock.sleep(max(0.0, start - now))
                    return

    async def _draw(self) -> None:
        try:
            self._starts += await self._shared.starts(self._number, self._interval)
        finally:
            self._drawing = None


class SharedPermits:
    """The permits of one of those who share a concurrency: asked for when somebody waits, given back when they aren't used.

    While there are any it asks again and again, since others may want some.
    """

    LEAST, MOST = 0.1, 1.0
    """Seconds after which it asks again; longer and longer, as long as the answer is the same."""

    def __init__(self, semaphore: Semaphore, concurrency: int, shared: SharedLimits, clock: Clock) -> None:
        self._semaphore = semaphore
        self._concurrency = concurrency
        self._shared = shared
        self._clock = clock
        self._asking: asyncio.Task[None] | None = None
        self._resting: asyncio.Future[None] | None = None
        self._gets_all = True
        semaphore.resize(semaphore.in_use)
        semaphore.on_wait = self._want
        if semaphore.wanted:
            self._want()

    def stop(self) -> None:
        """Share no more."""
        self._semaphore.on_wait = None
        if self._asking is not None:
            self._asking.cancel()
        self._semaphore.resize(self._concurrency)

    def _want(self) -> None:
        if self._asking is None:
            self._asking = asyncio.ensure_future(self._ask())
            self._asking.add_done_callback(_looked_at)
        elif self._resting is not None and self._gets_all:
            self._resting.cancel()

    async def _ask(self) -> None:
        semaphore, before, rest = self._semaphore, 0, self.LEAST
        try:
            while semaphore.size or semaphore.waiters:
                wanted = min(semaphore.wanted, self._concurrency)
                most = max(wanted, before)  # what wasn't used twice in a row is given back
                if most < semaphore.size:
                    semaphore.resize(most)
                size = semaphore.size
                found = await self._shared.permits(size, most, self._concurrency)
                semaphore.resize(found)
                self._gets_all, before = found >= most, wanted
                rest = self.LEAST if found != size else min(2 * rest, self.MOST)
                self._resting = asyncio.ensure_future(self._clock.sleep(rest))
                await asyncio.wait([self._resting])
                self._resting = None
        except PandaponError as error:
            semaphore.fail(error)  # who comes next asks again
        finally:
            if self._resting is not None:
                self._resting.cancel()
            self._asking = None


def _looked_at(asking: asyncio.Task[None]) -> None:
    """Whoever still waits is told of its error, or asks again."""
    if not asking.cancelled():
        asking.exception()
