"""Permits, rate and pause, in virtual time."""

from __future__ import annotations

import asyncio
import gc
import math
import random
from bisect import bisect_left
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from pandapon_async._calls.limiter import Limiter, Pacer, Pause
from pandapon_async._calls.semaphore import Semaphore
from pandapon_async._config.profiles import Limits
from pandapon_async._errors import LimitExceededError
from pandapon_async.testing import VirtualClock


async def settle() -> None:
    """Let all other tasks run until they wait."""
    for _ in range(10):
        await asyncio.sleep(0)


async def alarm_rung(semaphore: Semaphore) -> None:
    """The moment when the alarm has ended the wait of the first waiter, and the waiter itself has not been woken."""
    (waiter, *_) = semaphore.waiters
    for _ in range(100):
        if waiter.done():
            return
        await asyncio.sleep(0)
    raise AssertionError("it did not ring")


@pytest.fixture
def clock() -> VirtualClock:
    """A clock that jumps by itself."""
    return VirtualClock()


@pytest.fixture
def manual() -> VirtualClock:
    """A clock that is moved by hand."""
    return VirtualClock(auto=False)


# --- the semaphore ---


async def test_permits_are_counted(manual: VirtualClock):
    semaphore = Semaphore(2, manual)
    assert [semaphore.try_acquire() for _ in range(3)] == [True, True, False]
    assert semaphore.free == 0
    semaphore.release()
    assert semaphore.free == 1
    await semaphore.acquire()
    assert semaphore.free == 0


async def test_waiters_are_served_in_order(manual: VirtualClock):
    semaphore = Semaphore(1, manual)
    await semaphore.acquire()
    served: list[int] = []

    async def waiter(number: int) -> None:
        await semaphore.acquire()
        served.append(number)
        semaphore.release()

    tasks = [asyncio.create_task(waiter(number)) for number in range(5)]
    await settle()
    assert (len(semaphore.waiters), served) == (5, [])
    semaphore.release()
    await asyncio.gather(*tasks)
    assert served == [0, 1, 2, 3, 4]
    assert (semaphore.free, len(semaphore.waiters)) == (1, 0)


async def test_a_newcomer_does_not_overtake_a_waiter(manual: VirtualClock):
    semaphore = Semaphore(1, manual)
    await semaphore.acquire()
    waiter = asyncio.create_task(semaphore.acquire())
    await settle()
    semaphore.release()
    assert not semaphore.try_acquire()
    await waiter
    assert not semaphore.try_acquire()


async def test_a_cancelled_waiter_leaves_the_line(manual: VirtualClock):
    semaphore = Semaphore(1, manual)
    await semaphore.acquire()
    first, second = asyncio.create_task(semaphore.acquire()), asyncio.create_task(semaphore.acquire())
    await settle()
    first.cancel()
    await settle()
    assert len(semaphore.waiters) == 1
    semaphore.release()
    await second
    semaphore.release()
    assert semaphore.free == 1


async def test_a_waiter_that_is_cancelled_in_the_moment_of_its_permit_passes_it_on(manual: VirtualClock):
    semaphore = Semaphore(1, manual)
    await semaphore.acquire()
    first, second = asyncio.create_task(semaphore.acquire()), asyncio.create_task(semaphore.acquire())
    await settle()
    semaphore.release()
    first.cancel()
    await second
    assert first.cancelled()
    semaphore.release()
    assert semaphore.free == 1


async def test_a_cancelled_waiter_that_is_still_in_line_is_skipped(manual: VirtualClock):
    semaphore = Semaphore(1, manual)
    await semaphore.acquire()
    waiter = asyncio.create_task(semaphore.acquire())
    await settle()
    waiter.cancel()
    semaphore.release()
    await settle()
    assert (semaphore.free, len(semaphore.waiters)) == (1, 0)


async def waiter_of(semaphore: Semaphore, *, wait_forever: bool = False) -> asyncio.Task[None]:
    """Somebody who waits."""
    waiter = asyncio.create_task(semaphore.acquire(wait_forever=wait_forever))
    await settle()
    assert not waiter.done()
    return waiter


