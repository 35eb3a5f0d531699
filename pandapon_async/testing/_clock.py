"""A virtual clock for tests, on which waits take no time."""

from __future__ import annotations

import asyncio
import heapq
import itertools


class VirtualClock:
    """A clock that jumps to the next due sleeper as soon as nothing else is ready to run.

    Args:
        now: the initial Unix time. With a fake vendor, pass ``time.time()``, so that signatures are within its time window.
        auto: jump automatically; False: time moves only by `advance`.

    Attributes:
        slept: the durations passed to `sleep`, in order.
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
        """Seconds since the clock was created."""
        return self._elapsed

    def set_wall(self, now: float) -> None:
        """Set the wall clock to ``now`` (Unix seconds), as a user or a time server would; monotonic time is unaffected."""
        self._start = now - self._elapsed

    async def sleep(self, seconds: float) -> None:
        """Wait for ``seconds`` of virtual time."""
        self.slept.append(seconds)
        loop = asyncio.get_running_loop()
        due: asyncio.Future[None] = loop.create_future()
        heapq.heappush(self._sleepers, (self._elapsed + seconds, next(self._order), due))
        self._plan_jump()
        await due

    def advance(self, seconds: float) -> None:
        """Advance time by ``seconds``, and wake the sleepers that are due."""
        self._wake(self._elapsed + seconds)

    def _plan_jump(self) -> None:
        if self._auto and self._sleepers and not self._jump_planned:
            # A little real time, so that ready callbacks and socket reads run first.
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
