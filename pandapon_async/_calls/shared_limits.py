"""One rate, one pause and one concurrency for all who work for an account, in whatever process: what the limiter keeps them by."""

from __future__ import annotations

import asyncio
import contextlib
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
    """The starts of one of those who share a rate, drawn for all who wait together, so that a call costs no round trip.

    None is drawn that nobody waits for: the others would miss it. Nor earlier than needed: who comes meanwhile is drawn for by
    the same round trip. A start that isn't taken in time lapses: taken later, it would come on top of the others' starts.
    """

    BATCH = 0.1
    """Seconds whose starts are drawn at once, at most: so long those of the others may have to wait."""
    AHEAD = 0.05
    """Seconds before the last start that was drawn at which the next are: longer than a round trip, or some would be missed."""
    EARLY = 0.06
    """Seconds before a start at which its call gets it, or up to half of them later, so that some get theirs together: meanwhile the
    journal notes, in one commit, that they are sent."""
    LAPSE = 0.01
    """Seconds after which a start lapses, unless an interval is longer: by no more can a second exceed the rate, and the way to the
    vendor adds to it."""

    def __init__(self, rate: float, shared: SharedLimits, clock: Clock) -> None:
        self._interval = 1.0 / rate
        self._most = max(1, math.ceil(rate * self.BATCH))
        self._patience = max(self._interval, self.LAPSE)
        self._shared = shared
        self._clock = clock
        self._starts: deque[float] = deque()
        self._last = -math.inf
        self._line: deque[asyncio.Future[float]] = deque()
        self._drawing: asyncio.Task[None] | None = None
        self._handing_out: asyncio.Task[None] | None = None

    def expected_wait(self) -> float:
        """Seconds until a newcomer would get its start, as far as that is known."""
        missing = len(self._line) - len(self._starts)
        start = self._starts[missing] if missing < 0 else self._last + (missing + 1) * self._interval
        return max(0.0, start - self._clock.monotonic())

    async def take(self) -> float:
        """Wait for a start and take it, somewhat early; see `reach`. Cancelled, it is left to whoever comes next."""
        place: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._line.append(place)
        self._go_on()
        try:
            return await place
        except asyncio.CancelledError:
            with contextlib.suppress(ValueError):  # it had its start already, which lapses
                self._line.remove(place)
            raise

    async def reach(self, start: float) -> None:
        """Wait for the moment of a start that was taken; if it has lapsed meanwhile, for another one's."""
        while not 0 <= (late := self._clock.monotonic() - start) <= self._patience:
            if late < 0:
                await self._clock.sleep(-late)
            else:
                start = await self.take()

    def _go_on(self) -> None:
        if (self._drawing is None or self._drawing.done()) and len(self._line) > len(self._starts):
            self._drawing = asyncio.ensure_future(self._draw())
        if (self._handing_out is None or self._handing_out.done()) and self._line and self._starts:
            self._handing_out = asyncio.ensure_future(self._hand_out())

    async def _draw(self) -> None:
        """Draw for those who wait and have no start yet, until there is nobody."""
        try:
            while len(self._line) > len(self._starts):
                if (early := self._last - self.AHEAD - self._clock.monotonic()) > 0:
                    await self._clock.sleep(early)
                if (missing := len(self._line) - len(self._starts)) > 0:
                    self._starts += await self._shared.starts(min(missing, self._most), self._interval)
                    self._last = self._starts[-1]
                    self._go_on()
        except Exception as error:  # noqa: BLE001 - whoever waits is told, and who comes next asks again
            line, self._line = self._line, deque()
            for place in line:
                if not place.done():
                    place.set_exception(error)

    async def _hand_out(self) -> None:
        """Give the starts to those who wait as they come: all that have come at once, since a pass of a busy loop takes a while."""
        while self._line and self._starts:
            if (early := self._starts[0] - self.EARLY / 2 - self._clock.monotonic()) > 0:
                await self._clock.sleep(early)
            now = self._clock.monotonic()
            while self._line and self._starts and self._starts[0] - self.EARLY <= now:
                if self._line[0].done():  # cancelled
                    self._line.popleft()
                elif now <= (start := self._starts.popleft()) + self._patience:
                    self._line.popleft().set_result(start)
            self._go_on()


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
        if self._asking is None or self._asking.done():
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


def _looked_at(asking: asyncio.Task[None]) -> None:
    """Whoever still waits is told of its error, or asks again."""
    if not asking.cancelled():
        asking.exception()
