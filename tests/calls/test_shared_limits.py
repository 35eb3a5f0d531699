"""Starts and pauses that are shared with other processes."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable

import pytest

from pandapon_async import Limits
from pandapon_async._calls.limiter import Limiter, Pause
from pandapon_async._calls.shared_limits import SharedPacer
from pandapon_async.testing import VirtualClock
from tests.support import spin

_STEP = 0.004


class Others:
    """All who share, in one process."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.due = 0.0
        self.drawn: list[int] = []
        self.paused: list[float] = []
        self.error: Exception | None = None
        self.heard: Callable[[float], object] = print

    async def starts(self, number: int, interval: float) -> list[float]:
        self.drawn.append(number)
        if self.error is not None:
            raise self.error
        first = max(self.due, self.clock.monotonic())
        self.due = first + number * interval
        return [first + at * interval for at in range(number)]

    def pause(self, seconds: float) -> None:
        self.paused.append(seconds)

    def follow(self, heard: Callable[[float], object]) -> None:
        self.heard = heard


async def started(pacers: list[SharedPacer], clock: VirtualClock, number: int) -> list[float]:
    """When each of so many calls starts, which come at once, in turn at each."""
    at: list[float] = []

    async def start(pacer: SharedPacer) -> None:
        await pacer.take()
        at.append(clock.monotonic())

    await asyncio.gather(*[start(pacers[call % len(pacers)]) for call in range(number)])
    return sorted(at)


@pytest.mark.parametrize("workers", [1, 2, 5])
async def test_however_many_share_a_rate_it_is_kept_and_reached(workers: int):
    clock = VirtualClock(auto=False)
    others = Others(clock)
    pacers = [SharedPacer(50, others, clock) for _ in range(workers)]
    calls = asyncio.gather(started(pacers, clock, 200))
    while not calls.done():  # by hand, so that whoever is woken has noted the time before it goes on
        await spin()
        clock.advance(_STEP)
    (at,) = await calls
    gaps = [later - earlier for earlier, later in itertools.pairwise(at)]
    assert min(gaps) == pytest.approx(0.02, abs=1.1 * _STEP)
    assert max(gaps[:-20]) == pytest.approx(0.02, abs=1.1 * _STEP)
    assert len(others.drawn) <= 200 / 5 + 2 * workers  # no round trip a call


async def test_a_start_that_was_slept_over_lapses():
    clock = VirtualClock()
    others = Others(clock)
    pacer = SharedPacer(50, others, clock)
    await pacer.take()
    await clock.sleep(10)
    before = clock.monotonic()
    at = await started([pacer], clock, 10)
    assert at[0] >= before
    assert at[9] - at[0] == pytest.approx(0.18)


async def test_who_gets_no_start_is_told_and_the_next_one_asks_again():
    clock = VirtualClock()
    others = Others(clock)
    pacer = SharedPacer(1, others, clock)
    others.error = RuntimeError("away")
    with pytest.raises(RuntimeError, match="away"):
        await pacer.take()
    others.error = None
    await pacer.take()


async def test_a_pause_is_told_to_the_others_and_one_of_theirs_is_kept_here():
    clock = VirtualClock()
    others = Others(clock)
    limiter = Limiter(Limits(rate=10), clock)
    own = limiter.pacer
    limiter.share(others)
    assert isinstance(limiter.pacer, SharedPacer)
    limiter.pause.extend(3)
    assert others.paused == [3]
    others.heard(3.05)  # which is this one
    others.heard(8)
    assert limiter.pause.left() == pytest.approx(8)
    assert others.paused == [3]
    limiter.keep_own(others)
    assert limiter.pacer is own
    limiter.pause.extend(20)
    assert others.paused == [3]


def test_a_pause_of_ones_own_is_told_to_nobody():
    pause = Pause(VirtualClock())
    pause.extend(3)
    assert pause.left() == pytest.approx(3)
