"""The store of a job in a SQLite file."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from ..._clock import Clock
from ..._errors import JournalError, RequestError
from ..._models.jsonio import loads
from ..identity import AccountKey, key_of, normal_reference, parcel_keys
from ..rows import STATES, State, history_entry
from ..store import BY_JOB, MOVES, Ending, Entry, PendingRow, Problem, Spent, Store
from .accounts import admitted_account, operation_id
from .admitting import PARCEL_SECONDS, Page, drop_rows, held_now, pending_row, renew
from .changes import Change
from .file import close_unchanged, open_to_write, resolved
from .lock import OwnerLock, account_lock
from .owners import Owner
from .schema import HIDDEN, refuse_backup
from .writer import Writer
from .writing import Writing

if TYPE_CHECKING:
    from typing_extensions import Self

_PAGE: Final = 5_000
_COLUMNS: Final = (
    "r.id, r.version, {position}, r.reference, r.shipment, r.state, b.body, r.order_id, r.fee, r.currency, r.error, "
    "r.tracking, r.sent_at"
)
_LEFT: Final = "found as sent: the job had ended before its reply"


class _Refused(Exception):  # noqa: N818 - carries what is told, and undoes the work that raises it
    def __init__(self, problems: list[Problem]) -> None:
        super().__init__()
        self.problems = problems


@attrs.frozen
class _Opened:
    scope: tuple[int, int]
    owner: int
    leftover: int


class SqliteStore(Store):
    """The rows of one account and operation in a SQLite file; made by `SqliteStore.open`.

    All SQL runs in the journal's writing thread.
    """

    def __init__(self, writer: Writer, key: AccountKey, clock: Clock, opened: _Opened) -> None:
        self._writer = writer
        self._key = key
        self._clock = clock
        self._scope = opened.scope
        self._owner = opened.owner
        self._leftover = opened.leftover
        self._unreleased: frozenset[int] = frozenset()
        self._running: frozenset[int] = frozenset()

    @classmethod
    async def open(cls, path: Path, key: AccountKey, clock: Clock, *, adopt_key: bool = False) -> Self:
        """Open a journal's file, made if it isn't there; what is found as sent is put in doubt.

        Args:
            path: the file.
            key: who books.
            clock: gives the time that is written down.
            adopt_key: note a new access key of a known account.

        Raises:
            JournalError: the journal is in use, can't be opened, or has this account otherwise.
        """
        opening = asyncio.ensure_future(asyncio.to_thread(cls._open, path, key, clock, adopt_key))
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_unused)
            raise

    @classmethod
    def _open(cls, path: Path, key: AccountKey, clock: Clock, adopt_key: bool) -> Self:
        file = resolved(path)
        lock = account_lock(file, key.vendor, key.name)
        lock.acquire()
        try:
            if not lock.set_aside():
                raise JournalError(f"{file}: the disk is full: there is no room for what may have to be written")
            connection = open_to_write(file, create=True)
            try:
                writing, opened = _begun(connection, lock, key, clock.now(), {"key"} if adopt_key else set())
            except BaseException:
                close_unchanged(connection, file)
                raise
            return cls(Writer(writing), key, clock, opened)
        except BaseException as error:
            lock.release()
            if isinstance(error, sqlite3.Error):
                raise JournalError(f"{file}: can't be used: {error}") from None
            raise

    @property
    def leftover(self) -> int:
        return self._leftover

    def close_soon(self) -> None:
        self._writer.end()

    async def close(self) -> None:
        await self._writer.close()

    # --- the input ---

    async def begin_run(self, *, released: bool) -> int:
        while await self._writer.submit(self._sweep):
            pass
        now, owner = self._clock.now(), Owner.this_process()

        def work(connection: sqlite3.Connection) -> int:
            values = (*self._scope, now, now if released else None, owner.host, owner.pid)
            query = "INSERT INTO runs (account, operation, began, released, host, pid) VALUES (?, ?, ?, ?, ?, ?)"
            return connection.execute(query, values).lastrowid or 0

        run = await self._writer.submit(work)
        self._running |= {run}
        if not released:
            self._unreleased |= {run}
        return run

    def _sweep(self, connection: sqlite3.Connection) -> bool:
        """Remove a page of what runs that have ended left behind, and of parcels that are old enough; whether there is more."""
        return _sweep_run(connection, self._scope[0], self._running) or _forget_parcels(connection, self._clock.now())

    def admit(
        self, entries: Sequence[Entry], run: int, *, retry_refused: bool
    ) -> asyncio.Future[list[PendingRow | Problem]]:
        def work(connection: sqlite3.Connection) -> list[PendingRow | Problem]:
            page = Page(
                connection,
                self._key,
                self._scope,
                self._clock.now(),
                run,
                released=run not in self._unreleased,
                retry_refused=retry_refused,
                living=self._unreleased,
            )
            return page.admit(entries)

        return self._writer.submit(work)

    async def release(self, run: int) -> list[Problem]:
        def work(connection: sqlite3.Connection) -> None:
            problems = self._renew_all(connection, run)
            if problems:
                raise _Refused(problems)
            connection.execute("UPDATE runs SET released = ? WHERE id = ?", (self._clock.now(), run))

        try:
            await self._writer.submit(work)
        except _Refused as refused:
            return refused.problems
        self._unreleased -= {run}
        return []

    def _renew_all(self, connection: sqlite3.Connection, run: int) -> list[Problem]:
        """Give the rows that this input changes their new bodies."""
        now, problems, last = self._clock.now(), list[Problem](), 0
        query = (
            f"SELECT {_COLUMNS.format(position='i.position')}, i.version, i.body, i.allowed FROM inputs i JOIN rows r ON r.id = i.row "
            "LEFT JOIN bodies b ON b.row = r.id WHERE i.run = ? AND i.version IS NOT NULL AND i.row > ? ORDER BY i.row LIMIT 256"
        )
        while found := connection.execute(query, (run, last)).fetchall():
            for *values, version, body, allowed in found:
                row = pending_row(values)
                keys = parcel_keys(self._key.vendor, self._key.operation, loads(body.encode()))
                problem = None if allowed else held_now(connection, self._scope, row, keys, now)
                if row.version != version:
                    text = "its row was changed while the input was taken in: feed it again"
                    problem = Problem(row.position, row.reference, text, "moved")
                if problem is not None:
                    problems.append(problem)
                else:
                    renew(connection, row, body, keys, now)
                last = row.id
        connection.execute(
            "UPDATE inputs SET version = NULL, body = NULL WHERE run = ? AND version IS NOT NULL", (run,)
        )
        return problems

    async def end_run(self, run: int) -> None:
        now = self._clock.now()
        self._unreleased -= {run}
        self._running -= {run}
        await self._writer.submit(
            lambda connection: connection.execute("UPDATE runs SET ended = ? WHERE id = ?", (now, run))
        )

    async def take_unfinished(self, run: int) -> None:
        query = (
            "INSERT OR IGNORE INTO inputs SELECT ?, id, 0, 0, 0, NULL, NULL FROM rows WHERE state IN ('pending', 'unknown') "
            f"AND account = ? AND operation = ? AND run NOT IN {HIDDEN}"
        )
        await self._writer.submit(lambda connection: connection.execute(query, (run, *self._scope)))

    # --- reading ---

    async def page(self, run: int, after: int, size: int) -> list[PendingRow]:
        query = (
            f"SELECT {_COLUMNS.format(position='i.position')} FROM inputs i JOIN rows r ON r.id = i.row "
            "LEFT JOIN bodies b ON b.row = r.id WHERE i.run = ? AND i.row > ? ORDER BY i.row LIMIT ?"
        )
        return await self._rows(query, (run, after, size))

    async def find(self, reference: str, shipment: int = 1) -> PendingRow:
        query = (
            f"SELECT {_COLUMNS.format(position='0')} FROM rows r LEFT JOIN bodies b ON b.row = r.id WHERE r.reference_key = ? "
            f"AND r.account = ? AND r.operation = ? AND r.shipment = ? AND r.reference = ? AND r.run NOT IN {HIDDEN}"
        )
        known = normal_reference(reference)
        found = await self._rows(query, (key_of("reference", known), *self._scope, shipment, known))
        if not found:
            raise JournalError(f"{self._writer.path}: no row has it", reference=reference)
        return found[0]

    async def _rows(self, query: str, values: Sequence[Any]) -> list[PendingRow]:
        return [pending_row(found) for found in await self._fetched(query, values)]

    def _fetched(self, query: str, values: Sequence[Any]) -> asyncio.Future[list[Any]]:
        return self._writer.submit_reading(lambda connection: connection.execute(query, values).fetchall())

    async def reply(self, row: PendingRow) -> str | None:
        found = await self._fetched("SELECT reply FROM replies WHERE row = ?", (row.id,))
        return found[0][0] if found else None

    async def recorded(self, references: Sequence[str]) -> dict[str, tuple[State, str | None]]:
        asked: dict[str, str] = {}
        for reference in references:
            try:
                asked[reference] = normal_reference(reference)
            except RequestError:  # no row can have it
                if not isinstance(reference, str):  # pyright: ignore[reportUnnecessaryIsInstance]
                    raise
        query = (
            "SELECT reference, state, error FROM rows WHERE account = ? AND operation = ? AND shipment = 1 AND reference_key IN "
            f"({', '.join('?' * len(asked))}) AND run NOT IN {HIDDEN}"
        )
        keys = [key_of("reference", known) for known in asked.values()]
        rows = {known: (state, error) for known, state, error in await self._fetched(query, (*self._scope, *keys))}
        return {reference: rows[known] for reference, known in asked.items() if known in rows}

    async def counts(self, run: int) -> dict[State, int]:
        query = "SELECT r.state, COUNT(*) FROM inputs i JOIN rows r ON r.id = i.row WHERE i.run = ? GROUP BY r.state"
        found = dict(await self._fetched(query, (run,)))
        return {state: found.get(state, 0) for state in STATES}

    async def spent(self, *, run: int | None = None, since: float | None = None) -> Spent:
        return await self._writer.submit_reading(lambda connection: _spent(connection, self._scope, run, since))

    # --- one booking ---

    def sent(self, row: PendingRow) -> asyncio.Future[PendingRow]:
        return self._moved(row, "sent", None)

    def ended(self, row: PendingRow, ending: Ending) -> asyncio.Future[PendingRow]:
        return self._moved(row, ending.state, ending)

    def _moved(self, row: PendingRow, state: State, ending: Ending | None) -> asyncio.Future[PendingRow]:
        if state not in MOVES.get(row.state, ()):
            raise JournalError(f"a job can't make {row.state} into {state}", reference=row.reference)
        return self._writer.submit_change(Change(row, self._scope, self._clock.now(), self._owner, ending))


# --- opening -----------------------------------------------------------------------------------------------------------


def _begun(
    connection: sqlite3.Connection, lock: OwnerLock, key: AccountKey, now: float, adopted: set[str]
) -> tuple[Writing, _Opened]:
    """Note who works here from now on; nothing is written unless it may."""
    path = lock.journal
    refuse_backup(connection, path)
    account = admitted_account(connection, key, adopted, now, write=False)
    writing = Writing(connection, path, lock, account or None)
    try:
        with writing.transaction():
            account = admitted_account(connection, key, adopted, now, write=True)
            connection.execute("UPDATE owners SET account = ? WHERE id = ?", (account, writing.owner))
            scope = account, operation_id(connection, key.operation)
            return writing, _Opened(scope, writing.owner, _put_in_doubt(connection, account, now))
    except BaseException:
        writing.end()
        raise


def _put_in_doubt(connection: sqlite3.Connection, account: int, now: float) -> int:
    query = (
        "UPDATE rows SET version = version + 1, state = 'unknown', owner = NULL, history = history || ?, "
        "error = 'the job ended before its reply came' WHERE state = 'sent' AND account = ?"
    )
    return connection.execute(query, (history_entry(now, "unknown", BY_JOB, _LEFT), account)).rowcount


def _close_unused(opening: asyncio.Task[Any]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close_soon()


# --- pieces of work ----------------------------------------------------------------------------------------------------


def _sweep_run(connection: sqlite3.Connection, account: int, living: frozenset[int]) -> bool:
    query = "SELECT id, released FROM runs r WHERE account = ? AND (released IS NULL OR EXISTS (SELECT 1 FROM inputs WHERE run = r.id))"
    for run, released in connection.execute(query, (account,)).fetchall():
        if run in living:
            continue
        rows = connection.execute("SELECT row, is_new FROM inputs WHERE run = ? LIMIT ?", (run, _PAGE)).fetchall()
        if released is None:
            drop_rows(connection, run, [row for row, is_new in rows if is_new])
        connection.executemany("DELETE FROM inputs WHERE run = ? AND row = ?", [(run, row) for row, _ in rows])
        if released is None and len(rows) < _PAGE:
            connection.execute("DELETE FROM runs WHERE id = ?", (run,))
        return True
    return False


def _forget_parcels(connection: sqlite3.Connection, now: float) -> bool:
    """Erase the digests of receivers that nothing is held against any more."""
    query = (
        "UPDATE rows SET parcel_key = NULL WHERE id IN (SELECT id FROM rows WHERE parcel_key IS NOT NULL AND at < ? "
        "AND COALESCE(sent_at, at) < ? AND state IN ('done', 'refused', 'void') LIMIT ?)"
    )
    return connection.execute(query, (now - PARCEL_SECONDS, now - PARCEL_SECONDS, _PAGE)).rowcount == _PAGE


def _spent(connection: sqlite3.Connection, scope: tuple[int, int], run: int | None, since: float | None) -> Spent:
    mine = "m.account = ? AND m.operation = ?"
    joined, wanted, values = "money m", mine, list[Any](scope)
    if run is not None:
        joined, wanted, values = "inputs i JOIN money m ON m.row = i.row", f"i.run = ? AND {mine}", [run, *scope]
    if since is not None:
        wanted, values = f"m.at >= ? AND m.kind <> 'credit' AND m.digits > 0 AND {wanted}", [since, *values]
    query = (
        "SELECT m.currency, m.kind, m.exponent, SUM(m.digits / 1000000000), SUM(m.digits % 1000000000), MAX(m.digits) "
        f"FROM {joined} WHERE {wanted} GROUP BY m.currency, m.kind, m.exponent"
    )
    paid: dict[str, Decimal] = {}
    highest: dict[str, Decimal] = {}
    for currency, kind, exponent, billions, rest, most in connection.execute(query, values):
        amount = Decimal(billions * 10**9 + rest).scaleb(exponent)
        paid[currency] = paid.get(currency, Decimal(0)) + (-amount if kind == "credit" else amount)
        if kind == "fee":
            highest[currency] = max(highest.get(currency, Decimal(0)), Decimal(most).scaleb(exponent))
    of_run: tuple[Any, ...]
    part, of_run = (
        ("", ()) if run is None else (" AND EXISTS (SELECT 1 FROM inputs i WHERE i.run = ? AND i.row = r.id)", (run,))
    )
    part, of_part = (part, of_run) if since is None else (f"{part} AND r.sent_at >= ?", (*of_run, since))
    count: Callable[[str], int] = lambda test: connection.execute(  # noqa: E731
        f"SELECT COUNT(*) FROM rows r WHERE {test} AND r.account = ? AND r.operation = ?{part}", (*scope, *of_part)
    ).fetchone()[0]
    return Spent(
        paid=paid,
        highest=highest,
        unpriced=count("r.state = 'done' AND r.fee IS NULL"),
        in_doubt=count("r.state IN ('unknown', 'sent')"),
    )
