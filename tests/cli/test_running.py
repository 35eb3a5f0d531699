"""Running a command: the signals of every system, and a window that is closed."""

from __future__ import annotations

import asyncio
import os
import signal
import threading

import pytest

from pandapon_async._cli.running import ConsoleClosing, run
from pandapon_async._cli.shared import Interrupted


async def ended_in_order(number: int, ended: list[str]) -> None:
    os.kill(os.getpid(), number)
    try:
        await asyncio.sleep(30)
    finally:
        ended.append("in order")


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_where_the_loop_takes_no_signals_they_end_the_work_in_order_too(
    monkeypatch: pytest.MonkeyPatch, number: signal.Signals
):
    def none(*_: object) -> None:
        raise NotImplementedError  # as on Windows

    monkeypatch.setattr(asyncio.SelectorEventLoop, "add_signal_handler", none)
    before, ended = signal.getsignal(number), list[str]()
    with pytest.raises(Interrupted) as caught:
        run(ended_in_order(number, ended))
    assert caught.value.status == 128 + number
    assert ended == ["in order"]
    assert signal.getsignal(number) is before


def test_a_closing_window_waits_until_what_was_under_way_has_ended():
    order: list[str] = []

    async def work() -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        closing = ConsoleClosing(loop, lambda number: task.cancel())

        def windows() -> None:
            assert closing(2)
            order.append("the process may be ended")

        thread = threading.Thread(target=windows)
        thread.start()
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            order.append("under way has ended")
            closing.ended.set()
        thread.join()

    asyncio.run(work())
    assert order == ["under way has ended", "the process may be ended"]


@pytest.mark.parametrize("event", [0, 1, 3])
def test_ctrl_c_and_ctrl_break_are_left_to_their_signals(event: int):
    loop = asyncio.new_event_loop()
    try:
        assert not ConsoleClosing(loop, lambda number: None)(event)
    finally:
        loop.close()


def test_a_window_that_is_closed_after_the_end_is_nobodys():
    loop = asyncio.new_event_loop()
    loop.close()
    assert ConsoleClosing(loop, lambda number: None)(2)
