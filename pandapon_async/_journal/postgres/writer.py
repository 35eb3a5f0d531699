"""The thread that writes a worker's rows to PostgreSQL: one transaction a group, over whatever happens to the connection."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from typing import Any, ClassVar, Final, TypeVar

import attrs
import psycopg

from ..._clock import Clock
from ..._errors import JournalError, LimitExceededError
from ..sql.changes import Change, Item, Work, do_each, do_together
from ..sql.store import spent_of
from ..sql.writer import RETRY_EVERY, GroupThread
from ..store import Ending, LeaseLostError, Spent
from .connection import LOCK_ADMISSION, PostgresConnection, connected, in_short
from .schema import VERSION
from .url import PostgresUrl
from .workers import HEARTBEAT, LEASE, MARGIN, begin, boot_seconds, dismiss, end_lapsed, put_in_doubt

T = TypeVar("T")
_ENDED_ELSEWHERE: Final = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)
_log = logging.getLogger("pandapon_async.journal")


class PostgresWriter(GroupThread):
    """Owns a worker's connection, and keeps its lease.

    A connection that is lost is made again, and what was under way on it is done again, unless it turns out to have been committed:
    each transaction of ours notes its number in the worker's row, which it has locked, so whoever locks it next knows.

    Args:
        connection: on which the worker was enlisted.
        account: whose worker it is.
        since: `boot_seconds` before it was enlisted.
    """

    PATIENCE: ClassVar[float] = 60.0
    """As in the file's; that long a restart, or a change of servers, may take."""
    MOST_ROWS: ClassVar[int] = 1024
    """All desks wait meanwhile who take something in, or book one."""

    def __init__(
        self, url: PostgresUrl, connection: PostgresConnection, worker: int, account: int, clock: Clock, since: float
    ) -> None:
        super().__init__(url.name)
        self._url = url
        self._connection = connection
        self._worker = worker
        self._account = account
        self._clock = clock
        self._lease_end = since + LEASE
        self._renewed = since
        self._commits = 0
        self._uncertain: list[Item] | None = None
        self._taken_back: list[Change] = []
        self._lost: JournalError | None = None
        self._is_away = False
        self.heard_pause: Callable[[float], object] = _ignored
        self._thread.start()

    def why_not_send(self) -> str | None:
        """Asked right before a byte leaves: whether others may take this worker for dead by now, and its bookings for in doubt."""
        if self._lost is None and boot_seconds() <= self._lease_end - MARGIN:
            return None
        return "this worker's lease in the journal has run out"

    def submit_apart(self, work: Callable[[Any], T]) -> asyncio.Future[T]:
        """Do what has to do with no row, before the group that waits: a lock of it is held for no longer than it takes."""
        return self.put(Work(self.loop(), work, only_reads=True, is_apart=True))

    def is_lost(self) -> bool:
        """Whether others have taken this worker for dead."""
        return self._lost is not None

    # --- the thread ---

    def _wake_after(self) -> float | None:
        return RETRY_EVERY if self._owed else max(RETRY_EVERY, self._renewed + HEARTBEAT - boot_seconds())

    def _write(self, group: list[Item]) -> None:
        part, rows = list[Item](), 0
        for item in group:
            part.append(item)
            rows += item.rows
            if rows >= self.MOST_ROWS:
                self._write_together(part)
                part, rows = [], 0
        if part or not group:
            self._write_together(part)

    def _write_together(self, group: list[Item]) -> None:
        items = [*self._owed, *group]
        failure = self._attempt(items, patient=any(not item.is_ending for item in group))
        if failure is None:
            self._owed, self._is_away = [], False
            self._tell(items)
            return
        if not self._is_away:
            _log.warning("%s", failure.message)
        self._is_away = True
        self._tell([item for item in group if item.is_written])
        left = [item for item in group if not item.is_written]
        self._owed += [item for item in left if item.is_ending]
        self._owed += self._take_back()
        self._tell([item for item in left if not item.is_ending], failure)
        self._tell_late(failure)

    def _take_back(self) -> list[Change]:
        """Undo what is told to have failed, should it turn out to have been committed; else its row may be another's by then."""
        began = [item for item in self._uncertain or () if isinstance(item, Change) and not item.is_ending]
        undoing = [_undoing(item) for item in began if item.error is None and not item.told]
        self._taken_back += undoing
        return undoing

    def _attempt(self, items: list[Item], *, patient: bool) -> JournalError | None:
        """Do everything in one transaction, if need be on a new connection; or say why nothing of it was done."""
        end = time.monotonic() + (self.PATIENCE if patient else 0)
        while True:
            try:
                self._connect()
                self._transact([item for item in items if not item.is_written])
            except (psycopg.Error, JournalError) as error:
                if not isinstance(error, _ENDED_ELSEWHERE):
                    self._connection.close()
                why = error.message if isinstance(error, JournalError) else in_short(error)
                failure = JournalError(
                    why if why.startswith(self.name) else f"{self.name}: could not be written: {why}"
                )
            except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must be told
                self._connection.close()
                return JournalError(f"{self.name}: could not be written: {type(error).__name__}")
            else:
                return None
            if time.monotonic() >= end:
                return failure
            time.sleep(RETRY_EVERY)

    def _connect(self) -> None:
        """See to it that there is a connection, and find out what became of the commit during which the last one was lost."""
        if not self._connection.is_usable:
            self._connection = connected(self._url)
        if self._uncertain is None:
            return
        query = (
            "SELECT commits FROM workers WHERE id = ? FOR UPDATE"  # waits for whatever is left of the old connection
        )
        (commits,) = self._connection.execute(query, (self._worker,)).fetchone()
        for item in self._uncertain if commits == self._commits else self._taken_back:
            item.is_written = True  # or needn't be
        self._uncertain, self._taken_back = None, []

    def _transact(self, items: list[Item]) -> None:
        connection, since = self._connection, boot_seconds()
        for work in [item for item in items if isinstance(item, Work) and item.is_apart]:
            _read(connection, work)
            work.is_written = True
        rest = [item for item in items if not item.is_written]
        writing = [item for item in rest if not item.only_reads]
        if writing or not items or since >= self._renewed + HEARTBEAT:
            self._commit(connection, writing, since)
        for item in rest:
            if isinstance(item, Work) and item.only_reads:
                _read(connection, item)

    def _commit(self, connection: PostgresConnection, items: list[Item], since: float) -> None:
        self._commits += 1
        try:
            pause = self._begin(connection, items, since)
            if not do_together(connection, self._allowed(connection, items)):
                connection.execute("ROLLBACK")
                pause = self._begin(connection, items, since)
                do_each(connection, self._allowed(connection, items))
            self._uncertain = items
            connection.execute("COMMIT")
            self._uncertain = None
        except BaseException:
            if self._uncertain is None:
                with contextlib.suppress(psycopg.Error):
                    connection.execute("ROLLBACK")
            raise
        for item in items:
            item.is_written = True
        self._lease_end, self._renewed = since + LEASE, since
        if pause > 0:
            self.heard_pause(pause)

    def _begin(self, connection: PostgresConnection, items: list[Item], since: float) -> float:
        """Begin a transaction, and see whether anything may begin in it; gives the seconds that all have to pause."""
        locks = [LOCK_ADMISSION] if any(item.rows for item in items) else []
        is_alive, pause, oldest = begin(connection, self._worker, self._commits, *locks)
        if not is_alive or oldest > VERSION:
            why = "this worker lost its lease" if not is_alive else "a newer release has changed it"
            self._lost = LeaseLostError(f"{self.name}: {why}: nothing more is begun; start it again")
        elif since >= self._renewed + HEARTBEAT:
            end_lapsed(connection)
            put_in_doubt(connection, self._account, self._clock.now())
        return pause

    def _allowed(self, connection: PostgresConnection, items: list[Item]) -> list[Item]:
        """What may be done of all that is to be; the others' ``error`` says why not."""
        for item in items:
            item.error = self._lost if item.begins else None
        self._check_spending(connection, [item for item in items if item.error is None])
        return [item for item in items if item.error is None]

    def _check_spending(self, connection: PostgresConnection, items: list[Item]) -> None:
        """Refuse what isn't within the limits that hold for all who spend for the account."""
        checked = [item for item in items if isinstance(item, Change) and item.checks]
        if not checked:
            return
        connection.lock_spending(self._account)
        found: dict[tuple[int | None, float | None], Spent] = {}
        for change in checked:
            whys: list[str | None] = []
            for check in change.checks:
                of = check.run, check.since
                spent = found[of] = found.get(of) or spent_of(connection, change.mover.scope, *of)
                whys.append(check.why_not(spent))
            if why := next(filter(None, whys), None):
                change.error = LimitExceededError(f"not sent: {why}", reference=change.row.reference)
                continue
            for check in change.checks:
                of = check.run, check.since
                found[of] = attrs.evolve(found[of], in_doubt=found[of].in_doubt + 1)

    def _close(self) -> None:
        with contextlib.suppress(psycopg.Error, JournalError):
            if self._connection.is_usable:
                dismiss(self._connection, self._worker)
        self._connection.close()


def _ignored(_: float) -> None:
    """Nobody shares the pauses."""


def _read(connection: PostgresConnection, item: Work) -> None:
    item.error = None
    try:
        item.value = item.do(connection)
    except Exception as error:
        if not connection.is_usable:
            raise
        item.error = JournalError(f"can't be done: {in_short(error)}") if isinstance(error, psycopg.Error) else error


def _undoing(change: Change) -> Change:
    """The change that undoes a row's being sent: who asked for it was told that it isn't, and sends nothing."""
    row = attrs.evolve(change.row, version=change.version + 1, state="sent")
    ending = Ending(state="pending", note="not sent: the journal was away")
    back = Change(change.get_loop(), row, change.mover, change.at, ending)
    back.told = True
    return back
