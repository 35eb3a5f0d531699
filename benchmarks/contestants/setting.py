"""What a contestant is given, and the pool of workers that all have who make one call at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ..process import Meter

Book = Callable[[int], Awaitable[None]]

IDLE_SECONDS = 60
"""How long everyone keeps an idle connection: others take their turns meanwhile, and connecting again isn't measured here."""


@dataclass(frozen=True)
class Setting:
    """Where to book what, how many at a time, and what measures it."""

    base_url: str
    path: str
    request: bytes
    concurrency: int
    meter: Meter

    @property
    def url(self) -> str:
        """Of the operation."""
        return self.base_url + self.path


def pooled(setting: Setting, one: Callable[[], Awaitable[None]]) -> Book:
    """Bookings made one by one, by a pool of workers over one iterator."""
    meter = setting.meter

    async def book(number: int) -> None:
        turns = iter(range(number))

        async def work() -> None:
            for _ in turns:
                await one()

        async def work_timed() -> None:
            for _ in turns:
                began = time.perf_counter()
                await one()
                meter.laps.append(time.perf_counter() - began)

        worker = work_timed if meter.timed else work
        await asyncio.gather(*[worker() for _ in range(setting.concurrency)])

    return book
