"""The clock for tests."""

from __future__ import annotations

import asyncio

import pytest

from pandapon_async.testing import VirtualClock


async def steps(count: int = 5) -> None:
    """Let the other tasks run for a few steps."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_sleeping_moves_both_times_and_nothing_else_does():
    clock = VirtualClock(1000.0)
    await clock.sleep(7.5)
    assert (clock.now(), clock.monotonic()) == (1007.5, 7.5)
    await steps()
    assert (clock.now(), clock.monotonic()) == (1007.5, 7.5)


async def test_an_hour_of_sleeps_is_remembered():
    clock = VirtualClock()
    await clock.sleep(3600)
    await clock.sleep(0.25)
    assert clock.slept == [3600, 0.25]
    assert clock.monotonic() == 3600.25


async def test_sleepers_wake_in_the_order_of_their_due_times():
    clock = VirtualClock()
    woken: list[str] = []

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append(name)

    await asyncio.gather(sleeper("late", 30), sleeper("early", 10), sleeper("middle", 20), sleeper("also early", 10))
    assert woken == ["early", "also early", "middle", "late"]
    assert clock.monotonic() == 30


async def test_each_sleeper_wakes_at_its_own_due_time():
    clock = VirtualClock()

    async def sleeper(seconds: float) -> float:
        await clock.sleep(seconds)
        return clock.monotonic()

    assert await asyncio.gather(sleeper(30), sleeper(10), sleeper(20)) == [30, 10, 20]


async def test_a_sleep_of_no_length_returns():
    clock = VirtualClock()
    await clock.sleep(0)
    await clock.sleep(-5)
    assert clock.monotonic() == 0


async def test_a_sleeper_that_is_cancelled_is_forgotten():
    clock = VirtualClock()
    task = asyncio.create_task(clock.sleep(10))
    await asyncio.sleep(0)
    task.cancel()
    await clock.sleep(20)
    assert task.cancelled()
    assert clock.monotonic() == 20


async def test_a_sleeper_that_is_cancelled_does_not_move_the_time():
    clock = VirtualClock()
    task = asyncio.create_task(clock.sleep(10))
    await asyncio.sleep(0)
    task.cancel()
    await VirtualClock().sleep(1)  # another clock's jump comes after this one's
    assert clock.monotonic() == 0


async def test_a_clock_that_is_moved_by_hand_wakes_who_is_due():
    clock = VirtualClock(auto=False)
    early, late = asyncio.create_task(clock.sleep(10)), asyncio.create_task(clock.sleep(20))
    await steps()
    assert clock.monotonic() == 0
    clock.advance(15)
    await steps()
    assert (early.done(), late.done(), clock.monotonic()) == (True, False, 15)
    clock.advance(5)
    await late
    assert clock.monotonic() == 20


async def test_a_clock_that_is_moved_by_hand_skips_who_was_cancelled():
    clock = VirtualClock(auto=False)
    task = asyncio.create_task(clock.sleep(10))
    await steps()
    task.cancel()
    clock.advance(15)
    await steps()
    assert (task.cancelled(), clock.monotonic()) == (True, 15)


async def test_the_wall_clock_can_be_set_while_monotonic_time_goes_on():
    clock = VirtualClock(1000.0)
    await clock.sleep(5)
    clock.set_wall(500.0)
    assert (clock.now(), clock.monotonic()) == (500.0, 5)
    await clock.sleep(1)
    assert (clock.now(), clock.monotonic()) == (501.0, 6)


async def test_nobody_wakes_while_something_else_is_ready_to_run(monkeypatch: pytest.MonkeyPatch):
    loop, clock = asyncio.get_running_loop(), VirtualClock()
    done: list[str] = []

    async def busy() -> None:
        await steps(50)
        done.append("busy")
        monkeypatch.undo()

    async def sleeper() -> None:
        await clock.sleep(10)
        done.append("sleeper")

    # No real time passes meanwhile, however slow the machine is.
    stopped = loop.time()
    monkeypatch.setattr(loop, "time", lambda: stopped)
    await asyncio.gather(sleeper(), busy())
    assert done == ["busy", "sleeper"]
