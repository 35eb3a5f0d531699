"""Who works on which booking, among the tasks that share one job."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from .._errors import JournalError

Key = tuple[str, int]
"""A booking of the job's account: reference and shipment."""


class Claims:
    """One task a booking at a time, and one run a job at a time."""

    def __init__(self) -> None:
        self._claimed: dict[Key, asyncio.Future[None] | None] = {}
        self._halt: Callable[[str], None] | None = None

    def claim(self, key: Key) -> asyncio.Future[None] | None:
        """Claim a booking for this task; else another task has it: when the future ends, look again."""
        if key not in self._claimed:
            self._claimed[key] = None
            return None
        released = self._claimed[key]
        if released is None:
            released = self._claimed[key] = asyncio.get_running_loop().create_future()
        return released

    def release(self, key: Key) -> None:
        """Release what this task has claimed."""
        released = self._claimed.pop(key)
        if released is not None:
            released.set_result(None)

    def claim_run(self, halt: Callable[[str], None]) -> None:
        """Claim the job for one run, which ``halt`` can stop.

        Raises:
            JournalError: another run is under way.
        """
        if self._halt is not None:
            raise JournalError("a run of this job is under way: end it first")
        self._halt = halt

    def release_run(self) -> None:
        """The run has ended."""
        self._halt = None

    def halt(self, reason: str) -> None:
        """Let the run that is under way, if there is one, start nothing more."""
        if self._halt is not None:
            self._halt(reason)
