"""A clock for tests: waits take no time."""

from __future__ import annotations

import asyncio
import heapq
import itertools


class VirtualClock:
    """Time that jumps: who sleeps on it wakes as soon as nothing else is ready to run, in the order of the due times.

    Args:
        now: Unix time it starts at; the machine's own by default would make signatures fit a fake vendor, so give
            ``time.time()`` when one is involved.
        auto: False: time moves by `advance` only.

    Attributes:
        slept: the seconds that were asked for, in order.
    """

    def __init__(self, now: float = 1_700_000_000.0, *, auto: bool = True) -> None:
        self._start = now
        self._elapsed = 0.0
        self._auto = auto
        self._jump_planned = False
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self.slept: list[float] = []

    def now(self) -> float:
        """Unix time in seconds."""
        return self._start + self._elapsed

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        return self._elapsed

    def set_wall(self, now: float) -> None:
        """Set the wall clock, as a person or a time server would; monotonic time goes on."""
        self._start = now - self._elapsed

    async def sleep(self, seconds: float) -> None:
        """Wait in virtual time."""
        self.slept.append(seconds)
        loop = asyncio.get_running_loop()
        due: asyncio.Future[None] = loop.create_future()
        heapq.heappush(self._sleepers, (self._elapsed + seconds, next(self._order), due))
        self._plan_jump()
        await due

    def advance(self, seconds: float) -> None:
        """Move time on, and wake who is due."""
        self._wake(self._elapsed + seconds)

    def _plan_jump(self) -> None:
        if self._auto and self._sleepers and not self._jump_planned:
            # A little real time, so that whatever is ready to run, or to be read from a socket, comes first.
            asyncio.get_running_loop().call_later(0.001, self._jump)
            self._jump_planned = True

    def _jump(self) -> None:
        self._jump_planned = False
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)
        if self._sleepers:
            self._wake(self._sleepers[0][0])
        self._plan_jump()

    def _wake(self, until: float) -> None:
        while self._sleepers and self._sleepers[0][0] <= until:
            due, _, sleeper = heapq.heappop(self._sleepers)
            self._elapsed = max(self._elapsed, due)
            if not sleeper.done():
                sleeper.set_result(None)
        self._elapsed = max(self._elapsed, until)
