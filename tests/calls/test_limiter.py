"""Slots, rate and pause, in virtual time."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from pandapon_async._calls.limiter import Limiter, Pacer, Pause, Slots, Turn
from pandapon_async._config.profiles import Limits
from pandapon_async._errors import LimitExceededError
from pandapon_async.testing import VirtualClock


async def settle() -> None:
    """Let all other tasks run until they wait."""
    for _ in range(10):
        await asyncio.sleep(0)


async def bell_rung(slots: Slots) -> None:
    """The moment when the alarm of the first waiter has ended its wait, and the waiter itself has not been woken."""
    (turn, *_) = slots._waiters
    for _ in range(100):
        if turn.done():
            return
        await asyncio.sleep(0)
    raise AssertionError("the bell did not ring")


@pytest.fixture
def clock() -> VirtualClock:
    """A clock that jumps by itself."""
    return VirtualClock()


@pytest.fixture
def manual() -> VirtualClock:
    """A clock that is moved by hand."""
    return VirtualClock(auto=False)


# --- slots ---


async def test_slots_are_counted():
    slots = Slots(2)
    assert [slots.try_acquire() for _ in range(3)] == [True, True, False]
    assert slots.free == 0
    slots.release()
    assert slots.free == 1
    await slots.acquire()
    assert slots.free == 0


async def test_waiters_are_served_in_order():
    slots = Slots(1)
    await slots.acquire()
    served: list[int] = []

    async def waiter(number: int) -> None:
        await slots.acquire()
        served.append(number)
        slots.release()

    tasks = [asyncio.create_task(waiter(number)) for number in range(5)]
    await settle()
    assert (slots.waiting, served) == (5, [])
    slots.release()
    await asyncio.gather(*tasks)
    assert served == [0, 1, 2, 3, 4]
    assert (slots.free, slots.waiting) == (1, 0)


async def test_a_newcomer_does_not_overtake_a_waiter():
    slots = Slots(1)
    await slots.acquire()
    waiter = asyncio.create_task(slots.acquire())
    await settle()
    slots.release()
    assert not slots.try_acquire()
    await waiter
    assert not slots.try_acquire()


async def test_a_cancelled_waiter_leaves_the_line():
    slots = Slots(1)
    await slots.acquire()
    first, second = asyncio.create_task(slots.acquire()), asyncio.create_task(slots.acquire())
    await settle()
    first.cancel()
    await settle()
    assert slots.waiting == 1
    slots.release()
    await second
    slots.release()
    assert slots.free == 1


async def test_a_waiter_that_is_cancelled_in_the_moment_of_its_turn_passes_it_on():
    slots = Slots(1)
    await slots.acquire()
    first, second = asyncio.create_task(slots.acquire()), asyncio.create_task(slots.acquire())
    await settle()
    slots.release()
    first.cancel()
    await second
    assert first.cancelled()
    slots.release()
    assert slots.free == 1


async def test_a_cancelled_waiter_that_is_still_in_line_is_skipped():
    slots = Slots(1)
    await slots.acquire()
    waiter = asyncio.create_task(slots.acquire())
    await settle()
    waiter.cancel()
    slots.release()
    await settle()
    assert (slots.free, slots.waiting) == (1, 0)


async def test_the_end_of_the_alarm_ends_the_wait(manual: VirtualClock):
    slots = Slots(1)
    await slots.acquire()
    waiter = asyncio.create_task(slots.acquire(lambda: manual.sleep(5)))
    await settle()
    manual.advance(5)
    with pytest.raises(TimeoutError):
        await waiter
    assert slots.waiting == 0
    slots.release()
    assert slots.free == 1


async def test_an_alarm_that_is_not_needed_is_put_away(manual: VirtualClock):
    slots = Slots(1)
    await slots.acquire()
    waiter = asyncio.create_task(slots.acquire(lambda: manual.sleep(5)))
    await settle()
    slots.release()
    await waiter
    await settle()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    manual.advance(10)
    await settle()
    assert slots.free == 0


async def test_a_turn_that_comes_in_the_moment_of_the_alarm_is_not_lost(manual: VirtualClock):
    slots = Slots(1)
    await slots.acquire()
    waiter = asyncio.create_task(slots.acquire(lambda: manual.sleep(5)))
    await settle()
    manual.advance(5)
    slots.release()
    await waiter
    slots.release()
    assert slots.free == 1


async def test_an_alarm_in_the_moment_before_the_turn_gives_the_slot_to_nobody(manual: VirtualClock):
    slots = Slots(1)
    await slots.acquire()
    waiter = asyncio.create_task(slots.acquire(lambda: manual.sleep(5)))
    await settle()
    manual.advance(5)
    await bell_rung(slots)
    slots.release()
    with pytest.raises(TimeoutError):
        await waiter
    assert (slots.free, slots.waiting) == (1, 0)


async def test_a_waiter_that_is_cancelled_in_the_moment_of_its_alarm_leaves_no_noise(manual: VirtualClock):
    noise: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: noise.append(context))
    slots = Slots(1)
    await slots.acquire()
    waiter = asyncio.create_task(slots.acquire(lambda: manual.sleep(5)))
    await settle()
    manual.advance(5)
    await bell_rung(slots)
    waiter.cancel()
    await settle()
    assert waiter.cancelled()
    del waiter
    gc.collect()
    assert noise == []


class Crowd:
    """Tasks that take slots, driven step by step."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.slots = Slots(size)
        self.tasks: list[asyncio.Task[None]] = []
        self.alarms: list[asyncio.Event] = []
        self.held: list[int] = []
        self.order: list[int] = []  # who got a slot

    async def _one(self, number: int, alarm: Callable[[], Any] | None) -> None:
        await self.slots.acquire(alarm)
        self.held.append(number)
        self.order.append(number)

    def come(self, number: int) -> None:
        alarm = asyncio.Event()
        self.alarms.append(alarm)
        self.tasks.append(asyncio.create_task(self._one(len(self.tasks), alarm.wait if number % 2 else None)))

    def cancel(self, number: int) -> None:
        if self.tasks:
            self.tasks[number % len(self.tasks)].cancel()

    def ring(self, number: int) -> None:
        if self.alarms:
            self.alarms[number % len(self.alarms)].set()

    def leave(self, number: int) -> None:
        if self.held:
            self.held.pop(number % len(self.held))
            self.slots.release()

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
            assert len(self.held) + self.slots.free <= self.size
        while not all(task.done() for task in self.tasks):
            await settle()
            for _ in list(self.held):
                self.leave(0)
        await settle()
        for _ in list(self.held):
            self.leave(0)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["come", "come", "cancel", "ring", "leave", "leave", "rest", "rest", "settle"]),
        st.integers(0, 7),
    ),
    max_size=40,
)