def alarms(clock: VirtualClock) -> int:
    """How many sleeps there have been on a clock."""
    return len(clock.slept)


async def test_the_end_of_max_wait_ends_the_wait(manual: VirtualClock):
    semaphore = Semaphore(1, manual, 5)
    await semaphore.acquire()
    waiter = await waiter_of(semaphore)
    manual.advance(5)
    with pytest.raises(TimeoutError):
        await waiter
    assert len(semaphore.waiters) == 0
    semaphore.release()
    assert semaphore.free == 1


async def test_all_waits_share_one_alarm(manual: VirtualClock):
    semaphore = Semaphore(1, manual, 5)
    await semaphore.acquire()
    waiters = [await waiter_of(semaphore) for _ in range(50)]
    assert alarms(manual) == 1
    assert len(asyncio.all_tasks()) == 1 + 50 + 1
    manual.advance(5)
    await settle()
    assert all(isinstance(waiter.exception(), TimeoutError) for waiter in waiters)
    assert alarms(manual) == 1
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_each_wait_ends_in_its_own_time(manual: VirtualClock):
    semaphore = Semaphore(1, manual, 5)
    await semaphore.acquire()
    first = await waiter_of(semaphore)
    patient = await waiter_of(semaphore, wait_forever=True)
    manual.advance(2)
    second = await waiter_of(semaphore)
    manual.advance(3)
    await settle()
    assert (first.done(), second.done()) == (True, False)
    manual.advance(2)
    await settle()
    assert (second.done(), patient.done()) == (True, False)
    assert asyncio.all_tasks() == {asyncio.current_task(), patient}
    semaphore.release()
    await patient
    assert all(isinstance(waiter.exception(), TimeoutError) for waiter in (first, second))


async def test_who_was_served_does_not_keep_the_next_from_its_alarm(manual: VirtualClock):
    semaphore = Semaphore(1, manual, 5)
    await semaphore.acquire()
    first = await waiter_of(semaphore)
    manual.advance(2)
    second = await waiter_of(semaphore)
    semaphore.release()
    await first
    manual.advance(3)
    await settle()
    assert not second.done()
    manual.advance(2)
    with pytest.raises(TimeoutError):
        await second


async def test_a_new_wait_has_an_alarm_after_the_last_one_was_put_away(manual: VirtualClock):
    semaphore = Semaphore(1, manual, 5)
    await semaphore.acquire()
    first = await waiter_of(semaphore)
    first.cancel()
    await settle()
    second = await waiter_of(semaphore)
    manual.advance(5)
    with pytest.raises(TimeoutError):
        await second


async def test_an_alarm_that_is_not_needed_is_put_away(manual: VirtualClock):
    semaphore = Semaphore(1, manual, 5)
    await semaphore.acquire()
    waiter = await waiter_of(semaphore)
    semaphore.release()
    await waiter
    await settle()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    manual.advance(10)
    await settle()
    assert semaphore.free == 0


async def test_who_waits_forever_needs_no_alarm(manual: VirtualClock):
    semaphore = Semaphore(1, manual, 5)
    await semaphore.acquire()
    waiter = await waiter_of(semaphore, wait_forever=True)
    assert alarms(manual) == 0
    assert asyncio.all_tasks() == {asyncio.current_task(), waiter}
    semaphore.release()
    await waiter


async def test_a_permit_that_comes_in_the_moment_of_the_alarm_is_not_lost(manual: VirtualClock):
    semaphore = Semaphore(1, manual, 5)
    await semaphore.acquire()
    waiter = await waiter_of(semaphore)
    manual.advance(5)
    semaphore.release()
    await waiter
    semaphore.release()
    assert semaphore.free == 1


async def test_an_alarm_in_the_moment_before_the_permit_gives_it_to_nobody(manual: VirtualClock):
    semaphore = Semaphore(1, manual, 5)
    await semaphore.acquire()
    waiter = await waiter_of(semaphore)
    manual.advance(5)
    await alarm_rung(semaphore)
    semaphore.release()
    with pytest.raises(TimeoutError):
        await waiter
    assert (semaphore.free, len(semaphore.waiters)) == (1, 0)


