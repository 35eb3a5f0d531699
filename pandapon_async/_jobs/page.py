"""Rows of a job's journal that somebody else has chosen, by their ids: sent by a pool, as a run sends its own."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import TypeVar

from .._calls.semaphore import Semaphore
from .._journal.store import PendingRow, Problem
from .._streams.admission import Admission, Spending, Stop
from .._streams.workers import Lane, Unwritten, WorkerState, WorkerStream, cut_off
from .claims import Claims
from .open_journal import OpenJournal
from .outcome import JobOutcome
from .row_source import RowSource
from .sender import Sender
from .settings import JobSettings

R = TypeVar("R")

NEVER = Stop(in_a_row=2**62)
"""The brake is for runs: whoever chooses rows chooses when they come again, too."""


class PageRun(WorkerStream["PendingRow | Problem", JobOutcome[R]]):
    """Sends a few rows; an async iterator of their outcomes, made by `job.rows_of`.

    Closed early, it begins nothing more, and what is under way ends; the rest stays pending.

    Attributes:
        ended: how many rows it has brought to an end.
        unended: how many haven't ended yet, here or elsewhere.

    Args:
        settings, claims, journal: the job's.
        rows: what is sent, if it is pending.
        slots: let a booking begin, of this page or of another one that shares them.
        size: how many may begin at the same time, at most.
    """

    def __init__(
        self,
        settings: JobSettings[R],
        claims: Claims,
        journal: OpenJournal,
        rows: Sequence[PendingRow],
        slots: Semaphore,
        size: int,
    ) -> None:
        spending = journal.spending_of_single() or Spending()
        self._admission = Admission(NEVER, settings.pace, size, settings.client.clock, spending)
        self._sender: Sender[R] = Sender(settings, claims, journal.store, self._admission)
        self._slots = slots
        self.ended, self.unended = 0, len(rows)
        source = RowSource(_only(rows), self._prepared)
        super().__init__(Lane(settings.client, source, min(size, len(rows))), ordered=False, drain=settings.drain)

    async def _prepared(self) -> Admission:
        return self._admission

    def cut_off(self) -> None:
        """Let nothing end any more: what is under way is in doubt."""
        cut_off(self._workers)

    async def _make(
        self, worker: WorkerState, index: int, item: PendingRow | Problem
    ) -> JobOutcome[R] | Unwritten[JobOutcome[R]]:
        assert isinstance(item, PendingRow)
        if not self._slots.try_acquire():
            await self._slots.acquire(wait_forever=True)
        try:
            return await self._sender.finish(worker, index, item)
        finally:
            self._slots.release()

    async def _cut_off(self, worker: WorkerState, index: int, item: PendingRow | Problem) -> JobOutcome[R]:
        assert isinstance(item, PendingRow)
        return await self._sender.cut_off(worker, index, item)

    def _put(self, index: int, made: JobOutcome[R]) -> None:
        if made.recorded not in ("pending", "sent"):
            self.unended -= 1
            self.ended += made.state != "skipped"
        super()._put(index, made)


async def _only(rows: Sequence[PendingRow]) -> AsyncGenerator[Sequence[PendingRow | Problem], None]:
    yield rows