@given(st.integers(1, 3), STEPS)
@settings(max_examples=200, deadline=None)
def test_no_interleaving_leaks_or_exceeds_the_slots(size: int, steps: list[tuple[str, int]]):
    async def scenario() -> None:
        noise: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: noise.append(context))
        crowd = Crowd(size)
        await crowd.run(steps)
        assert (crowd.slots.free, crowd.slots.waiting) == (size, 0)
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
    for begin in times:
        inside = [time for time in times if begin <= time < begin + 1 - 1e-9]
        assert len(inside) <= rate + burst


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


async def test_a_pause_that_is_extended_holds_those_who_wait_already(manual: VirtualClock):
    limits = limiter(manual, concurrency=1)
    limits.pause.extend(10)
    waiter = asyncio.create_task(begin(limits.turn("default", patient=True)))
    await settle()
    limits.pause.extend(30)
    manual.advance(10)
    await settle()
    assert not waiter.done()
    manual.advance(20)
    await settle()
    assert waiter.done()
    await waiter


# --- turns ---


def limiter(clock: VirtualClock, groups: dict[str, Limits] | None = None, **limits: Any) -> Limiter:
    return Limiter(Limits(**{"concurrency": 1, **limits}), groups or {}, clock)


async def begin(turn: Turn) -> Turn:
    """Begin a turn as a session does."""
    if not turn.begin_now():
        await turn.begin()
    return turn


