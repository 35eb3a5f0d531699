"""The one timer that ends attempts whose time is up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from pandapon_async._calls.timeouts import Watch, Watched


class LateError(Exception):
    """What a watched attempt ends with here."""


@pytest.fixture
def watch():
    watch = Watch()
    yield watch
    watch.close()


async def watched_by(
    watch: Watch, seconds: float, silence: float, work: Callable[[Watched], Awaitable[object]]
) -> object:
    watched = watch.start(seconds, silence)
    try:
        return await work(watched)
    except BaseException as error:
        if watched.expired(error):
            raise LateError(watched.late) from None
        raise
    finally:
        watch.stop(watched)


async def hang(_: Watched) -> None:
    await asyncio.get_running_loop().create_future()


async def speak_then_hang(watched: Watched) -> None:
    watched.hear()
    await hang(watched)


async def test_an_attempt_ends_at_its_deadline(watch: Watch):
    with pytest.raises(LateError, match="deadline"):
        await watched_by(watch, 0.001, 60, hang)


async def test_an_attempt_ends_in_silence(watch: Watch):
    with pytest.raises(LateError, match="silence"):
        await watched_by(watch, 60, 0.001, speak_then_hang)


async def test_silence_counts_only_once_something_was_sent(watch: Watch):
    with pytest.raises(LateError, match="deadline"):
        await watched_by(watch, 0.02, 0.001, hang)


async def test_a_later_attempt_with_less_time_ends_first(watch: Watch):
    patient = asyncio.create_task(watched_by(watch, 3600, 3600, hang))
    await asyncio.sleep(0)
    with pytest.raises(LateError):
        await watched_by(watch, 0.001, 60, hang)
    assert not patient.done()
    patient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await patient


async def test_all_that_are_late_end_and_the_others_go_on(watch: Watch):
    late = [asyncio.create_task(watched_by(watch, 0.001, 60, hang)) for _ in range(5)]
    other = asyncio.create_task(watched_by(watch, 3600, 3600, hang))
    results = await asyncio.gather(*late, return_exceptions=True)
    assert [type(result) for result in results] == [LateError] * 5
    assert not other.done()
    other.cancel()
    with pytest.raises(asyncio.CancelledError):
        await other


async def test_another_cancel_stays_a_cancel(watch: Watch):
    task = asyncio.create_task(watched_by(watch, 3600, 3600, hang))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.skipif(not hasattr(asyncio.Task, "uncancel"), reason="Python 3.10 doesn't count cancels")
async def test_a_cancel_at_the_same_moment_as_the_deadline_is_a_cancel(watch: Watch):
    task = asyncio.create_task(watched_by(watch, 3600, 3600, hang))
    await asyncio.sleep(0)
    (watched,) = watch._under_way
    watched.expire()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.skipif(not hasattr(asyncio.Task, "uncancel"), reason="Python 3.10 doesn't count cancels")
async def test_an_attempt_that_ran_out_leaves_its_task_uncancelled(watch: Watch):
    with pytest.raises(LateError):
        await watched_by(watch, 0.001, 60, hang)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    await asyncio.sleep(0)


async def test_the_timer_dies_when_nothing_is_under_way(watch: Watch):
    async def ready(_: Watched) -> None: ...

    await watched_by(watch, 60, 60, ready)
    watch._look(asyncio.get_running_loop())
    assert watch._timer is None
    assert not watch._under_way


async def test_what_is_under_way_keeps_its_deadline_when_the_watch_is_closed(watch: Watch):
    attempt = asyncio.create_task(watched_by(watch, 0.001, 60, hang))
    await asyncio.sleep(0)
    watch.close()
    with pytest.raises(LateError, match="deadline"):
        await attempt


async def test_a_closed_watch_leaves_no_timer_behind_the_last_attempt(watch: Watch):
    watched = watch.start(3600, 3600)
    watch.close()
    watch.stop(watched)
    assert watch._timer is None
