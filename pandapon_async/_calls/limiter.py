"""Whose turn it is: slots, an evenly spaced rate, and one pause for all after a 429.

One `Limiter` is shared by a session and all its `with_options` copies. Waiters are served in order; one that is cancelled
gives back all it held. Times are the clock's monotonic seconds.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from .._clock import Clock
from .._config.profiles import Limits
from .._errors import LimitExceededError


class Slots:
    """At most ``size`` calls at the same time, first come first served.

    ``async with`` is not offered on purpose: the caller acquires with a time bound and releases in its own ``finally``.
    """

    def __init__(self, size: int) -> None:
        self._free = size
        self._waiters: deque[asyncio.Future[None]] = deque()

    @property
    def free(self) -> int:
        """Slots that nobody holds."""
        return self._free

    @property
    def waiting(self) -> int:
        """Calls that wait for a slot."""
        return len(self._waiters)

    def try_acquire(self) -> bool:
        """Take a slot if one is free and nobody waits."""
        if self._free and not self._waiters:
            self._free -= 1
            return True
        return False

    async def acquire(self, alarm: Callable[[], Coroutine[Any, Any, None]] | None = None) -> None:
        """Wait for a slot. Cancelled, it holds none.

        Args:
            alarm: makes a coroutine (a clock's sleep) whose end ends the wait.

        Raises:
            TimeoutError: the alarm ended first; no slot is held.
        """
        if self.try_acquire():
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(turn)
        bell = None if alarm is None else asyncio.ensure_future(alarm())
        if bell is not None:
            bell.add_done_callback(lambda _: _expire(turn))
        try:
            await turn
        except BaseException:
            if turn in self._waiters:
                self._waiters.remove(turn)
            elif not turn.cancelled() and turn.exception() is None:
                self.release()  # the slot had been handed over in the moment of the cancel
            raise
        finally:
            if bell is not None:
                bell.cancel()

    def release(self) -> None:
        """Give a slot back: to the first waiter, if there is one."""
        while self._waiters:
            turn = self._waiters.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


def _expire(turn: asyncio.Future[None]) -> None:
    if not turn.done():
        turn.set_exception(TimeoutError())


class Pacer:
    """Evenly spaced starts (the generic cell rate algorithm), ``burst`` of them at once after a rest.

    The token is taken after the wait, by the head of the line: whoever is cancelled has taken none.
    """

    def __init__(self, rate: float, burst: int, clock: Clock) -> None:
        self._interval = 1.0 / rate
        self._tolerance = (burst - 1) * self._interval
        self._clock = clock
        self._due = clock.monotonic()
        self._line = Slots(1)

    def expected_wait(self) -> float:
        """Seconds until a newcomer would get its token."""
        ahead = self._line.waiting + (0 if self._line.free else 1)
        return max(0.0, self._due - self._tolerance + ahead * self._interval - self._clock.monotonic())

    async def take(self) -> None:
        """Wait for a token and take it."""
        await self._line.acquire()
        try:
            while (wait := self._due - self._tolerance - self._clock.monotonic()) > 0:
                await self._clock.sleep(wait)
            self._due = max(self._due, self._clock.monotonic()) + self._interval
        finally:
            self._line.release()


class Pause:
    """The vendor asked everybody to wait: until when."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until = clock.monotonic()

    def left(self) -> float:
        """Seconds until the pause ends; zero or less: there is none."""
        return self._until - self._clock.monotonic()

    def extend(self, seconds: float) -> None:
        """Pause for so many seconds from now, unless the pause is longer already."""
        self._until = max(self._until, self._clock.monotonic() + seconds)


class _Group:
    def __init__(self, limits: Limits, clock: Clock) -> None:
        self.limits = limits
        self.slots = Slots(limits.concurrency)
        self.pacer = Pacer(limits.rate, limits.burst, clock) if limits.rate else None


class Turn:
    """One call's place: begun when a slot is held and its first attempt may go out, until its end gives the slot back.

    ``if not turn.begin_now(): await turn.begin()``, then ``turn.end()`` in a ``finally``.
    """

    def __init__(self, limiter: Limiter, group: _Group, *, patient: bool) -> None:
        self._limiter = limiter
        self._group = group
        self._patient = patient

    def begin_now(self) -> bool:
        """Take the turn if it needs no waiting; False: it does, so `begin`."""
        group = self._group
        return group.pacer is None and self._limiter.pause.left() <= 0 and group.slots.try_acquire()

    async def begin(self) -> None:
        """Wait for the turn. Cancelled or refused, it holds nothing.

        Raises:
            LimitExceededError: see `next_attempt`.
        """
        slots = self._group.slots
        waited = 0.0 if slots.try_acquire() else await self._wait_for_slot()
        try:
            await self.next_attempt(waited, patient=self._patient)
        except BaseException:
            slots.release()
            raise

    def end(self) -> None:
        """Give the slot back."""
        self._group.slots.release()

    async def _wait_for_slot(self) -> float:
        slots, clock, max_wait = self._group.slots, self._limiter.clock, self._group.limits.max_wait
        if self._patient:
            await slots.acquire()
            return 0.0
        began = clock.monotonic()
        try:
            await slots.acquire(lambda: clock.sleep(max_wait))
        except TimeoutError:
            raise LimitExceededError(
                f"no slot became free in max_wait={max_wait:g} s, {slots.waiting} more wait"
            ) from None
        return clock.monotonic() - began

    async def next_attempt(self, waited: float = 0.0, *, patient: bool = False) -> None:
        """Take a rate token and sit out the pause, before every attempt.

        A patient one waits however long it takes; so does every call that has begun, since its own deadline ends it.

        Raises:
            LimitExceededError: a single call would wait longer than ``max_wait``, ``waited`` seconds of it already spent.
        """
        pacer, pause, clock = self._group.pacer, self._limiter.pause, self._limiter.clock
        began = clock.monotonic() - waited
        if not patient:
            self._refuse_beyond_max_wait(waited + max(pause.left(), pacer.expected_wait() if pacer else 0.0))
        while True:
            while (left := pause.left()) > 0:
                if not patient:  # it may have been extended meanwhile
                    self._refuse_beyond_max_wait(clock.monotonic() - began + left)
                await clock.sleep(left)
            if pacer is None:
                return
            await pacer.take()
            if pause.left() <= 0:
                return
            # A pause has begun meanwhile; its end takes a token anew, else all who hold one would start at once.

    def _refuse_beyond_max_wait(self, seconds: float) -> None:
        max_wait = self._group.limits.max_wait
        if seconds > max_wait:
            raise LimitExceededError(f"its turn is {seconds:.1f} s away, more than max_wait={max_wait:g} s")


class Limiter:
    """All limits of one account."""

    def __init__(self, limits: Limits, groups: Mapping[str, Limits], clock: Clock) -> None:
        self.clock = clock
        self._default = _Group(limits, clock)
        self._groups = {name: _Group(own, clock) for name, own in groups.items()}
        self.pause = Pause(clock)

    def turn(self, group: str, *, patient: bool) -> Turn:
        """A call's turn in a limit group; a patient one (of a stream or a job) waits however long it takes."""
        return Turn(self, self._groups.get(group, self._default), patient=patient)

    @property
    def free(self) -> int:
        """Free slots of the default group."""
        return self._default.slots.free