@asynccontextmanager
async def held(turn: Turn) -> AsyncIterator[Turn]:
    """A turn from its beginning to its end."""
    await begin(turn)
    try:
        yield turn
    finally:
        turn.end()


async def test_a_turn_holds_a_slot_until_its_end(clock: VirtualClock):
    limits = limiter(clock, concurrency=2)
    async with held(limits.turn("default", patient=False)):
        assert limits.free == 1
    assert limits.free == 2


async def test_a_turn_gives_its_slot_back_when_the_call_fails(clock: VirtualClock):
    limits = limiter(clock)
    with pytest.raises(KeyError):
        async with held(limits.turn("default", patient=False)):
            raise KeyError
    assert limits.free == 1


async def test_a_single_call_waits_for_a_slot_for_max_wait_at_most(clock: VirtualClock):
    limits = limiter(clock, max_wait=30)
    async with held(limits.turn("default", patient=False)):
        with pytest.raises(LimitExceededError, match=r"no slot became free in max_wait=30 s, 0 more wait") as caught:
            await begin(limits.turn("default", patient=False))
        assert clock.monotonic() == 30
        assert caught.value.sent is False
    assert limits.free == 1


async def test_max_wait_zero_does_not_wait_at_all(clock: VirtualClock):
    limits = limiter(clock, max_wait=0)
    async with held(limits.turn("default", patient=False)):
        with pytest.raises(LimitExceededError):
            await begin(limits.turn("default", patient=False))
    assert clock.monotonic() == 0


async def test_a_slot_that_becomes_free_in_time_is_taken(manual: VirtualClock):
    limits = limiter(manual, max_wait=30)
    first = limits.turn("default", patient=False)
    await begin(first)
    second = asyncio.create_task(begin(limits.turn("default", patient=False)))
    await settle()
    manual.advance(29)
    first.end()
    turn = await second
    assert limits.free == 0
    turn.end()
    assert limits.free == 1


async def test_a_turn_that_needs_no_waiting_begins_at_once(clock: VirtualClock):
    limits = limiter(clock)
    turn = limits.turn("default", patient=False)
    assert turn.begin_now()
    assert limits.free == 0
    assert not limits.turn("default", patient=False).begin_now()
    turn.end()
    limits.pause.extend(1)
    assert not turn.begin_now()
    assert limits.free == 1


async def test_a_turn_with_a_rate_does_not_begin_without_its_token(clock: VirtualClock):
    limits = limiter(clock, rate=10)
    assert not limits.turn("default", patient=False).begin_now()
    assert limits.free == 1


async def test_a_patient_turn_waits_for_its_slot_however_long_it_takes(manual: VirtualClock):
    limits = limiter(manual, max_wait=1)
    first = limits.turn("default", patient=True)
    await begin(first)
    second = asyncio.create_task(begin(limits.turn("default", patient=True)))
    await settle()
    manual.advance(3600)
    await settle()
    assert not second.done()
    first.end()
    await second


async def test_a_single_call_does_not_begin_to_wait_for_a_rate_token_beyond_max_wait(clock: VirtualClock):
    limits = limiter(clock, concurrency=9, rate=0.1, max_wait=5)
    async with held(limits.turn("default", patient=False)):
        pass
    with pytest.raises(LimitExceededError, match=r"its turn is 10\.0 s away, more than max_wait=5 s"):
        await begin(limits.turn("default", patient=False))
    assert (clock.slept, limits.free) == ([], 9)


async def test_a_patient_turn_waits_for_its_rate_token(clock: VirtualClock):
    limits = limiter(clock, concurrency=9, rate=0.1, max_wait=5)
    for _ in range(3):
        async with held(limits.turn("default", patient=True)):
            pass
    assert clock.monotonic() == pytest.approx(20)


async def test_a_single_call_does_not_begin_to_sit_out_a_pause_beyond_max_wait(clock: VirtualClock):
    limits = limiter(clock, max_wait=5)
    limits.pause.extend(6)
    with pytest.raises(LimitExceededError, match=r"its turn is 6\.0 s away"):
        await begin(limits.turn("default", patient=False))
    assert limits.free == 1


