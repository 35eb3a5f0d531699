"""Who may send now: permits, an evenly spaced rate, and one pause for all after a 429.

A call that need not wait is let through by `ApiClient.run` itself, which looks at ``free``, ``pacer`` and ``pause.until``: only
what has to wait comes here. One `Limiter` is shared by a session and all its `with_options` copies. Waiters are served in
order; one that is cancelled gives back all it held. Times are the clock's monotonic seconds.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections import deque

import attrs

from .._clock import Clock
from .._config.profiles import Limits
from .._errors import LimitExceededError
from .semaphore import Semaphore
from .shared_limits import SharedLimits, SharedPacer, SharedPermits


class Pacer:
    """Evenly spaced starts (the generic cell rate algorithm), ``burst`` of them at once after a rest.

    The schedule goes on from the time at which a start was due, not from when a held-up loop or an oversleeping timer let it
    happen, so that the rate is kept. Whatever happens, no second holds more than the rate, the burst and `EXCESS`: the last
    starts are remembered. A rest, in which nobody waited, saves up nothing.

    Who waits first, waits for the time; it then takes a token, gives one to everybody behind it for whom one is due too (a
    pass of a busy loop is longer than an interval), and hands on the lead.
    """

    EXCESS = 0.02
    """By which share of the rate one second may exceed it."""
    CATCH_UP, LEAST_CATCH_UP = 0.25, 0.05
    """Seconds that are made up for; the second where a rate is so low that `EXCESS` is no whole start: there, starts that have
    come together stay together."""
    MOST_REMEMBERED = 1 << 20

    def __init__(self, rate: float, burst: int, clock: Clock) -> None:
        self._interval = 1.0 / rate
        self._tolerance = (burst - 1) * self._interval
        self._clock = clock
        self._due = self._last = clock.monotonic()
        self._lateness = 0.0
        excess = max(0, math.floor(rate * (1 + self.EXCESS)) - math.ceil(rate))
        self._catch_up = self.CATCH_UP if excess else self.LEAST_CATCH_UP
        most = math.ceil(rate) + excess + burst - 1
        self._starts: deque[_Start] = deque(maxlen=min(most, self.MOST_REMEMBERED))
        self._is_led = False
        self._followers: deque[asyncio.Future[_Start | None]] = deque()

    def expected_wait(self) -> float:
        """Seconds until a newcomer would get its token."""
        ahead = len(self._followers) + self._is_led
        return max(0.0, self._due - self._tolerance + ahead * self._interval - self._clock.monotonic())

    async def take(self) -> None:
        """Wait for a token and take it. Cancelled, none is taken."""
        start = await self._follow() if self._is_led else None
        if start is None:
            start = await self._lead()
        start.at = self._clock.monotonic()  # not before now

    async def _lead(self) -> _Start:
        """Wait for the time; then it is everybody's turn for whom a token is due."""
        if not self._is_led:
            self._is_led = True
            self._due = max(self._due, self._after_rest())
        try:
            while (wait := self._wait()) > 0:
                await self._clock.sleep(wait)
            return self._take()
        finally:
            self._hand_on()

    async def _follow(self) -> _Start | None:
        """Wait behind others: for a token, or (None) for the lead."""
        follower: asyncio.Future[_Start | None] = asyncio.get_running_loop().create_future()
        self._followers.append(follower)
        try:
            return await follower
        except BaseException:
            if follower in self._followers:
                self._followers.remove(follower)
            elif not follower.cancelled():  # it was cancelled in the moment of its turn
                if follower.result() is None:
                    self._hand_on()
                else:
                    self._due -= self._interval
            raise

    def _hand_on(self) -> None:
        while self._followers:
            follower = self._followers.popleft()
            if follower.done():
                continue
            if self._wait() > 0:
                follower.set_result(None)
                return
            follower.set_result(self._take())
        self._is_led = False

    def _take(self) -> _Start:
        now = self._last = self._clock.monotonic()
        start = _Start(now)
        self._starts.append(start)
        self._due = max(self._due, now - self._catch_up)
        self._lateness = max(0.0, now - self._due)
        self._due += self._interval
        return start

    def _wait(self) -> float:
        begins = self._due - self._tolerance
        if len(self._starts) == self._starts.maxlen:
            begins = max(begins, self._starts[0].at + 1.0)
        return begins - self._clock.monotonic()

    def _after_rest(self) -> float:
        """When a token is due if nobody was waiting: now, or a little earlier if the last one was late a moment ago."""
        now = self._clock.monotonic()
        return now - max(0.0, self._lateness - (now - self._last))


@attrs.define
class _Start:
    at: float