async def test_a_waiter_that_is_cancelled_in_the_moment_of_its_alarm_leaves_no_noise(manual: VirtualClock):
    noise: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: noise.append(context))
    semaphore = Semaphore(1, manual, 5)
    await semaphore.acquire()
    waiter = await waiter_of(semaphore)
    manual.advance(5)
    await alarm_rung(semaphore)
    waiter.cancel()
    await settle()
    assert waiter.cancelled()
    del waiter
    gc.collect()
    assert noise == []


class Crowd:
    """Tasks that want to hold a semaphore, driven step by step."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.clock = VirtualClock(auto=False)
        self.semaphore = Semaphore(size, self.clock, 3)
        self.tasks: list[asyncio.Task[None]] = []
        self.held: list[int] = []
        self.order: list[int] = []  # who got it

    async def _one(self, number: int, *, wait_forever: bool) -> None:
        await self.semaphore.acquire(wait_forever=wait_forever)
        self.held.append(number)
        self.order.append(number)

    def come(self, number: int) -> None:
        self.tasks.append(asyncio.create_task(self._one(len(self.tasks), wait_forever=number % 2 == 0)))

    def cancel(self, number: int) -> None:
        if self.tasks:
            self.tasks[number % len(self.tasks)].cancel()

    def pass_time(self, number: int) -> None:
        self.clock.advance(number)

    def leave(self, number: int) -> None:
        if self.held:
            self.held.pop(number % len(self.held))
            self.semaphore.release()

    async def run(self, steps: list[tuple[str, int]]) -> None:
        for name, number in steps:
            if name == "rest":
                await asyncio.sleep(0)
            elif name == "settle":
                await settle()
                waiting = [number for number, task in enumerate(self.tasks) if not task.done()]
                assert not waiting or max(self.order, default=-1) < waiting[0]  # nobody was overtaken
            else:
                getattr(self, name)(number)
            assert len(self.held) + self.semaphore.free <= self.size
        while not all(task.done() for task in self.tasks):
            await settle()
            for _ in list(self.held):
                self.leave(0)
        await settle()
        for _ in list(self.held):
            self.leave(0)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["come", "come", "cancel", "pass_time", "leave", "leave", "rest", "rest", "settle"]),
        st.integers(0, 7),
    ),
    max_size=40,
)


@given(st.integers(1, 3), STEPS)
@settings(max_examples=200, deadline=None)
def test_no_interleaving_leaks_or_exceeds_the_semaphore(size: int, steps: list[tuple[str, int]]):
    async def scenario() -> None:
        noise: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: noise.append(context))
        crowd = Crowd(size)
        await crowd.run(steps)
        assert (crowd.semaphore.free, len(crowd.semaphore.waiters)) == (size, 0)
        for task in crowd.tasks:
            assert task.cancelled() or isinstance(task.exception(), (TimeoutError, type(None)))
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert noise == []

    asyncio.run(scenario())


# --- rate ---


async def starts(pacer: Pacer, clock: VirtualClock, calls: int) -> list[float]:
    times: list[float] = []

    async def call() -> None:
        await pacer.take()
        times.append(clock.monotonic())

    await asyncio.gather(*[call() for _ in range(calls)])
    return times


async def test_starts_are_evenly_spaced(clock: VirtualClock):
    assert await starts(Pacer(10, 1, clock), clock, 5) == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])


async def test_a_burst_may_go_at_once_after_a_rest(clock: VirtualClock):
    pacer = Pacer(10, 3, clock)
    assert await starts(pacer, clock, 5) == pytest.approx([0, 0, 0, 0.1, 0.2])
    await clock.sleep(60)
    begin = clock.monotonic()
    assert [time - begin for time in await starts(pacer, clock, 5)] == pytest.approx([0, 0, 0, 0.1, 0.2])


async def test_a_rest_saves_up_no_more_than_the_burst(clock: VirtualClock):
    pacer = Pacer(1000, 1, clock)
    await clock.sleep(3600)
    times = await starts(pacer, clock, 100)
    assert times[-1] - times[0] == pytest.approx(0.099)


def most_in_a_second(times: list[float]) -> int:
    """The largest number of starts in any second, however it is cut."""
    return max(bisect_left(times, begin + 1 - 1e-9) - number for number, begin in enumerate(times))


def allowed(rate: float, burst: int = 1) -> int:
    """The most that one second may hold: two percent more than the rate, in whole starts."""
    return max(math.ceil(rate), math.floor(rate * 1.02)) + burst - 1


@given(
    rate=st.floats(0.5, 200),
    burst=st.integers(1, 20),
    gaps=st.lists(st.sampled_from([0.0, 0.0, 0.0, 0.001, 0.01, 0.1, 0.5, 2.0]), min_size=1, max_size=40),
)
@settings(max_examples=25, deadline=None)
def test_no_second_starts_more_than_the_rate_and_a_burst(rate: float, burst: int, gaps: list[float]):
    async def scenario() -> list[float]:
        clock = VirtualClock()
        pacer = Pacer(rate, burst, clock)
        times: list[float] = []

        async def call() -> None:
            await pacer.take()
            times.append(clock.monotonic())

        calls: list[asyncio.Task[None]] = []
        for gap in gaps:
            if gap:
                await clock.sleep(gap)
            calls.append(asyncio.create_task(call()))
        await asyncio.gather(*calls)
        return times

    times = asyncio.run(scenario())
    assert len(times) == len(gaps)
    assert most_in_a_second(times) <= allowed(rate, burst)


class BusyLoop:
    """Time on a busy machine: each pass of the loop takes ``step`` seconds (or what it gives), and timers are seen between passes."""

    def __init__(self, step: Callable[[], float]) -> None:
        self._elapsed = 0.0
        self._step = step

    def now(self) -> float:
        return self._elapsed

    def monotonic(self) -> float:
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        due = self._elapsed + seconds
        while self._elapsed < due:  # noqa: ASYNC110 - passes of the loop are what time is made of
            await asyncio.sleep(0)

    async def run(self, seconds: float) -> None:
        """Let time pass."""
        while self._elapsed < seconds:
            await asyncio.sleep(0)
            self._elapsed += self._step()


def paced(rate: float, step: Callable[[], float], *, workers: int = 64, seconds: float = 10.0) -> list[float]:
    """When workers start who do nothing but wait for a token."""

    async def scenario() -> list[float]:
        clock = BusyLoop(step)
        pacer = Pacer(rate, 1, clock)
        times: list[float] = []

        async def worker() -> None:
            while True:
                await pacer.take()
                times.append(clock.monotonic())

        tasks = [asyncio.create_task(worker()) for _ in range(workers)]
        await clock.run(seconds)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return times

    return asyncio.run(scenario())


def uneven(most: float) -> Callable[[], float]:
    """Passes of the loop of any length up to the given one."""
    dice = random.Random(7)
    return lambda: dice.uniform(0, most)


def steady(step: float) -> Callable[[], float]:
    return lambda: step


PASSES = {
    "passes of 0.3 ms": steady(0.0003),
    "passes of 2 ms": steady(0.002),
    "passes of up to 10 ms": uneven(0.010),
    "passes of up to 30 ms": uneven(0.030),
}


@pytest.mark.parametrize("rate", [10, 50, 100, 333.3, 1000, 2000])
@pytest.mark.parametrize("passes", PASSES)
def test_a_busy_loop_keeps_the_rate_and_exceeds_no_second(rate: float, passes: str):
    times = paced(rate, PASSES[passes])
    assert 0.98 * rate <= (len(times) - 1) / (times[-1] - times[0]) <= 1.01 * rate
    assert most_in_a_second(times) <= allowed(rate)


def test_one_worker_that_oversleeps_keeps_the_rate_as_well():
    times = paced(2000, steady(0.0003), workers=1, seconds=3.0)
    assert 0.98 * 2000 <= len(times) / times[-1] <= 1.01 * 2000


async def test_those_behind_one_who_oversleeps_start_when_they_were_due(manual: VirtualClock):
    pacer = Pacer(100, 1, manual)
    times = [asyncio.create_task(pacer.take()) for _ in range(6)]
    await settle()
    assert [task.done() for task in times] == [True, *[False] * 5]
    manual.advance(0.035)
    await settle()
    assert [task.done() for task in times] == [*[True] * 4, *[False] * 2]
    manual.advance(0.005)
    await settle()
    assert [task.done() for task in times] == [*[True] * 5, False]
    times[-1].cancel()


@pytest.mark.parametrize(("rate", "made_up"), [(100, 26), (1000, 251), (40, 3)])
async def test_a_loop_that_was_held_up_for_long_makes_up_for_a_moment_only(
    manual: VirtualClock, rate: float, made_up: int
):
    pacer = Pacer(rate, 1, manual)
    tasks = [asyncio.create_task(pacer.take()) for _ in range(2000)]
    await settle()
    manual.advance(600)
    await settle()
    assert sum(task.done() for task in tasks) == pytest.approx(1 + made_up, abs=1)
    for task in tasks:
        task.cancel()


async def test_a_late_start_saves_up_nothing_for_after_a_rest(manual: VirtualClock):
    pacer = Pacer(100, 1, manual)
    await pacer.take()
    late = asyncio.create_task(pacer.take())
    await settle()
    manual.advance(0.2)
    await late
    manual.advance(60)
    after = [asyncio.create_task(pacer.take()) for _ in range(5)]
    await settle()
    assert [task.done() for task in after] == [True, *[False] * 4]
    for task in after:
        task.cancel()


@pytest.mark.parametrize("rate", [1e-9, 1e300])
async def test_a_rate_of_any_size_can_be_kept(clock: VirtualClock, rate: float):
    await Pacer(rate, 1, clock).take()
    assert clock.slept == []


async def test_one_that_is_cancelled_in_the_moment_of_its_token_gives_it_back(manual: VirtualClock):
    pacer = Pacer(100, 1, manual)
    await pacer.take()
    lead, second, third = (asyncio.create_task(pacer.take()) for _ in range(3))
    await settle()
    manual.advance(0.02)
    await until_given(pacer)
    second.cancel()
    await settle()
    assert (lead.done(), second.cancelled(), third.done()) == (True, True, True)


async def until_given(pacer: Pacer) -> None:
    """The moment when those behind the head have been given something, and have not been woken."""
    waiting = list(pacer._followers)
    for _ in range(100):
        if any(waiter.done() for waiter in waiting):
            return
        await asyncio.sleep(0)
    raise AssertionError("nobody was given anything")


async def test_one_that_is_cancelled_in_the_moment_of_its_lead_hands_it_on(manual: VirtualClock):
    pacer = Pacer(10, 1, manual)
    await pacer.take()
    lead, second, third = (asyncio.create_task(pacer.take()) for _ in range(3))
    await settle()
    lead.cancel()
    await until_given(pacer)
    second.cancel()
    await settle()
    manual.advance(0.1)
    await settle()
    assert (lead.cancelled(), second.cancelled(), third.done()) == (True, True, True)
    await pacer_is_free(pacer, manual)


async def pacer_is_free(pacer: Pacer, clock: VirtualClock) -> None:
    """Nobody leads, so that the next one does."""
    clock.advance(60)
    assert pacer.expected_wait() == 0
    await pacer.take()


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["come", "come", "cancel", "pass_time", "rest", "settle"]), st.integers(0, 7)),
        max_size=40,
    )
)
@settings(max_examples=200, deadline=None)
def test_no_interleaving_leaves_somebody_behind_or_exceeds_the_rate(steps: list[tuple[str, int]]):
    async def scenario() -> None:
        clock = VirtualClock(auto=False)
        pacer = Pacer(20, 2, clock)
        tasks: list[asyncio.Task[None]] = []
        times: list[float] = []

        async def one() -> None:
            await pacer.take()
            times.append(clock.monotonic())

        for name, number in steps:
            if name == "come":
                tasks.append(asyncio.create_task(one()))
            elif name == "cancel" and tasks:
                tasks[number % len(tasks)].cancel()
            elif name == "pass_time":
                clock.advance(number * 0.03)
            else:
                await asyncio.sleep(0) if name == "rest" else await settle()
        for _ in range(len(tasks) * 2):
            await settle()
            clock.advance(0.05)
        await settle()
        assert all(task.done() for task in tasks)
        assert not times or most_in_a_second(times) <= allowed(20, 2)
        await pacer_is_free(pacer, clock)

    asyncio.run(scenario())


async def test_a_cancelled_waiter_takes_no_token(manual: VirtualClock):
    pacer = Pacer(1, 1, manual)
    await pacer.take()
    head, second = asyncio.create_task(pacer.take()), asyncio.create_task(pacer.take())
    await settle()
    head.cancel()
    await settle()
    manual.advance(1)
    await settle()
    assert (head.cancelled(), second.done()) == (True, True)


async def test_a_cancelled_waiter_behind_the_head_takes_no_token(manual: VirtualClock):
    pacer = Pacer(1, 1, manual)
    await pacer.take()
    head, behind, last = (asyncio.create_task(pacer.take()) for _ in range(3))
    await settle()
    behind.cancel()
    await settle()
    manual.advance(1)
    await settle()
    manual.advance(1)
    await settle()
    assert (head.done(), behind.cancelled(), last.done()) == (True, True, True)


async def test_the_expected_wait_counts_who_is_ahead(manual: VirtualClock):
    pacer = Pacer(2, 1, manual)
    assert pacer.expected_wait() == 0
    await pacer.take()
    assert pacer.expected_wait() == pytest.approx(0.5)
    tasks = [asyncio.create_task(pacer.take()) for _ in range(3)]
    await settle()
    assert pacer.expected_wait() == pytest.approx(2.0)
    manual.advance(0.25)
    assert pacer.expected_wait() == pytest.approx(1.75)
    for task in tasks:
        task.cancel()
    await settle()
    assert pacer.expected_wait() == pytest.approx(0.25)


# --- pause ---


async def test_a_pause_ends_by_itself(clock: VirtualClock):
    pause = Pause(clock)
    assert pause.left() <= 0
    pause.extend(12)
    assert pause.left() == 12
    await clock.sleep(12)
    assert pause.left() == 0


async def test_a_shorter_pause_does_not_shorten_a_longer_one(manual: VirtualClock):
    pause = Pause(manual)
    pause.extend(10)
    pause.extend(2)
    pause.extend(0)
    assert pause.left() == 10
    manual.advance(5)
    pause.extend(10)
    assert pause.left() == 10


async def herd(limits: Limiter, clock: VirtualClock, calls: int = 64) -> list[float]:
    """When calls begin that come during a pause."""
    times: list[float] = []

    async def call() -> None:
        async with held(limits, wait_forever=True):
            times.append(clock.monotonic())

    await asyncio.gather(*[call() for _ in range(calls)])
    return sorted(times)


async def test_after_a_pause_not_all_begin_at_once(clock: VirtualClock):
    limits = limiter(clock, concurrency=64)
    limits.pause.extend(30)
    times = await herd(limits, clock)
    assert times[0] >= 30
    assert times[-1] <= 31
    assert max(bisect_left(times, time + 0.1) - number for number, time in enumerate(times)) < 32


async def test_after_a_short_pause_they_begin_within_its_length(clock: VirtualClock):
    limits = limiter(clock, concurrency=64)
    limits.pause.extend(0.2)
    times = await herd(limits, clock)
    assert 0.2 <= times[0] <= times[-1] <= 0.4
    assert len(set(times)) > 60


async def test_the_jitter_after_a_pause_does_not_go_beyond_max_wait(clock: VirtualClock):
    limits = limiter(clock, concurrency=64, max_wait=10)
    limits.pause.extend(10)
    await asyncio.gather(*[begin(limits, wait_forever=False) for _ in range(64)])
    assert clock.monotonic() == 10


async def test_the_first_of_those_who_sit_out_a_pause_begins_at_its_end(clock: VirtualClock):
    limits = limiter(clock, concurrency=2)
    limits.pause.extend(30)
    assert (await herd(limits, clock, 2))[0] == 30


async def test_each_pause_has_a_first_of_its_own(clock: VirtualClock):
    limits = limiter(clock)
    for seconds in (10, 20):
        limits.pause.extend(seconds)
        await herd(limits, clock, 1)
    assert clock.monotonic() == 30


async def test_a_call_that_comes_after_a_pause_begins_at_once(clock: VirtualClock):
    limits = limiter(clock)
    limits.pause.extend(30)
    await clock.sleep(30)
    await begin(limits, wait_forever=False)
    assert clock.slept == [30]


async def test_a_pause_that_is_extended_holds_those_who_wait_already(manual: VirtualClock):
    limits = limiter(manual, concurrency=1)
    limits.pause.extend(10)
    waiter = asyncio.create_task(begin(limits, wait_forever=True))
    await settle()
    limits.pause.extend(30)
    manual.advance(10)
    await settle()
    assert not waiter.done()
    manual.advance(20)
    await settle()
    assert waiter.done()
    await waiter


# --- permits ---


def limiter(clock: VirtualClock, **limits: Any) -> Limiter:
    return Limiter(Limits(**{"concurrency": 1, **limits}), clock)


async def begin(limits: Limiter, *, wait_forever: bool) -> None:
    """Acquire a permit."""
    await limits.acquire(wait_forever=wait_forever)


@asynccontextmanager
async def held(limits: Limiter, *, wait_forever: bool) -> AsyncIterator[None]:
    """A permit from its beginning to its end."""
    await begin(limits, wait_forever=wait_forever)
    try:
        yield
    finally:
        limits.release()


async def test_a_permit_is_held_until_its_end(clock: VirtualClock):
    limits = limiter(clock, concurrency=2)
    async with held(limits, wait_forever=False):
        assert limits.free == 1
    assert limits.free == 2


async def test_a_permit_is_given_back_when_the_call_fails(clock: VirtualClock):
    limits = limiter(clock)
    with pytest.raises(KeyError):
        async with held(limits, wait_forever=False):
            raise KeyError
    assert limits.free == 1


async def test_a_single_call_waits_for_a_permit_for_max_wait_at_most(clock: VirtualClock):
    limits = limiter(clock, max_wait=30)
    async with held(limits, wait_forever=False):
        with pytest.raises(LimitExceededError, match=r"no permit became free in max_wait=30 s, 0 more wait") as caught:
            await begin(limits, wait_forever=False)
        assert clock.monotonic() == 30
        assert caught.value.sent is False
    assert limits.free == 1


async def test_max_wait_zero_does_not_wait_at_all(clock: VirtualClock):
    limits = limiter(clock, max_wait=0)
    async with held(limits, wait_forever=False):
        with pytest.raises(LimitExceededError):
            await begin(limits, wait_forever=False)
    assert clock.monotonic() == 0


async def test_a_permit_that_becomes_free_in_time_is_taken(manual: VirtualClock):
    limits = limiter(manual, max_wait=30)
    await begin(limits, wait_forever=False)
    second = asyncio.create_task(begin(limits, wait_forever=False))
    await settle()
    manual.advance(29)
    limits.release()
    await second
    assert limits.free == 0
    limits.release()
    assert limits.free == 1


async def test_who_waits_forever_waits_for_a_permit_however_long_it_takes(manual: VirtualClock):
    limits = limiter(manual, max_wait=1)
    await begin(limits, wait_forever=True)
    second = asyncio.create_task(begin(limits, wait_forever=True))
    await settle()
    manual.advance(3600)
    await settle()
    assert not second.done()
    limits.release()
    await second


async def test_a_single_call_does_not_begin_to_wait_for_a_rate_token_beyond_max_wait(clock: VirtualClock):
    limits = limiter(clock, concurrency=9, rate=0.1, max_wait=5)
    async with held(limits, wait_forever=False):
        pass
    with pytest.raises(LimitExceededError, match=r"its permit is 10\.0 s away, more than max_wait=5 s"):
        await begin(limits, wait_forever=False)
    assert (clock.slept, limits.free) == ([], 9)


async def test_who_waits_forever_waits_for_its_rate_token(clock: VirtualClock):
    limits = limiter(clock, concurrency=9, rate=0.1, max_wait=5)
    for _ in range(3):
        async with held(limits, wait_forever=True):
            pass
    assert clock.monotonic() == pytest.approx(20)


async def test_a_single_call_does_not_begin_to_sit_out_a_pause_beyond_max_wait(clock: VirtualClock):
    limits = limiter(clock, max_wait=5)
    limits.pause.extend(6)
    with pytest.raises(LimitExceededError, match=r"its permit is 6\.0 s away"):
        await begin(limits, wait_forever=False)
    assert limits.free == 1


async def test_time_spent_on_a_permit_counts_against_max_wait(manual: VirtualClock):
    limits = limiter(manual, max_wait=30)
    await begin(limits, wait_forever=False)
    second = asyncio.create_task(begin(limits, wait_forever=False))
    await settle()
    manual.advance(20)
    limits.pause.extend(15)
    limits.release()
    with pytest.raises(LimitExceededError, match=r"its permit is 35\.0 s away"):
        await second
    assert limits.free == 1


async def test_the_next_attempt_of_a_call_waits_however_long_it_takes_and_takes_a_token(clock: VirtualClock):
    limits = limiter(clock, rate=0.1, max_wait=1)
    async with held(limits, wait_forever=False):
        await limits.next_attempt(wait_forever=True)
        assert clock.monotonic() == pytest.approx(10)
        limits.pause.extend(100)
        await limits.next_attempt(wait_forever=True)
        assert clock.monotonic() == pytest.approx(110)


async def test_a_call_that_is_cancelled_in_a_pause_holds_nothing(manual: VirtualClock):
    limits = limiter(manual)
    limits.pause.extend(5)
    task = asyncio.create_task(begin(limits, wait_forever=True))
    await settle()
    assert limits.free == 0
    task.cancel()
    await settle()
    assert (task.cancelled(), limits.free) == (True, 1)


async def test_a_session_without_limits_in_its_way_does_not_wait(clock: VirtualClock):
    async with held(limiter(clock), wait_forever=False):
        assert clock.slept == []


async def test_after_a_pause_the_rate_still_holds(manual: VirtualClock):
    limits = limiter(manual, concurrency=20, rate=2)
    limits.pause.extend(10)
    times: list[float] = []

    async def call() -> None:
        async with held(limits, wait_forever=True):
            times.append(manual.monotonic())

    calls = [asyncio.create_task(call()) for _ in range(20)]
    for _ in range(100):
        await settle()
        manual.advance(0.25)
    await asyncio.gather(*calls)
    assert len([time for time in times if time < times[0] + 1 - 1e-9]) <= 2 + 1


async def test_after_a_pause_that_began_while_it_waited_a_call_takes_a_token_anew(manual: VirtualClock):
    limits = limiter(manual, concurrency=3, rate=0.1)
    await begin(limits, wait_forever=True)
    second = asyncio.create_task(begin(limits, wait_forever=True))
    await settle()
    manual.advance(5)
    limits.pause.extend(100)
    manual.advance(5)
    await settle()
    assert not second.done()
    manual.advance(95)
    await settle()
    assert second.done()
    third = asyncio.create_task(begin(limits, wait_forever=True))
    await settle()
    manual.advance(9)
    await settle()
    assert not third.done()
    manual.advance(1)
    await settle()
    for _ in range(3):
        limits.release()
    assert limits.free == 3


async def test_a_pause_that_begins_while_a_single_call_waits_counts_against_max_wait(manual: VirtualClock):
    limits = limiter(manual, concurrency=2, rate=0.1, max_wait=30)
    async with held(limits, wait_forever=False):
        waiting = asyncio.create_task(begin(limits, wait_forever=False))
        await settle()
        manual.advance(5)
        limits.pause.extend(1000)
        manual.advance(5)
        await settle()
        manual.advance(100)
        await settle()
        assert waiting.done()
        with pytest.raises(LimitExceededError):
            await waiting


async def test_a_pause_that_is_extended_while_a_single_call_sits_it_out_counts_against_max_wait(manual: VirtualClock):
    limits = limiter(manual, max_wait=30)
    limits.pause.extend(10)
    waiting = asyncio.create_task(begin(limits, wait_forever=False))
    await settle()
    limits.pause.extend(1000)
    manual.advance(10)
    await settle()
    manual.advance(100)
    await settle()
    assert waiting.done()
    with pytest.raises(LimitExceededError):
        await waiting
    assert limits.free == 1
