"""The one timer that ends attempts whose time is up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from pandapon_async._calls.timeouts import Deadlines, TimedOutError
from tests.support import spin, until


class Reply:
    """Something that an attempt waits for."""

    def __init__(self) -> None:
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.news = 0

    def has_news(self) -> bool:
        self.news -= 1
        return self.news >= 0

    def fail(self, error: TimedOutError) -> None:
        if not self.future.done():
            self.future.set_exception(error)


@pytest.fixture
async def deadlines() -> AsyncIterator[Deadlines]:
    deadlines = Deadlines(asyncio.get_running_loop())
    yield deadlines
    deadlines.close()


async def attempt(deadlines: Deadlines, seconds: float, silence: float, reply: Reply, kind: str = "silence") -> None:
    deadline = deadlines.start(seconds, silence)
    deadline.expect(reply, kind, silence)
    try:
        await reply.future
    finally:
        deadlines.stop(deadline)


async def test_an_attempt_ends_at_its_deadline(deadlines: Deadlines) -> None:
    with pytest.raises(TimedOutError, match="deadline"):
        await attempt(deadlines, 0.001, 60, Reply())


@pytest.mark.parametrize("kind", ["silence", "connect"])
async def test_an_attempt_ends_in_silence(deadlines: Deadlines, kind: str) -> None:
    with pytest.raises(TimedOutError, match=kind):
        await attempt(deadlines, 60, 0.001, Reply(), kind)


async def test_silence_counts_only_while_something_is_expected(deadlines: Deadlines) -> None:
    reply = Reply()
    deadline = deadlines.start(0.02, 0.001)
    deadline.expect(reply, "connect", 0.001)
    deadline.pause()
    deadline.awaited = reply
    with pytest.raises(TimedOutError, match="deadline"):
        await reply.future


async def test_what_is_expected_late_still_ends_in_silence(deadlines: Deadlines) -> None:
    reply = Reply()
    deadline = deadlines.start(60, 0.005)
    await asyncio.sleep(0.02)  # the timer has rung meanwhile, and nothing was due
    deadline.expect(reply, "silence", 0.005)
    with pytest.raises(TimedOutError, match="silence"):
        await asyncio.wait_for(reply.future, 5)


async def test_a_reply_that_nobody_has_read_is_no_silence(deadlines: Deadlines) -> None:
    reply = Reply()
    task = asyncio.create_task(attempt(deadlines, 60, 0.01, reply))
    await asyncio.sleep(0)
    reply.news = 1
    time.sleep(0.02)  # noqa: ASYNC251 - the loop is held up, which is what is tested
    await until(lambda: reply.news == 0)
    reply.future.set_result(None)
    await task


async def test_a_reply_that_came_before_the_deadline_is_still_read(deadlines: Deadlines) -> None:
    reply = Reply()
    task = asyncio.create_task(attempt(deadlines, 0.001, 60, reply))
    await asyncio.sleep(0)
    time.sleep(0.005)  # noqa: ASYNC251
    await spin(5)
    reply.future.set_result(None)
    await task


async def test_a_reply_without_end_does_not_move_the_deadline(deadlines: Deadlines) -> None:
    reply = Reply()
    reply.news = 1_000_000
    with pytest.raises(TimedOutError, match="deadline"):
        await attempt(deadlines, 0.001, 60, reply)


async def test_a_later_attempt_with_less_time_ends_first(deadlines: Deadlines) -> None:
    patient = asyncio.create_task(attempt(deadlines, 3600, 3600, Reply()))
    await asyncio.sleep(0)
    with pytest.raises(TimedOutError):
        await attempt(deadlines, 0.001, 60, Reply())
    assert not patient.done()
    patient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await patient


async def test_all_that_are_late_end_and_the_others_go_on(deadlines: Deadlines) -> None:
    late = [asyncio.create_task(attempt(deadlines, 0.001, 60, Reply())) for _ in range(5)]
    other = asyncio.create_task(attempt(deadlines, 3600, 3600, Reply()))
    results = await asyncio.gather(*late, return_exceptions=True)
    assert [type(result) for result in results] == [TimedOutError] * 5
    assert not other.done()
    other.cancel()
    with pytest.raises(asyncio.CancelledError):
        await other


@pytest.mark.parametrize("cancel_first", [False, True], ids=["after it", "before it"])
async def test_a_cancel_at_the_same_moment_as_the_time_out_is_a_cancel(
    deadlines: Deadlines, cancel_first: bool
) -> None:
    task = asyncio.create_task(attempt(deadlines, 3600, 3600, Reply()))
    await asyncio.sleep(0)
    (deadline,) = deadlines._under_way
    deadline._at = 0
    deadline._looks = 100
    if cancel_first:
        task.cancel()
    assert deadline.is_late()
    if not cancel_first:
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_time_out_never_cancels_the_task(deadlines: Deadlines) -> None:
    cancelled: list[Any] = []

    async def caught() -> None:
        try:
            await attempt(deadlines, 0.001, 60, Reply())
        except asyncio.CancelledError:  # pragma: no cover - what must not happen
            cancelled.append(1)
            raise

    with pytest.raises(TimedOutError):
        await caught()
    assert not cancelled
    await asyncio.sleep(0)


async def test_what_waits_for_nothing_learns_that_it_is_late(deadlines: Deadlines) -> None:
    deadline = deadlines.start(0.001, 60)
    await until(lambda: deadline.late)
    assert deadline.late == "deadline"


async def test_the_timer_dies_when_nothing_is_under_way(deadlines: Deadlines) -> None:
    deadlines.stop(deadlines.start(60, 60))
    deadlines._look()
    assert deadlines._timer is None
    assert not deadlines._under_way


async def test_what_is_under_way_keeps_its_deadline_when_nothing_begins_any_more(deadlines: Deadlines) -> None:
    task = asyncio.create_task(attempt(deadlines, 0.001, 60, Reply()))
    await asyncio.sleep(0)
    deadlines.close()
    with pytest.raises(TimedOutError, match="deadline"):
        await task


async def test_no_timer_is_left_behind_the_last_attempt(deadlines: Deadlines) -> None:
    deadline = deadlines.start(3600, 3600)
    deadlines.close()
    deadlines.stop(deadline)
    assert deadlines._timer is None
