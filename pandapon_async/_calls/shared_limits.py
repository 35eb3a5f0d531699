"""One rate and one pause for all who work for an account, in whatever process: what the limiter keeps them by."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable
from typing import Protocol

from .._clock import Clock


class SharedLimits(Protocol):
    """What all who work for an account share, in whatever process."""

    async def starts(self, number: int, interval: float) -> list[float]:
        """The next starts, evenly spaced over all who share them, by this clock's monotonic seconds."""
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


def _looked_at(drawing: asyncio.Task[None]) -> None:
    """Who needs a start and has none asks again, and is told."""
    if not drawing.cancelled():
        drawing.exception()
