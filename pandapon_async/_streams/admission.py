"""Decides when the next booking may start: circuit breaker, adaptive concurrency, and spend bound."""

from __future__ import annotations

import asyncio

import attrs

from .._clock import Clock
from .._config.profiles import CodeMeaning
from .._errors import (
    ApiError,
    AuthError,
    ConfigError,
    JournalError,
    PandaponError,
    RateLimitedError,
)
from .._journal.store import SpendCheck
from .._models.money import Money


@attrs.frozen(kw_only=True)
class Stop:
    """When a job stops on its own.

    Attributes:
        in_a_row: after this many consecutive failures (in doubt or not sent; or refused with the same code) the job sends one
            booking at a time, with growing waits, until one succeeds.
        down_for: the job ends after this many seconds without a success.
        in_doubt: the job ends at this many bookings in doubt; None: no limit.
        first_wait, longest_wait: seconds between those single bookings: the first wait, and the limit of its doubling.
    """

    in_a_row: int = 25
    down_for: float = 3600.0
    in_doubt: int | None = None
    first_wait: float = 1.0
    longest_wait: float = 300.0


@attrs.frozen(kw_only=True)
class Pace:
    """How a job adapts its concurrency to the vendor, within the profile's limits.

    A 429 halves the number of bookings in flight, every success adds a little (AIMD).

    Attributes:
        slow_after: replies slower than this many seconds reduce it by a tenth. None: latency has no effect.
    """

    slow_after: float | None = None


class Spending:
    """What bounds the money that is spent, shared by everything that spends it; this one bounds nothing.

    ``changed`` is set whenever a booking ends, so that waiters check again.
    """

    def __init__(self) -> None:
        self.changed = asyncio.Event()

    def allows_one_more(self) -> bool:
        """Whether one more booking stays within the bound now."""
        return True

    def exhausted(self) -> str | None:
        """Why no more may be booked, however long one waits; None: what is under way may leave room."""
        return None

    def check(self) -> SpendCheck | None:
        """What a store that others use, too, is to ask before one more is sent."""
        return None

    def began(self) -> None:
        """A booking starts."""

    def ended(self) -> None:
        """It has ended, however."""
        self.changed.set()

    def paid(self, fee: Money | None) -> str | None:
        """A booking was made; why no more may start, if it is so."""
        return None

    def doubted(self) -> None:
        """One more is in doubt."""

    def resolved(self, sent_at: float) -> None:
        """One that was sent then isn't in doubt any more."""


