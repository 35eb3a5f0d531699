"""Who works on which booking, among the tasks that share one job."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from .._errors import JournalError


class Claims:
    """One task a reference at a time, and one run a job at a time."""

    def __init__(self) -> None:
        self._claimed: dict[str, asyncio.Future[None] | None] = {}
        self._halt: Callable[[str], None] | None = None

    def claim(self, reference: str) -> asyncio.Future[None] | None:
        """Claim a reference for this task; else another task has it: when the future ends, look again."""
        if reference not in self._claimed:
            self._claimed[reference] = None
            return None
        released = self._claimed[reference]
        if released is None:
            released = self._claimed[reference] = asyncio.get_running_loop().create_future()
        return released

    def release(self, reference: str) -> None:
        """Release what this task has claimed."""
        released = self._claimed.pop(reference)
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
