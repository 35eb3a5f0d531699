"""How exactly a rate is kept in real time: on an idle loop, on busy ones, and with timers that oversleep."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Coroutine
from typing import Any

from pandapon_async._calls.limiter import Pacer
from pandapon_async._clock import SystemClock

from .lab import Lab, Spread
from .process import busiest_second

TITLE = "The rate that is kept, and the busiest second of a run, in % of the rate (median [least-most] over the rounds)"

_RATES = (50, 500, 2000)
_BOOKINGS_A_SECOND = 5000
_LEAST_SECONDS = 0.1


async def _idle() -> None: ...


def _blocking(seconds: float, pause: float) -> Callable[[], Coroutine[Any, Any, None]]:
    async def block() -> None:
        while True:
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                pass
            await asyncio.sleep(pause)

    return block


class _Oversleeping(SystemClock):
    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds + random.uniform(0, 0.01))


_LOOPS: dict[str, tuple[Callable[[], Coroutine[Any, Any, None]], SystemClock]] = {
    "idle": (_idle, SystemClock()),
    "every pass takes 2 ms": (_blocking(0.002, 0), SystemClock()),
    "blocked for 50 ms of 100": (_blocking(0.05, 0.05), SystemClock()),
    "timers up to 10 ms late": (_idle, _Oversleeping()),
}


def run(lab: Lab) -> list[dict[str, Any]]:
    """One row a rate and a kind of loop; ``bookings`` says how long: five thousand are a second."""
    return [_row(lab, rate, loop) for rate in _RATES for loop in _LOOPS]


def _row(lab: Lab, rate: float, loop: str) -> dict[str, Any]:
    seconds = max(lab.options.bookings / _BOOKINGS_A_SECOND, _LEAST_SECONDS)
    runs = [asyncio.run(_starts(rate, loop, lab.options.concurrency, seconds)) for _ in range(lab.options.rounds)]
    return {
        "a second": rate,
        "loop": loop,
        "kept %": Spread.of([100 * (len(starts) - 1) / _lasted(starts) / rate for starts in runs]),
        "busiest second %": Spread.of([100 * busiest_second(starts) / rate for starts in runs]),
    }


def _lasted(starts: list[float]) -> float:
    """Seconds from the first start to the last; in a tiny run they may share one tick of the clock."""
    return max(starts[-1] - starts[0], 1e-6)


async def _starts(rate: float, loop: str, workers: int, seconds: float) -> list[float]:
    """When workers start that do nothing but wait for a token."""
    disturb, clock = _LOOPS[loop]
    pacer, starts = Pacer(rate, 1, clock), list[float]()
    end = time.monotonic() + seconds

    async def work() -> None:
        while time.monotonic() < end:
            await pacer.take()
            starts.append(time.monotonic())

    disturbing = asyncio.create_task(disturb())
    await asyncio.gather(*[work() for _ in range(workers)])
    disturbing.cancel()
    await asyncio.gather(disturbing, return_exceptions=True)
    return [start for start in starts if start <= end]  # not the last ones, behind which nobody waits
