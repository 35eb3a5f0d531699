"""Waiting for futures with a deadline, using one timer for all of them."""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial
from typing import Any

import attrs

from .._clock import Clock


@attrs.define(eq=False)
class Deadline:
    """A deadline for answering one request: ``expired`` once it has passed, ``cancelled`` once it is no longer needed."""

    due: float
    expired: bool = False
    cancelled: bool = False
    waiter: asyncio.Future[None] | None = None

    def expire(self) -> None:
        """Mark it expired, and wake the waiter."""
        self.expired = True
        if self.waiter is not None:
            _wake(self.waiter)


class Deadlines:
    """Deadlines of equal length, which therefore expire in the order they were started.

    Args:
        clock: the time source.
        seconds: the length of each deadline.
    """

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._active: deque[Deadline] = deque()
        self._timer: asyncio.Task[None] | None = None

    def start(self) -> Deadline:
        """Start a deadline now; set ``cancelled`` when it is no longer needed."""
        deadline = Deadline(self._clock.monotonic() + self._seconds)
        self._active.append(deadline)
        if self._timer is None or self._timer.done():
            self._timer = asyncio.ensure_future(self._run())
        return deadline

    async def wait(self, deadline: Deadline, future: asyncio.Future[Any]) -> bool:
        """Wait until the future is done or the deadline expires; return whether it was in time. Never cancels the future."""
        if not (deadline.expired or future.done()):
            deadline.waiter = asyncio.get_running_loop().create_future()
            wake = partial(_wake, deadline.waiter)
            future.add_done_callback(wake)
            try:
                await deadline.waiter
            finally:
                future.remove_done_callback(wake)
                deadline.waiter = None
        # Check the clock too: if the loop was blocked, the future may be done but late.
        return future.done() and not deadline.expired and self._clock.monotonic() < deadline.due

    async def close(self) -> None:
        """Expire all deadlines, and stop the timer."""
        while self._active:
            self._active.popleft().expire()
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
            await asyncio.gather(timer, return_exceptions=True)

    async def _run(self) -> None:
        while self._active:
            first = self._active[0]
            left = first.due - self._clock.monotonic()
            if left > 0 and not first.cancelled:
                await self._clock.sleep(left)
            else:
                self._active.popleft().expire()


def _wake(waiter: asyncio.Future[None], _: object = None) -> None:
    if not waiter.done():
        waiter.set_result(None)