class Pause:
    """The vendor asked everybody to wait: until when.

    Those who sit it out begin spread over as long as it lasts, a second at most: all at once they would ask for the next one.

    Attributes:
        until: the clock's time at which it ends.
    """

    SPREAD = 1.0

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.until = clock.monotonic()
        self._spread = 0.0
        self._has_first = False
        self.shared: SharedLimits | None = None

    def left(self) -> float:
        """Seconds until the pause ends; zero or less: there is none."""
        return self.until - self._clock.monotonic()

    def jitter(self) -> float:
        """Seconds after its end at which one of those who sit it out begins; for the first of them none."""
        is_first, self._has_first = not self._has_first, True
        return 0.0 if is_first else random.random() * self._spread

    def extend(self, seconds: float) -> None:
        """Pause for so many seconds from now, unless the pause is longer already."""
        until = self._clock.monotonic() + seconds
        if until > self.until:
            self.until = until
            self._spread = min(seconds, self.SPREAD)
            self._has_first = False
            if self.shared is not None:
                self.shared.pause(seconds)

    def heard(self, seconds: float) -> None:
        """Pause as all who share it do."""
        if seconds > self.left() + self.SPREAD / 10:  # else it is the one that is known
            shared, self.shared = self.shared, None
            self.extend(seconds)
            self.shared = shared


class Limiter:
    """All limits of one account.

    A permit is held from `acquire` (or, if there is nothing to wait for, from taking one of ``semaphore.free``) to `release`.
    """

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self.clock = clock
        self.max_wait = limits.max_wait
        self.semaphore = Semaphore(limits.concurrency, clock, limits.max_wait)
        self._own = Pacer(limits.rate, limits.burst, clock) if limits.rate else None
        self.pacer: Pacer | SharedPacer | None = self._own
        self.pause = Pause(clock)
        self._rate = limits.rate
        self._concurrency = limits.concurrency
        self._permits: SharedPermits | None = None
        self._shared: list[SharedLimits] = []

    def share(self, shared: SharedLimits) -> None:
        """Keep one rate, one pause and one concurrency with others, until `keep_own`."""
        self._shared.append(shared)
        shared.follow(self.pause.heard)
        self._set_shared()

    def keep_own(self, shared: SharedLimits) -> None:
        """Share no more."""
        self._shared.remove(shared)
        self._set_shared()

    def _set_shared(self) -> None:
        shared = self._shared[0] if self._shared else None
        if shared is not self.pause.shared:
            self.pause.shared = shared
            if self._permits is not None:
                self._permits.stop()
            self._permits = (
                None if shared is None else SharedPermits(self.semaphore, self._concurrency, shared, self.clock)
            )
            self.pacer = self._own if shared is None or not self._rate else SharedPacer(self._rate, shared, self.clock)

    @property
    def free(self) -> int:
        """Permits that nobody holds."""
        return self.semaphore.free

    async def acquire(self, *, wait_forever: bool) -> float | None:
        """Wait for a permit. Cancelled or refused, nothing is held.

        Returns:
            When its call may start, for `reach`; None: at once.

        Args:
            wait_forever: however long it takes, as a stream or a job does; a single call waits ``max_wait`` seconds.

        Raises:
            LimitExceededError: see `next_attempt`.
        """
        waited = 0.0 if self.semaphore.try_acquire() else await self._waited_for_semaphore(wait_forever=wait_forever)
        try:
            return await self.next_attempt(waited, wait_forever=wait_forever)
        except BaseException:
            self.semaphore.release()
            raise

    def release(self) -> None:
        """Give a permit back."""
        self.semaphore.release()

    async def _waited_for_semaphore(self, *, wait_forever: bool) -> float:
        began = self.clock.monotonic()
        try:
            await self.semaphore.acquire(wait_forever=wait_forever)
        except TimeoutError:
            waiting = len(self.semaphore.waiters)
            raise LimitExceededError(
                f"no permit became free in max_wait={self.max_wait:g} s, {waiting} more wait"
            ) from None
        return self.clock.monotonic() - began

    async def next_attempt(self, waited: float = 0.0, *, wait_forever: bool = False) -> float | None:
        """Take a rate token and sit out the pause, before every attempt.

        Once a call has begun it waits however long it takes: its own deadline ends it.

        Returns:
            When the attempt may start, for `reach`; None: at once.

        Raises:
            LimitExceededError: a call would wait longer than ``max_wait``, ``waited`` seconds of it already spent.
        """
        pacer, pause, clock = self.pacer, self.pause, self.clock
        began = clock.monotonic() - waited
        if not wait_forever and pacer is not None:
            self._slack(waited + pacer.expected_wait())
        while True:
            while (left := pause.left()) > 0:
                jitter = 0.0 if pacer else pause.jitter()  # a rate spreads them by itself
                if not wait_forever:
                    jitter = min(jitter, self._slack(clock.monotonic() - began + left))
                await clock.sleep(left + jitter)
            if pacer is None:
                return None
            start = await pacer.take()
            if pause.left() <= 0:
                return start
            # A pause has begun meanwhile; its end takes a token anew, else all who hold one would start at once.

    async def reach(self, start: float) -> None:
        """Wait for the start of a call that was given one; what had to be done before it may have taken longer or less."""
        if isinstance(self.pacer, SharedPacer):
            await self.pacer.reach(start)

    def _slack(self, seconds: float) -> float:
        """What a wait of so many seconds leaves of ``max_wait``."""
        if seconds > self.max_wait:
            raise LimitExceededError(f"its permit is {seconds:.1f} s away, more than max_wait={self.max_wait:g} s")
        return self.max_wait - seconds
