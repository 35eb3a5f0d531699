"""Starts and pauses that are shared with other processes."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given, strategies as st

from pandapon_async import JournalError, Limits
from pandapon_async._calls.limiter import Limiter, Pause
from pandapon_async._calls.shared_limits import SharedPacer
from pandapon_async._journal.postgres.workers import fair_share
from pandapon_async.testing import VirtualClock
from tests.support import spin, until

_STEP = 0.004


class Others:
    """All who share, in one process."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.due = 0.0
        self.drawn: list[int] = []
        self.paused: list[float] = []
        self.error: Exception | None = None
        self.permitted = 99
        self.heard: Callable[[float], object] = print

    async def starts(self, number: int, interval: float) -> list[float]:
        self.drawn.append(number)
        if self.error is not None:
            raise self.error
        first = max(self.due, self.clock.monotonic())
        self.due = first + number * interval
        return [first + at * interval for at in range(number)]

    async def permits(self, held: int, wanted: int, concurrency: int) -> int:
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        return max(0, min(wanted, self.permitted))

    def pause(self, seconds: float) -> None:
        self.paused.append(seconds)

    def follow(self, heard: Callable[[float], object]) -> None:
        self.heard = heard


async def started(pacers: list[SharedPacer], clock: VirtualClock, number: int) -> list[float]:
    """When each of so many calls starts, which come at once, in turn at each."""
    at: list[float] = []

    async def start(pacer: SharedPacer) -> None:
        await pacer.reach(await pacer.take())
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


async def test_workers_that_have_few_calls_at_a_time_reach_the_rate_and_draw_nothing_in_vain():
    clock = VirtualClock(auto=False)
    others = Others(clock)
    at: list[float] = []

    async def calls_one_after_another(pacer: SharedPacer) -> None:
        for _ in range(10):
            await pacer.reach(await pacer.take())
            at.append(clock.monotonic())
            await clock.sleep(0.2)  # as long as the vendor takes

    pacers = [SharedPacer(50, others, clock) for _ in range(4)]
    calls = asyncio.gather(*[calls_one_after_another(pacer) for pacer in pacers for _ in range(5)])
    while not calls.done():
        await spin()
        clock.advance(_STEP)
    assert len(at) == sum(others.drawn) == 200
    assert at[-1] - at[0] < 200 / 50 * 1.05


async def test_a_start_that_was_slept_over_lapses():
    clock = VirtualClock()
    others = Others(clock)
    pacer = SharedPacer(50, others, clock)
    others.starts = held_up(others, 10)
    at = await started([pacer], clock, 10)
    assert at[0] == pytest.approx(10)
    assert at[9] - at[0] == pytest.approx(0.18)
    assert sum(others.drawn) == 15


def held_up(others: Others, seconds: float) -> Callable[[int, float], Awaitable[list[float]]]:
    """An answer that comes so late; those after it don't."""
    answer = others.starts

    async def starts(number: int, interval: float) -> list[float]:
        found = await answer(number, interval)
        if len(others.drawn) == 1:
            await others.clock.sleep(seconds)
        return found

    return starts


@pytest.mark.parametrize(("late", "drawn"), [(0.0, 1), (0.015, 1), (0.03, 2), (9.0, 2)])
async def test_a_call_whose_start_has_lapsed_while_it_was_noted_in_the_journal_waits_for_another_one(
    late: float, drawn: int
):
    clock = VirtualClock()
    others = Others(clock)
    pacer = SharedPacer(50, others, clock)
    start = await pacer.take()
    await clock.sleep(start + late - clock.monotonic())
    await pacer.reach(start)
    assert sum(others.drawn) == drawn
    assert clock.monotonic() == pytest.approx(start + late)


async def test_a_call_has_its_start_early_and_waits_for_it_once_it_is_noted():
    clock = VirtualClock()
    pacer = SharedPacer(1, Others(clock), clock)
    await pacer.take()
    start = await pacer.take()
    assert clock.monotonic() == pytest.approx(start - SharedPacer.EARLY / 2)
    await pacer.reach(start)
    assert clock.monotonic() == pytest.approx(start)


async def test_the_start_of_one_that_waits_no_more_is_the_next_ones():
    clock = VirtualClock(auto=False)
    others = Others(clock)
    pacer = SharedPacer(1, others, clock)
    await pacer.take()
    left = asyncio.ensure_future(pacer.take())
    await spin()
    left.cancel()
    await asyncio.wait([left])
    following = asyncio.ensure_future(started([pacer], clock, 1))
    while not following.done():
        await spin()
        clock.advance(_STEP)
    assert await following == [pytest.approx(1, abs=1.1 * _STEP)]
    assert sum(others.drawn) == 2