async def test_a_pause_holds_every_group(clock: VirtualClock):
    limits = limiter(clock, {"quotes": Limits()})
    limits.pause.extend(4)
    async with held(limits.turn("quotes", patient=False)):
        assert clock.monotonic() == 4


async def test_time_spent_on_a_slot_counts_against_max_wait(manual: VirtualClock):
    limits = limiter(manual, max_wait=30)
    first = limits.turn("default", patient=False)
    await begin(first)
    second = asyncio.create_task(begin(limits.turn("default", patient=False)))
    await settle()
    manual.advance(20)
    limits.pause.extend(15)
    first.end()
    with pytest.raises(LimitExceededError, match=r"its turn is 35\.0 s away"):
        await second
    assert limits.free == 1


async def test_the_next_attempt_of_a_call_waits_patiently_and_takes_a_token(clock: VirtualClock):
    limits = limiter(clock, rate=0.1, max_wait=1)
    async with held(limits.turn("default", patient=False)) as turn:
        await turn.next_attempt(patient=True)
        assert clock.monotonic() == pytest.approx(10)
        limits.pause.extend(100)
        await turn.next_attempt(patient=True)
        assert clock.monotonic() == pytest.approx(110)


async def test_a_call_that_is_cancelled_in_a_pause_holds_nothing(manual: VirtualClock):
    limits = limiter(manual)
    limits.pause.extend(5)
    task = asyncio.create_task(begin(limits.turn("default", patient=True)))
    await settle()
    assert limits.free == 0
    task.cancel()
    await settle()
    assert (task.cancelled(), limits.free) == (True, 1)


async def test_a_group_of_its_own_has_its_own_slots(clock: VirtualClock):
    limits = limiter(clock, {"quotes": Limits(concurrency=1)}, concurrency=2)
    async with held(limits.turn("quotes", patient=False)):
        assert limits.free == 2
        async with held(limits.turn("unheard of", patient=False)):
            assert limits.free == 1


async def test_a_session_without_limits_in_its_way_does_not_wait(clock: VirtualClock):
    async with held(limiter(clock).turn("default", patient=False)):
        assert clock.slept == []


async def test_after_a_pause_the_rate_still_holds(manual: VirtualClock):
    limits = limiter(manual, concurrency=20, rate=2)
    limits.pause.extend(10)
    times: list[float] = []

    async def call() -> None:
        async with held(limits.turn("default", patient=True)):
            times.append(manual.monotonic())

    calls = [asyncio.create_task(call()) for _ in range(20)]
    for _ in range(100):
        await settle()
        manual.advance(0.25)
    await asyncio.gather(*calls)
    assert len([time for time in times if time < times[0] + 1 - 1e-9]) <= 2 + 1


async def test_after_a_pause_that_began_while_it_waited_a_patient_call_takes_a_token_anew(manual: VirtualClock):
    limits = limiter(manual, concurrency=3, rate=0.1)
    first = await begin(limits.turn("default", patient=True))
    second = asyncio.create_task(begin(limits.turn("default", patient=True)))
    await settle()
    manual.advance(5)
    limits.pause.extend(100)
    manual.advance(5)
    await settle()
    assert not second.done()
    manual.advance(95)
    await settle()
    assert second.done()
    third = asyncio.create_task(begin(limits.turn("default", patient=True)))
    await settle()
    manual.advance(9)
    await settle()
    assert not third.done()
    manual.advance(1)
    await settle()
    for turn in (first, await second, await third):
        turn.end()
    assert limits.free == 3


async def test_a_pause_that_begins_while_a_single_call_waits_counts_against_max_wait(manual: VirtualClock):
    limits = limiter(manual, concurrency=2, rate=0.1, max_wait=30)
    async with held(limits.turn("default", patient=False)):
        waiting = asyncio.create_task(begin(limits.turn("default", patient=False)))
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
    waiting = asyncio.create_task(begin(limits.turn("default", patient=False)))
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
