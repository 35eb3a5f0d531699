"""The store of a job in a SQL database: everything but how it is opened, and who is alive."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Collection, Sequence
from decimal import Decimal
from typing import Any, Final, TypeVar, cast

import attrs

from ..._clock import Clock
from ..._errors import JournalError, RequestError
from ..._models.jsonio import loads
from ..identity import AccountKey, key_of, normal_reference, parcel_keys
from ..rows import STATES, State
from ..store import MOVES, Ending, Entry, LeaseLostError, PendingRow, Problem, Release, SpendCheck, Spent, Store
from .admitting import PARCEL_SECONDS, Page, drop_rows, held_now, pending_row, renew
from .changes import Change, Mover
from .connection import HIDDEN, STATES_OF_RUN, Connection, next_id
from .owners import Owner
from .writer import GroupThread

StoreT = TypeVar("StoreT", bound=Store)

_PAGE: Final = 5_000
_COLUMNS: Final = (
    "r.id, r.version, {position}, r.reference, r.shipment, r.state, b.body, r.order_id, r.fee, r.currency, r.error, "
    "r.tracking, r.sent_at"
)


class _RefusedError(Exception):
    """Undoes the work that raises it."""


@attrs.frozen
class Opened:
    """What a store has once it is open: who it is, and how many rows it put in doubt."""

    mover: Mover
    leftover: int


class SqlStore(Store):
    """The rows of one account and operation.

    All SQL runs in the writer's thread. What is submitted to it to bring rows in, or to let them wait again, is alone in doing so in
    the whole journal.

    Args:
        name: what errors call the journal.
    """

    def __init__(self, writer: GroupThread, name: str, key: AccountKey, clock: Clock, opened: Opened) -> None:
        self._writer = writer
        self._name = name
        self._key = key
        self._clock = clock
        self._mover = opened.mover
        self._scope = opened.mover.scope
        self._leftover = opened.leftover
        self._unreleased: frozenset[int] = frozenset()
        self._running: frozenset[int] = frozenset()

    # --- who is alive ---

    def _living_runs(self, connection: Connection) -> Collection[int]:
        """The runs of this account that are under way."""
        return self._running

    def _spared_runs(self, connection: Connection) -> Collection[int]:
        """The runs of this account that are under way, or may be at a process that was taken for dead and still counts its bookings."""
        return self._living_runs(connection)

    def _taking_in(self, connection: Connection) -> Collection[int]:
        """The runs that are taking their input in just now, so that their rows count though they are hidden."""
        return self._unreleased

    def _be_alone(self, connection: Connection) -> None:
        """Let nobody else bring rows in until the transaction has ended, if somebody else may."""

    @property
    def leftover(self) -> int:
        return self._leftover

    def close_soon(self) -> None:
        self._writer.end()

    async def close(self) -> None:
        await self._writer.close()

    # --- the input ---

    async def begin_run(self, *, released: bool, about: str | None = None) -> int:
        while await self._writer.submit(self._sweep):
            pass
        run = await self._writer.submit(lambda connection: self._begin(connection, released, about))
        self._running |= {run}
        if not released:
            self._unreleased |= {run}
        return run

    def _begin(self, connection: Connection, released: bool, about: str | None) -> int:
        now, owner, run = self._clock.now(), Owner.this_process(), next_id(connection, "runs")
        values = (run, *self._scope, now, now if released else None, owner.host, owner.pid, about)
        query = "INSERT INTO runs (id, account, operation, began, released, host, pid, about) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        connection.execute(query, values)
        return run

    def _sweep(self, connection: Connection) -> bool:
        """Remove a page of what runs that have ended left behind, and of parcels that are old enough; whether there is more."""
        return _sweep_run(connection, self._scope[0], self._spared_runs(connection)) or _forget_parcels(
            connection, self._clock.now()
        )

    def admit(
        self, entries: Sequence[Entry], run: int, *, retry_refused: bool
    ) -> asyncio.Future[list[PendingRow | Problem]]:
        def work(connection: Connection) -> list[PendingRow | Problem]:
            page = Page(
                connection,
                self._key,
                self._scope,
                self._clock.now(),
                run,
                released=run not in self._unreleased,
                retry_refused=retry_refused,
                living=self._taking_in(connection),
            )
            return page.admit(entries)

        return self._writer.submit(work, rows=max(1, len(entries)))

    async def release(self, *releases: Release) -> None:
        ours = [(one, cast("SqlStore", one.store)) for one in releases]

        def work(connection: Connection) -> None:
            for one, store in ours:
                one.problems[:] = store._renew_all(connection, one.run)
            if any(one.problems for one in releases):
                raise _RefusedError
            for one, store in ours:
                store._count_in(connection, one)

        try:  # what is new needs no lock, however long ``then`` takes: it is there already, and others know it
            await self._writer.submit(work, rows=0)
        except _RefusedError:
            return
        for one, store in ours:
            store._unreleased -= {one.run}

    def _count_in(self, connection: Connection, release: Release) -> None:
        if release.run not in self._living_runs(connection):  # another one's writer doesn't look at our lease
            why = "this worker lost its lease"
            raise LeaseLostError(f"{self._name}: {why}: nothing more is begun; start it again")
        connection.execute("UPDATE runs SET released = ? WHERE id = ?", (self._clock.now(), release.run))
        if release.then is not None:
            release.then(connection, release.run)

    def _renew_all(self, connection: Connection, run: int) -> list[Problem]:
        """Give the rows that this input changes their new bodies."""
        now, problems, last = self._clock.now(), list[Problem](), 0
        query = (
            f"SELECT {_COLUMNS.format(position='i.position')}, i.version, i.body, i.allowed FROM inputs i JOIN rows r ON r.id = i.row "
            "LEFT JOIN bodies b ON b.row = r.id WHERE i.run = ? AND i.version IS NOT NULL AND i.row > ? ORDER BY i.row LIMIT 256"
        )
        while found := connection.execute(query, (run, last)).fetchall():
            self._be_alone(connection)
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

        def end(connection: Connection) -> None:  # in one go: who is cancelled in between would leave it under way
            query = "UPDATE runs SET ended = ?, summary = ? WHERE id = ?"
            connection.execute(query, (now, _summary(connection, self._scope, run), run))

        await self._writer.submit(end)

    async def take_unfinished(self, run: int) -> None:
        def work(connection: Connection) -> None:
            others = [living for living in self._living_runs(connection) if living != run]
            query = (
                "INSERT INTO inputs SELECT ?, id, 0, 0, 0, NULL, NULL FROM rows WHERE state IN ('pending', 'unknown') "
                f"AND account = ? AND operation = ? AND run NOT IN {HIDDEN} AND id NOT IN "
                f"(SELECT row FROM inputs WHERE run IN ({', '.join('?' * len(others)) or 'NULL'})) ON CONFLICT DO NOTHING"
            )
            connection.execute(query, (run, *self._scope, *others))

        await self._writer.submit(work)

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
            raise JournalError(f"{self._name}: no row has it", reference=reference)
        return found[0]

    async def rows(self, numbers: Sequence[int]) -> list[PendingRow]:
        query = (
            f"SELECT {_COLUMNS.format(position='0')} FROM rows r LEFT JOIN bodies b ON b.row = r.id "
            f"WHERE r.id IN ({', '.join('?' * len(numbers)) or 'NULL'}) AND r.account = ? AND r.operation = ? "
            f"AND r.run NOT IN {HIDDEN} ORDER BY r.id"
        )
        return await self._rows(query, (*numbers, *self._scope))

    async def _rows(self, query: str, values: Sequence[Any]) -> list[PendingRow]:
        return [pending_row(found) for found in await self._fetched(query, values)]

    def _fetched(self, query: str, values: Sequence[Any]) -> asyncio.Future[list[Any]]:
        return self._writer.submit_reading(lambda connection: connection.execute(query, values).fetchall())

    async def reply(self, row: PendingRow) -> str | None:
        found = await self._fetched("SELECT reply FROM replies WHERE row = ?", (row.id,))
        return found[0][0] if found else None

    async def recorded(self, references: Sequence[str], shipment: int = 1) -> dict[str, tuple[State, str | None]]:
        asked: dict[str, str] = {}
        for reference in references:
            try:
                asked[reference] = normal_reference(reference)
            except RequestError:  # no row can have it
                if not isinstance(reference, str):  # pyright: ignore[reportUnnecessaryIsInstance]
                    raise
        if not asked:
            return {}
        query = (
            "SELECT reference, state, error FROM rows WHERE account = ? AND operation = ? AND shipment = ? AND reference_key IN "
            f"({', '.join('?' * len(asked))}) AND run NOT IN {HIDDEN}"
        )
        keys = [key_of("reference", known) for known in asked.values()]
        rows = {
            known: (state, error) for known, state, error in await self._fetched(query, (*self._scope, shipment, *keys))
        }
        return {reference: rows[known] for reference, known in asked.items() if known in rows}

    async def counts(self, run: int) -> dict[State, int]:
        found = dict(await self._fetched(STATES_OF_RUN, (run,)))
        return {state: found.get(state, 0) for state in STATES}

    async def spent(self, *, run: int | None = None, since: float | None = None) -> Spent:
        return await self._writer.submit_reading(lambda connection: spent_of(connection, self._scope, run, since))

    # --- one booking ---

    def sent(self, row: PendingRow, checks: tuple[SpendCheck, ...] = ()) -> asyncio.Future[PendingRow]:
        return self._moved(row, "sent", None, checks)

    def ended(self, row: PendingRow, ending: Ending) -> asyncio.Future[PendingRow]:
        return self._moved(row, ending.state, ending)

    def _moved(
        self, row: PendingRow, state: State, ending: Ending | None, checks: tuple[SpendCheck, ...] = ()
    ) -> asyncio.Future[PendingRow]:
        if state not in MOVES.get(row.state, ()):
            raise JournalError(f"a job can't make {row.state} into {state}", reference=row.reference)
        writer = self._writer
        return writer.put(Change(writer.loop(), row, self._mover, self._clock.now(), ending, checks))


# --- pieces of work ----------------------------------------------------------------------------------------------------


def _summary(connection: Connection, scope: tuple[int, int], run: int) -> str | None:
    """How the input of a run stands at its end, and what was paid for it meanwhile; None: it never counted."""
    began, released = connection.execute("SELECT began, released FROM runs WHERE id = ?", (run,)).fetchone()
    if released is None:
        return None
    counts = dict(connection.execute(STATES_OF_RUN, (run,)).fetchall())
    paid = spent_of(connection, scope, run, began).paid
    return json.dumps({"counts": counts, "fees": {currency: format(paid[currency], "f") for currency in sorted(paid)}})


def _sweep_run(connection: Connection, account: int, living: Collection[int]) -> bool:
    query = "SELECT id, released FROM runs r WHERE account = ? AND (released IS NULL OR EXISTS (SELECT 1 FROM inputs WHERE run = r.id))"
    for run, released in connection.execute(query, (account,)).fetchall():
        if run in living:
            continue
        query = "SELECT COUNT(*), MAX(row) FROM (SELECT row FROM inputs WHERE run = ? ORDER BY row LIMIT ?) AS page"
        count, last = connection.execute(query, (run, _PAGE)).fetchone()
        if released is not None:
            connection.execute("DELETE FROM inputs WHERE run = ? AND row <= ?", (run, last))
        elif count:
            drop_rows(connection, run, 0, last)
        else:
            connection.execute("DELETE FROM runs WHERE id = ?", (run,))
        return True
    return False


def _forget_parcels(connection: Connection, now: float) -> bool:
    """Erase the digests of receivers that nothing is held against any more."""
    query = (  # in such words that either database goes by the time, and not through all that is done
        "UPDATE rows SET parcel_key = NULL WHERE id IN (SELECT id FROM rows WHERE parcel_key IS NOT NULL AND at < ? "
        "AND COALESCE(sent_at, at) < ? AND state NOT IN ('pending', 'sent', 'unknown') ORDER BY at LIMIT ?)"
    )
    return connection.execute(query, (now - PARCEL_SECONDS, now - PARCEL_SECONDS, _PAGE)).rowcount == _PAGE


def spent_of(connection: Connection, scope: tuple[int, int], run: int | None, since: float | None) -> Spent:
    """What was paid of (account, operation); see `Store.spent`.

    One statement, so that a booking that others end meanwhile is seen either under way or paid.
    """
    mine = "m.account = ? AND m.operation = ?"
    joined, wanted, values = "money m", mine, list[Any](scope)
    if run is not None:
        joined, wanted, values = "inputs i JOIN money m ON m.row = i.row", f"i.run = ? AND {mine}", [run, *scope]
    part, of_part = "r.account = ? AND r.operation = ?", list[Any](scope)
    if run is not None:
        part += " AND EXISTS (SELECT 1 FROM inputs i WHERE i.run = ? AND i.row = r.id)"
        of_part.append(run)
    if since is not None:
        wanted, values = f"m.at >= ? AND m.kind <> 'credit' AND m.digits > 0 AND {wanted}", [since, *values]
        part += " AND r.sent_at >= ?"
        of_part.append(since)
    query = (
        "SELECT m.currency, m.kind, m.exponent, SUM(m.digits / 1000000000), SUM(m.digits % 1000000000), MAX(m.digits) "
        f"FROM {joined} WHERE {wanted} GROUP BY m.currency, m.kind, m.exponent UNION ALL "
        f"SELECT NULL, 'unpriced', 0, 0, COUNT(*), 0 FROM rows r WHERE r.state = 'done' AND r.fee IS NULL AND {part} UNION ALL "
        f"SELECT NULL, 'in doubt', 0, 0, COUNT(*), 0 FROM rows r WHERE r.state IN ('unknown', 'sent') AND {part}"
    )
    paid: dict[str, Decimal] = {}
    highest: dict[str, Decimal] = {}
    counts: dict[str, int] = {}
    for currency, kind, exponent, billions, rest, most in connection.execute(query, (*values, *of_part, *of_part)):
        if currency is None:
            counts[kind] = int(rest)
            continue
        amount = Decimal(int(billions) * 10**9 + int(rest)).scaleb(exponent)
        paid[currency] = paid.get(currency, Decimal(0)) + (-amount if kind == "credit" else amount)
        if kind == "fee":
            highest[currency] = max(highest.get(currency, Decimal(0)), Decimal(most).scaleb(exponent))
    return Spent(paid=paid, highest=highest, unpriced=counts["unpriced"], in_doubt=counts["in doubt"])


async def opened_in_thread(opening: Callable[..., StoreT], *args: Any) -> StoreT:
    """What a function opens in a thread. Who is cancelled meanwhile leaves nothing open, also if all tasks are cancelled at once."""
    opened: list[StoreT] = []
    left = False

    def open_store() -> StoreT:
        opened.append(store := opening(*args))
        if left:
            store.close_soon()
        return store

    task = asyncio.ensure_future(asyncio.to_thread(open_store))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        left = True
        task.add_done_callback(lambda _: task.cancelled() or task.exception())
        for store in opened:
            store.close_soon()
        raise
