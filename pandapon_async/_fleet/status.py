"""How a journal, or one job of it, stands."""

from __future__ import annotations

from datetime import datetime, timezone

import attrs

from .._errors import JournalError
from .._journal.places import Place, reader_of
from .._journal.postgres.url import PostgresUrl
from .._journal.rows import STATES, State
from .._journal.sql.reader import Reader


@attrs.frozen
class WorkerSeen:
    """A process that has a lease in a journal: whose account, where, since when."""

    account: str
    host: str
    pid: int
    version: str
    began: datetime


@attrs.frozen
class Status:
    """How many bookings are in each state, and who works (of a journal in PostgreSQL)."""

    counts: dict[State, int]
    workers: tuple[WorkerSeen, ...]


class StatusReader:
    """Reads the status of a journal again and again.

    Args:
        place: the journal.
        job: what was submitted under this name, or what came from a file of this name; None: all of the journal.

    Raises:
        JournalError: there is no journal.
    """

    def __init__(self, place: Place, job: str | None) -> None:
        self._is_shared = isinstance(place, PostgresUrl)
        self._job = job
        self._reader: Reader = reader_of(place)

    def close(self) -> None:
        """Close it. Idempotent."""
        self._reader.close()

    def read(self) -> Status:
        """The status now.

        Raises:
            JournalError: it can't be read, or has no such job.
        """
        counts = self._reader.counts() if self._job is None else self._counts_of(self._job)
        return Status(counts, self._workers() if self._is_shared else ())

    def _counts_of(self, job: str) -> dict[State, int]:
        counts = dict.fromkeys(STATES, 0)
        if self._is_shared:
            query = "SELECT r.state, COUNT(*) FROM jobs j JOIN rows r ON r.id = j.row WHERE j.name = ? GROUP BY r.state"
            counts.update(dict(self._reader.read(query, (job,))))
        if any(counts.values()):
            return counts
        files = self._reader.files()
        if job not in files:
            known = ", ".join(files) or "none"
            if self._is_shared:
                raise JournalError(f"{self._reader.name}: no job and no booked file is named {job!r}; files: {known}")
            raise JournalError(f"{self._reader.name}: no booked file is named {job!r}; files: {known}")
        return self._reader.counts_of_runs(files[job])

    def _workers(self) -> tuple[WorkerSeen, ...]:
        query = (
            "SELECT a.name, w.host, w.pid, w.version, w.began FROM workers w JOIN accounts a ON a.id = w.account "
            "WHERE w.ended IS NULL AND w.lease_end > extract(epoch FROM clock_timestamp()) ORDER BY w.id"
        )
        return tuple(
            WorkerSeen(account, host.partition(" ")[0], pid, version, datetime.fromtimestamp(began, timezone.utc))
            for account, host, pid, version, began in self._reader.read(query)
        )