class Admission:
    """Decides when the next booking of a run may start, and whether one may at all.

    Args:
        stop, pace: see there.
        size: bookings at the same time, at most.
        clock: where time comes from.
        spending: what may be spent.

    Attributes:
        reason: why no more bookings may start; None while they may.
        window: the current limit of bookings in flight; ``slowest_window``: its lowest value so far.
        cuts: how often the window was reduced.
        next_try: when the single booking is let through that tries whether there is an end to failures, by the clock; None while
            there is no such wait.
    """

    def __init__(self, stop: Stop, pace: Pace, size: int, clock: Clock, spending: Spending) -> None:
        self._stop = stop
        self._pace = pace
        self._size = size
        self._clock = clock
        self.spending = spending
        self._in_flight = 0
        self._halted = asyncio.Event()
        self._streak = 0
        self._kind = ""
        self._wait = stop.first_wait
        self._last_success = clock.monotonic()
        self._in_doubt = 0
        self._last_cut: float | None = None
        self.window = self.slowest_window = float(size)
        self.cuts = 0
        self.next_try: float | None = None
        self.reason: str | None = None

    # --- before a booking ---

    def admits_now(self) -> bool:
        """Whether the next booking may start without waiting."""
        if self.reason is not None or self._tripped():
            return False
        return self._in_flight < max(1, int(self.window)) and self.spending.allows_one_more()

    async def admit(self) -> bool:
        """Wait until the next booking may start; False if none may any more, for `reason`."""
        changed = self.spending.changed
        while self.reason is None:
            if self.admits_now():
                return True
            room = self._in_flight == 0 if self._tripped() else self._in_flight < max(1, int(self.window))
            if room and not self.spending.allows_one_more() and (why := self.spending.exhausted()):
                self.halt(why)
            elif room and self._tripped() and self.spending.allows_one_more():
                if await self._probe() and self.spending.allows_one_more():  # others may have spent meanwhile
                    return True
            else:
                changed.clear()
                await changed.wait()
        return False

    def halt(self, reason: str) -> None:
        """Let no more bookings start."""
        self.reason = self.reason or reason
        self._halted.set()
        self.spending.changed.set()

    def _tripped(self) -> bool:
        return self._streak >= self._stop.in_a_row

    async def _probe(self) -> bool:
        """Wait, longer each time, then let a single booking through."""
        wait, self._wait = self._wait, min(self._wait * 2, self._stop.longest_wait)
        if self._clock.monotonic() + wait - self._last_success > self._stop.down_for:
            self.halt(f"no success for {self._stop.down_for:g} s")
            return False
        self.next_try = self._clock.monotonic() + wait
        try:
            await self._sleep_until_halted(wait)
        finally:
            self.next_try = None
        return self.reason is None

    async def _sleep_until_halted(self, seconds: float) -> None:
        """Sleep for ``seconds`` or until halted."""
        ends = [asyncio.ensure_future(self._clock.sleep(seconds)), asyncio.ensure_future(self._halted.wait())]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()

    # --- during and after a booking ---

    def began(self) -> None:
        """Record that a booking started."""
        self._in_flight += 1
        self.spending.began()

    def ended(self) -> None:
        """Record that a booking ended, with any outcome."""
        self._in_flight -= 1
        self.spending.ended()

    def succeeded(self, fee: Money | None, elapsed: float) -> None:
        """Record a success."""
        self._streak, self._wait = 0, self._stop.first_wait
        self._last_success = self._clock.monotonic()
        if self.window < self._size:
            self.window = min(self._size, self.window + 1 / self.window)
        if self._pace.slow_after is not None and elapsed > self._pace.slow_after:
            self._cut(0.9)
        if why := self.spending.paid(fee):
            self.halt(why)

    def failed(self, error: Exception) -> None:
        """Record a failure, including a booking left in doubt."""
        kind = f"refused {error.code}" if isinstance(error, ApiError) else "trouble"
        self._streak = self._streak + 1 if kind == self._kind else 1
        self._kind = kind
        if isinstance(error, RateLimitedError):
            self._cut(0.5)

    def doubted(self) -> None:
        """It is in doubt."""
        self.spending.doubted()
        self._in_doubt += 1
        if self._stop.in_doubt is not None and self._in_doubt >= self._stop.in_doubt:
            self.halt(f"{self._in_doubt} bookings are in doubt")

    def resolved(self, sent_at: float) -> None:
        """One that was sent then isn't in doubt any more."""
        self.spending.resolved(sent_at)

    def retrying(self, error: PandaponError) -> None:
        """Record a failed attempt that will be retried."""
        if isinstance(error, RateLimitedError):
            self._cut(0.5)

    def _cut(self, factor: float) -> None:
        # One overload can fail many concurrent calls: count it once.
        now = self._clock.monotonic()
        if self._last_cut is None or now - self._last_cut >= 1.0:
            self._last_cut = now
            self.window = max(1.0, self.window * factor)
            self.slowest_window = min(self.slowest_window, self.window)
            self.cuts += 1


def is_fatal(error: Exception) -> bool:
    """Whether a failure affects the whole job, so that the next booking would fail too."""
    stops = isinstance(error, ApiError) and error.meaning == CodeMeaning.STOP
    return stops or isinstance(error, (AuthError, ConfigError, JournalError)) or not isinstance(error, PandaponError)
