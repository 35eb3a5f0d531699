"""Ends attempts whose time is up: one timer of the event loop for all that are under way.

A timer an attempt, and another for the silence on its connection, would cost more than the signature. Here an attempt only
notes when it began and when it last heard something; the one timer rings when the first of them can be late, and looks.

What is ended is what the attempt waits for - its connection, or the making of it -, never its task: so a time-out and somebody's
cancel stay distinct on every Python. And before one is ended, what has come meanwhile is looked at: a loop that was held up
finds the timer due and the reply unread.
"""

from __future__ import annotations

import asyncio
import math
from typing import Protocol

_PASSES = 8
"""Of the loop, between an attempt's time being up and its end: what had come before is read in them."""


class TimedOutError(Exception):
    """An attempt's time was up."""


class Awaited(Protocol):
    """What an attempt waits for."""

    def has_news(self) -> bool:
        """Whether something has come that the attempt hasn't seen."""
        ...

    def fail(self, error: TimedOutError) -> None:
        """Let whoever waits get the error."""
        ...


class Deadline:
    """One attempt's time; made by `Deadlines.start`.

    Attributes:
        awaited: what it waits for now.
        late: why it was ended: ``"deadline"``, ``"connect"`` or ``"silence"``; None: it wasn't.
    """

    __slots__ = ("_at", "_heard", "_kind", "_least", "_looks", "_loop", "_silence", "awaited", "late")

    def __init__(self, loop: asyncio.AbstractEventLoop, at: float, least: float) -> None:
        self._loop = loop
        self._at = at
        self._least = least
        self._heard = math.inf
        self._silence = 0.0
        self._kind = ""
        self._looks = 0
        self.awaited: Awaited | None = None
        self.late: str | None = None

    def expect(self, awaited: Awaited, kind: str, silence: float) -> None:
        """From now on, ``awaited`` may be silent for so many seconds; ``kind`` is what it is if it is longer."""
        self.awaited = awaited
        self._kind = kind
        self._silence = silence
        self._heard = self._loop.time()

    def hear(self) -> None:
        """Something has come: silence is counted from now."""
        self._heard = self._loop.time()

    def pause(self) -> None:
        """Nothing is expected for now: only the deadline counts."""
        self._heard = math.inf
        self.awaited = None

    def due(self) -> float:
        """The loop's time at which it is late, if nothing happens until then."""
        return min(self._at, self._heard + self._silence)

    def look_again(self, now: float) -> float:
        """When to look whether it is late: what it will expect next may be due before its deadline."""
        return min(self.due(), now + self._least) if self._heard == math.inf else self.due()

    def is_late(self) -> bool:
        """End it if nothing has come, also in some more passes of the loop; False: it goes on."""
        awaited = self.awaited
        by_deadline = self._at <= self._loop.time()
        if awaited is not None:
            if awaited.has_news() and not by_deadline:
                self.hear()
                self._looks = 0
                return False
            self._looks += 1
            if self._looks <= _PASSES:
                return False
        self.late = "deadline" if by_deadline else self._kind
        if awaited is not None:
            awaited.fail(TimedOutError(self.late))
        return True


class Deadlines:
    """The attempts of one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._under_way: set[Deadline] = set()
        self._timer: asyncio.Handle | None = None
        self._rings = math.inf
        self._closed = False

    def start(self, seconds: float, silence: float) -> Deadline:
        """An attempt begins: it may take so many seconds, and ``silence`` is the shortest time that it may hear nothing."""
        loop = self._loop
        now = loop.time()
        deadline = Deadline(loop, now + seconds, silence)
        self._under_way.add(deadline)
        first = now + min(seconds, silence)
        if first < self._rings:
            self._ring_at(first)
        return deadline

    def stop(self, deadline: Deadline) -> None:
        """The attempt is over."""
        self._under_way.discard(deadline)
        if self._closed:
            self.close()

    def close(self) -> None:
        """Stop the timer, once nothing is under way: what still is keeps its deadline."""
        self._closed = True
        if not self._under_way:
            self._disarm()

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._rings = None, math.inf

    def _ring_at(self, when: float) -> None:
        self._disarm()
        self._rings = when
        # What is due already has some passes left.
        loop = self._loop
        self._timer = loop.call_soon(self._look) if when <= loop.time() else loop.call_at(when, self._look)

    def _look(self) -> None:
        self._timer, self._rings = None, math.inf
        now = self._loop.time()
        for deadline in [deadline for deadline in self._under_way if deadline.due() <= now]:
            if deadline.is_late():
                self._under_way.discard(deadline)
        if self._under_way:
            self._ring_at(min(deadline.look_again(now) for deadline in self._under_way))
