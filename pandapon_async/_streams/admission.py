"""When the next booking may start: circuit breaker, adaptive concurrency, and the bound on what is spent, in one place."""

from __future__ import annotations

import asyncio
from typing import Protocol

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
from .._models.money import Money


@attrs.frozen(kw_only=True)
class Stop:
    """When a job stops by itself.

    Attributes:
        in_a_row: so many endings in a row without a success between them (in doubt or not sent; or refused with the same
            code), and the job goes one at a time, with growing waits, until one succeeds.
        down_for: seconds without a success after which it ends.
        in_doubt: so many bookings in doubt, and it ends; None: however many.
        first_wait, longest_wait: seconds between the single bookings: the first wait, and what it doubles up to.
    """

    in_a_row: int = 25
    down_for: float = 3600.0
    in_doubt: int | None = None
    first_wait: float = 1.0
    longest_wait: float = 300.0


@attrs.frozen(kw_only=True)
class Pace:
    """How a job finds the speed that the vendor bears, within the profile's limits.

    A 429 halves the number of bookings under way, every success adds a little (AIMD).

    Attributes:
        slow_after: seconds; replies slower than this take a tenth off, too. None: latency changes nothing.
    """

    slow_after: float | None = None


class SpendBound(Protocol):
    """What bounds the money that is spent, shared by everything that spends it.

    ``changed`` is set whenever a booking has ended, so that whoever waits for room looks again.
    """

    changed: asyncio.Event

    def allows_one_more(self) -> bool:
        """Whether one more booking stays within the bound now."""
        ...

    def exhausted(self) -> str | None:
        """Why no more may be booked, however long one waits; None: what is under way may leave room."""
        ...

    def began(self) -> None:
        """A booking starts."""
        ...

    def ended(self) -> None:
        """It has ended, however."""
        ...

    def paid(self, fee: Money | None) -> None:
        """A booking was made."""
        ...

    def doubted(self, change: int) -> None:
        """So many more are in doubt."""
        ...


class Admission:
    """Decides when the next booking of a run may start, and whether one may at all.

    Args:
        stop, pace: see there.
        size: bookings at the same time, at most.
        spending: what may be spent.
        clock: where time comes from.

    Attributes:
        reason: why no booking starts any more; None while they do.
        window: bookings at the same time now; ``slowest_window``: the fewest there were.
        cuts: how often the window was cut.
    """

    def __init__(self, stop: Stop, pace: Pace, size: int, spending: SpendBound, clock: Clock) -> None:
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
        self.reason: str | None = None

    # --- before a booking ---

    def admits_now(self) -> bool:
        """Whether the next booking may start without waiting."""
        if self.reason is not None or self._broken():
            return False
        return self._in_flight < max(1, int(self.window)) and self.spending.allows_one_more()

    async def admit(self) -> bool:
        """Wait until the next booking may start; False: none may any more, and `reason` says why."""
        changed = self.spending.changed
        while self.reason is None:
            if self.admits_now():
                return True
            room = self._in_flight == 0 if self._broken() else self._in_flight < max(1, int(self.window))
            if room and not self.spending.allows_one_more() and (why := self.spending.exhausted()):
                self.halt(why)
            elif room and self._broken() and self.spending.allows_one_more():
                return await self._probe()
            else:
                changed.clear()
                await changed.wait()
        return False

    def halt(self, reason: str) -> None:
        """Let no booking start any more."""
        self.reason = self.reason or reason
        self._halted.set()
        self.spending.changed.set()

    def _broken(self) -> bool:
        return self._streak >= self._stop.in_a_row

    async def _probe(self) -> bool:
        """One at a time: wait, longer each time, then let one through."""
        wait, self._wait = self._wait, min(self._wait * 2, self._stop.longest_wait)
        if self._clock.monotonic() + wait - self._last_success > self._stop.down_for:
            self.halt(f"no success for {self._stop.down_for:g} s")
            return False
        await self._nap(wait)
        return self.reason is None

    async def _nap(self, seconds: float) -> None:
        """Sleep for ``seconds`` or until halted."""
        ends = [asyncio.ensure_future(self._clock.sleep(seconds)), asyncio.ensure_future(self._halted.wait())]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()

    # --- after it ---

    def began(self) -> None:
        """A booking starts."""
        self._in_flight += 1
        self.spending.began()

    def ended(self) -> None:
        """It has ended, however."""
        self._in_flight -= 1
        self.spending.ended()

    def succeeded(self, fee: Money | None, elapsed: float) -> None:
        """It was made."""
        self._streak, self._wait = 0, self._stop.first_wait
        self._last_success = self._clock.monotonic()
        self.window = min(self._size, self.window + 1 / self.window)
        if self._pace.slow_after is not None and elapsed > self._pace.slow_after:
            self._cut(0.9)
        self.spending.paid(fee)

    def failed(self, error: Exception) -> None:
        """It was not, or nobody can tell."""
        kind = f"refused {error.code}" if isinstance(error, ApiError) else "trouble"
        self._streak = self._streak + 1 if kind == self._kind else 1
        self._kind = kind
        if isinstance(error, RateLimitedError):
            self._cut(0.5)

    def doubted(self) -> None:
        """It is in doubt."""
        self.spending.doubted(1)
        self._in_doubt += 1
        if self._stop.in_doubt is not None and self._in_doubt >= self._stop.in_doubt:
            self.halt(f"{self._in_doubt} bookings are in doubt")

    def resolved(self) -> None:
        """One that was in doubt isn't any more."""
        self.spending.doubted(-1)

    def retrying(self, error: PandaponError) -> None:
        """An attempt failed, and the call goes on."""
        if isinstance(error, RateLimitedError):
            self._cut(0.5)

    def _cut(self, factor: float) -> None:
        # One overload answers many calls at once: it counts once.
        now = self._clock.monotonic()
        if self._last_cut is None or now - self._last_cut >= 1.0:
            self._last_cut = now
            self.window = max(1.0, self.window * factor)
            self.slowest_window = min(self.slowest_window, self.window)
            self.cuts += 1


def is_about_the_job(error: Exception) -> bool:
    """Whether a failure isn't about this one booking, so that the next would fail alike."""
    stops = isinstance(error, ApiError) and error.meaning == CodeMeaning.STOP
    return stops or isinstance(error, (AuthError, ConfigError, JournalError)) or not isinstance(error, PandaponError)