@pytest.mark.parametrize("what", ["starts", "permits"])
async def test_after_all_tasks_were_cancelled_those_who_come_get_theirs(what: str):
    others = Others(VirtualClock())
    limiter = await sharing(others)
    pacer = SharedPacer(50, others, others.clock)

    def take() -> asyncio.Future[object]:
        return asyncio.ensure_future(pacer.take() if what == "starts" else limiter.acquire(wait_forever=True))

    before, call = asyncio.all_tasks(), take()
    await spin(1)  # the task that asks for them was made, and hasn't begun
    for task in asyncio.all_tasks() - before:
        task.cancel()
    await asyncio.wait([call])
    following = take()
    await until(following.done)


async def test_what_a_newcomer_would_wait_is_known_from_what_was_drawn_and_who_waits():
    clock = VirtualClock(auto=False)
    pacer = SharedPacer(1, Others(clock), clock)
    assert pacer.expected_wait() == 0
    calls = [asyncio.ensure_future(pacer.take()) for _ in range(4)]
    await spin()
    assert pacer.expected_wait() == pytest.approx(4)
    for call in calls:
        call.cancel()
    await asyncio.wait(calls)
    await spin()


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


# --- permits -----------------------------------------------------------------------------------------------------------


async def sharing(others: Others, concurrency: int = 4) -> Limiter:
    limiter = Limiter(Limits(concurrency=concurrency), others.clock)
    limiter.share(others)
    return limiter


async def holding(limiter: Limiter, number: int) -> list[asyncio.Task[None]]:
    """So many that come at once, each of which has a permit, or waits for one."""
    tasks = [asyncio.ensure_future(limiter.acquire(wait_forever=True)) for _ in range(number)]
    await spin()
    return tasks


def have_one(tasks: list[asyncio.Task[None]]) -> int:
    return sum(task.done() for task in tasks)


async def test_nobody_has_a_permit_before_the_others_know_it():
    others = Others(VirtualClock(auto=False))
    others.permitted = 0
    limiter = await sharing(others)
    assert limiter.free == 0
    assert have_one(await holding(limiter, 3)) == 0


async def test_as_many_begin_as_are_permitted_and_more_once_more_are():
    others = Others(VirtualClock(auto=False))
    others.permitted = 2
    limiter = await sharing(others)
    tasks = await holding(limiter, 9)
    assert have_one(tasks) == 2
    others.permitted = 99
    others.clock.advance(1)
    await spin()
    assert have_one(tasks) == 4


async def test_what_is_no_longer_permitted_goes_as_it_is_given_back_to_nobody():
    others = Others(VirtualClock(auto=False))
    limiter = await sharing(others)
    tasks = await holding(limiter, 6)
    assert have_one(tasks) == 4
    others.permitted = 1
    others.clock.advance(1)
    await spin()
    for held in (4, 4, 4, 5, 6):
        limiter.release()
        await spin()
        assert have_one(tasks) == held
    assert limiter.semaphore.size == 1


async def test_what_nobody_uses_is_given_back():
    others = Others(VirtualClock(auto=False))
    limiter = await sharing(others)
    await holding(limiter, 4)
    for _ in range(4):
        limiter.release()
    assert limiter.free == 4
    for _ in range(3):
        others.clock.advance(9)
        await spin()
    assert limiter.semaphore.size == 0
    assert have_one(await holding(limiter, 1)) == 1  # and it is asked for anew


async def test_who_waits_is_told_that_nobody_can_be_asked_and_who_comes_next_asks():
    others = Others(VirtualClock(auto=False))
    others.error = JournalError("away")
    limiter = await sharing(others)
    for _ in range(2):
        (task,) = await holding(limiter, 1)
        with pytest.raises(JournalError, match="away"):
            await task
    others.error = None
    assert have_one(await holding(limiter, 1)) == 1


async def test_all_that_the_profile_allows_are_its_own_again_afterwards():
    others = Others(VirtualClock(auto=False))
    others.permitted = 1
    limiter = await sharing(others)
    tasks = await holding(limiter, 3)
    limiter.keep_own(others)
    await spin()
    assert have_one(tasks) == 3
    assert limiter.free == 1


@given(
    st.integers(0, 20),
    st.dictionaries(st.integers(0, 99), st.integers(0, 30), min_size=1, max_size=9),
    st.integers(0, 99),
)
def test_shares_are_no_more_than_there_is_and_nothing_lies_idle_that_somebody_wants(
    most: int, wanted: dict[int, int], turn: int
):
    shares = {who: fair_share(most, wanted, who, turn) for who in wanted}
    assert sum(shares.values()) == min(most, sum(wanted.values()))
    assert all(0 <= share <= wanted[who] for who, share in shares.items())
    least_of_the_hungry = min((shares[who] for who in wanted if shares[who] < wanted[who]), default=99)
    assert max(shares.values()) <= least_of_the_hungry + 1 or least_of_the_hungry == 99


@given(st.integers(1, 9), st.lists(st.integers(1, 30), min_size=1, max_size=9))
def test_everybody_has_a_turn(most: int, wants: list[int]):
    wanted = dict(enumerate(wants))
    for who in wanted:
        assert any(fair_share(most, wanted, who, turn) for turn in range(len(wanted)))
