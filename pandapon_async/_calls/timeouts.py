"""Ends attempts whose time is up: one timer of the event loop for all that are under way.

A timer an attempt, and another for the silence on its connection, would cost more than the signature. Here an attempt only
notes when it began and when it last heard something; the one timer rings when the first of them can be late, and looks.
"""

from __future__ import annotations

import asyncio
import math
from typing import Any


class Watched:
    """One attempt under way; made by `Watch.start`.

    Attributes:
        late: why it was ended: ``"deadline"`` or ``"silence"``; None: it wasn't.
    """

    __slots__ = ("_cancelling", "_deadline", "_heard", "_loop", "_silence", "_task", "late")

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float, silence: float) -> None:
        task: asyncio.Task[Any] | None = asyncio.current_task(loop)
        if task is None:  # pragma: no cover - a coroutine that no task runs can't wait for a socket either
            raise RuntimeError("a call has to be awaited inside a task")
        self._loop = loop
        self._task = task
        self._cancelling = 0 if (count := getattr(task, "cancelling", None)) is None else int(count())
        self._deadline = loop.time() + seconds
        self._silence = silence
        self._heard = math.inf
        self.late: str | None = None

    def hear(self) -> None:
        """Something happened on the connection: silence is counted from now."""
        self._heard = self._loop.time()

    def due(self) -> float:
        """The loop's time at which it is late, if nothing happens until then."""
        return min(self._deadline, self._heard + self._silence)

    def expire(self) -> None:
        """End it: its task is cancelled, and learns from `expired` that this is why."""
        self.late = "deadline" if self._deadline <= self._heard + self._silence else "silence"
        self._task.cancel()

    def expired(self, error: BaseException) -> bool:
        """Whether ``error`` is its being ended here, and nobody else's cancel. To be asked once, when it has failed."""
        if self.late is None:
            return False
        uncancel = getattr(self._task, "uncancel", None)  # Python 3.10 doesn't count cancels
        others = uncancel is not None and uncancel() > self._cancelling
        return isinstance(error, asyncio.CancelledError) and not others


class Watch:
    """Watches the attempts of one event loop."""

    def __init__(self) -> None:
        self._under_way: set[Watched] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._rings = math.inf
        self._closed = False

    def start(self, seconds: float, silence: float) -> Watched:
        """Watch an attempt of the running task: it may take so many seconds, and hear nothing for ``silence`` seconds."""
        loop = asyncio.get_running_loop()
        watched = Watched(loop, seconds, silence)
        self._under_way.add(watched)
        first = loop.time() + min(seconds, silence)
        if first < self._rings:
            self._ring_at(first, loop)
        return watched

    def stop(self, watched: Watched) -> None:
        """The attempt is over."""
        self._under_way.discard(watched)
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

    def _ring_at(self, when: float, loop: asyncio.AbstractEventLoop) -> None:
        self._disarm()
        self._rings = when
        self._timer = loop.call_at(when, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer, self._rings = None, math.inf
        now = loop.time()
        for watched in [watched for watched in self._under_way if watched.due() <= now]:
            self._under_way.discard(watched)
            watched.expire()
        if self._under_way:
            self._ring_at(min(watched.due() for watched in self._under_way), loop)
