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
        job: one job's; None: all of the journal.

    Raises:
        JournalError: there is no journal, or it is a file and a job is asked for.
    """

    def __init__(self, place: Place, job: str | None) -> None:
        self._is_shared = isinstance(place, PostgresUrl)
        if job is not None and not self._is_shared:
            raise JournalError(
                f"{place}: jobs have names in PostgreSQL only; for a file's runs: pandapon journal PATH --runs"
            )
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
        if self._job is None:
            counts = self._reader.counts()
        else:
            counts = dict.fromkeys(STATES, 0)
            query = "SELECT r.state, COUNT(*) FROM jobs j JOIN rows r ON r.id = j.row WHERE j.name = ? GROUP BY r.state"
            counts.update(dict(self._reader.read(query, (self._job,))))
            if not any(counts.values()):
                raise JournalError(f"{self._reader.name}: no job is named {self._job!r}")
        return Status(counts, self._workers() if self._is_shared else ())

    def _workers(self) -> tuple[WorkerSeen, ...]:
        query = (
            "SELECT a.name, w.host, w.pid, w.version, w.began FROM workers w JOIN accounts a ON a.id = w.account "
            "WHERE w.ended IS NULL AND w.lease_end > extract(epoch FROM clock_timestamp()) ORDER BY w.id"
        )
        return tuple(
            WorkerSeen(account, host.partition(" ")[0], pid, version, datetime.fromtimestamp(began, timezone.utc))
            for account, host, pid, version, began in self._reader.read(query)
        )
