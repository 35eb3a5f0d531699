"""Waiting for futures until a deadline, with one timer for all of them."""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial
from typing import Any

import attrs

from .._clock import Clock


@attrs.define(eq=False)
class Deadline:
    """When one request must be answered. ``passed`` once it is too late, ``over`` once nobody waits for it any more."""

    due: float
    passed: bool = False
    over: bool = False
    waiter: asyncio.Future[None] | None = None

    def pass_by(self) -> None:
        """It is too late: wake who waits."""
        self.passed = True
        if self.waiter is not None:
            _wake(self.waiter)


class Deadlines:
    """Deadlines of one length, so that the one that was begun first passes first.

    Args:
        clock: where time comes from.
        seconds: from the beginning of each to its end.
    """

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._begun: deque[Deadline] = deque()
        self._timer: asyncio.Task[None] | None = None

    def begin(self) -> Deadline:
        """A deadline that begins now; set ``over`` when it isn't needed any more."""
        deadline = Deadline(self._clock.monotonic() + self._seconds)
        self._begun.append(deadline)
        if self._timer is None or self._timer.done():
            self._timer = asyncio.ensure_future(self._run())
        return deadline

    async def met(self, deadline: Deadline, future: asyncio.Future[Any]) -> bool:
        """Wait until the future is done or the deadline passes; whether it was done in time. It is never cancelled here."""
        if not (deadline.passed or future.done()):
            deadline.waiter = asyncio.get_running_loop().create_future()
            wake = partial(_wake, deadline.waiter)
            future.add_done_callback(wake)
            try:
                await deadline.waiter
            finally:
                future.remove_done_callback(wake)
                deadline.waiter = None
        # The clock is asked too: if something held the loop up, both may be over.
        return future.done() and not deadline.passed and self._clock.monotonic() < deadline.due

    async def close(self) -> None:
        """Let all deadlines pass, and end the timer."""
        while self._begun:
            self._begun.popleft().pass_by()
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
            await asyncio.gather(timer, return_exceptions=True)

    async def _run(self) -> None:
        while self._begun:
            first = self._begun[0]
            left = first.due - self._clock.monotonic()
            if left > 0 and not first.over:
                await self._clock.sleep(left)
            else:
                self._begun.popleft().pass_by()


def _wake(waiter: asyncio.Future[None], _: object = None) -> None:
    if not waiter.done():
        waiter.set_result(None)
