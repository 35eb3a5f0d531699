"""Time: the clock behind all waits, and the vendor's clock offset."""

from __future__ import annotations

import asyncio
import functools
import time
from email.utils import parsedate_to_datetime
from typing import Protocol

import attrs


class Clock(Protocol):
    """The package's time source; replaceable, so that tests need no real waits."""

    def now(self) -> float:
        """Unix time in seconds."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go backwards; only differences are meaningful."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Sleep for ``seconds``."""
        ...


class SystemClock:
    """The system clock."""

    now = staticmethod(time.time)
    monotonic = staticmethod(time.monotonic)

    async def sleep(self, seconds: float) -> None:
        """Sleep for ``seconds`` on the event loop."""
        await asyncio.sleep(seconds)


@functools.lru_cache(maxsize=16)  # dates are whole seconds, so many replies share one
def http_date(text: str | None) -> float | None:
    """Unix time of an HTTP date; None if it isn't one."""
    if not text:
        return None
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    # timestamp() would take a date without a zone for local time; HTTP dates are GMT.
    return moment.timestamp() if moment.tzinfo else None


@attrs.frozen
class _Learnt:
    offset: float
    wall_minus_monotonic: float


class ClockOffset:
    """How many seconds the vendor's clock is ahead of ours, learnt from the ``Date`` header of its replies.

    The caller ensures that a reply is the vendor's own (over TLS or loopback, with an envelope, not from a cache). A date
    that our own clock could have produced means that the clocks agree; any other is applied once a second one agrees with
    it. The offset is dropped when our wall clock is set, since it was measured against it.

    Attributes:
        learnt: what is applied; None: `seconds` is 0.
        agreed: the last date, if our clock could have produced it: dates are whole seconds, so most replies bring it again,
            and need not be observed.
    """

    AGREE = 2.0
    """Two samples agree if they differ by less than this many seconds (dates have whole seconds)."""
    JUMP = 1.0
    """The wall clock was set if it moved by more than this many seconds against the monotonic clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.learnt: _Learnt | None = None
        self.agreed: float | None = None
        self._candidate: float | None = None

    def seconds(self) -> float:
        """The offset to add to our wall clock now."""
        learnt = self.learnt
        if learnt is None:
            return 0.0
        if abs(self._base() - learnt.wall_minus_monotonic) > self.JUMP:
            self.learnt = self._candidate = None
            return 0.0
        return learnt.offset

    def observe(self, date: float, sent: float, received: float) -> None:
        """Record one reply's date; ``sent`` and ``received`` are our wall clock before and after the exchange."""
        if sent - 1 <= date <= received + 1:
            self._candidate = self.learnt = None
            self.agreed = date
            return
        self.agreed = None
        sample = date - (sent + received) / 2
        if self._candidate is not None and abs(self._candidate - sample) < self.AGREE:
            self.learnt = _Learnt(sample, self._base())
        self._candidate = sample

    def adopt(self, date: float, received: float) -> None:
        """Apply one date immediately, after the vendor has refused a call because of its timestamp."""
        self.agreed = None
        self._candidate = date - received
        self.learnt = _Learnt(self._candidate, self._base())

    def _base(self) -> float:
        return self._clock.now() - self._clock.monotonic()
