"""The store of a job in a SQLite file."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from ..._clock import Clock
from ..._models.digest import canonical, digest_of
from ..._models.jsonio import is_array, is_object, loads
from ..._models.money import Money
from ..rows import AccountKey, State, history_entry
from ..store import BY_JOB, Ending, Entry, PendingRow, Problem, Store
from .transitions import Change, prepare
from .writer import Writer

if TYPE_CHECKING:
    from typing_extensions import Self

_HAS_JSON = sqlite3.sqlite_version_info >= (3, 38)
_ROWS_A_STATEMENT = 200


class SqliteStore(Store):
    """The rows of one account and operation in a SQLite file; made by `SqliteStore.open`.

    All SQL runs in the journal's writing thread.
    """

    def __init__(self, writer: Writer, key: AccountKey, clock: Clock) -> None:
        self._writer = writer
        self._key = key
        self._clock = clock
        self._account = 0
        self._last_run = 0
        self._leftover = 0

    @classmethod
    async def open(cls, path: Path, key: AccountKey, clock: Clock) -> Self:
        """Open a journal's file, made if it isn't there; what is found as sent is put in doubt.

        Raises:
            JournalError: the journal is in use, or can't be opened.
        """
        opening = asyncio.ensure_future(asyncio.to_thread(Writer, path))
        try:
            store = cls(await asyncio.shield(opening), key, clock)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_unused)
            raise
        try:
            await store._begin()
        except BaseException:
            await store.close()
            raise
        return store

    @property
    def leftover(self) -> int:
        return self._leftover

    def close_soon(self) -> None:
        self._writer.end()

    async def close(self) -> None:
        await self._writer.close()

    async def _begin(self) -> None:
        """Find or make the account, and put what was left as sent in doubt."""

        def work(connection: sqlite3.Connection) -> int:
            prepare(connection)
            values = attrs.astuple(self._key)
            connection.execute(
                "INSERT INTO accounts (vendor, name, base_url, fingerprint, user_id, operation) VALUES (?, ?, ?, ?, ?, ?) "
                "ON CONFLICT (vendor, base_url, fingerprint, user_id, operation) DO UPDATE SET name = excluded.name",
                values,
            )
            self._account = connection.execute(
                "SELECT id FROM accounts WHERE vendor = ? AND base_url = ? AND fingerprint = ? AND user_id = ? AND operation = ?",
                (values[0], *values[2:]),
            ).fetchone()[0]
            self._last_run = connection.execute("SELECT COALESCE(MAX(run), 0) FROM rows").fetchone()[0]
            connection.execute(
                "CREATE TEMP TABLE staged (position INTEGER, reference TEXT, derived INTEGER, body TEXT)"
            )
            line = history_entry(
                self._clock.now(), "unknown", BY_JOB, "found as sent: the job had ended before its reply"
            )
            return connection.execute(
                "UPDATE rows SET state = 'unknown', error = 'the job ended before its reply came', history = history || ? "
                "WHERE account = ? AND state = 'sent'",
                (line, self._account),
            ).rowcount

        self._leftover = await self._writer.submit(work)

    async def totals(self) -> tuple[dict[str, Decimal], Decimal | None, int]:
        def work(connection: sqlite3.Connection) -> tuple[dict[str, Decimal], Decimal | None, int]:
            sums: dict[str, Decimal] = {}
            highest: Decimal | None = None
            query = "SELECT fee, currency FROM rows WHERE account = ? AND state IN ('done', 'void') AND fee IS NOT NULL"
            for fee, currency in connection.execute(query, (self._account,)):
                sums[currency] = sums.get(currency, Decimal(0)) + Decimal(fee)
                highest = max(highest or Decimal(fee), Decimal(fee))
            query = "SELECT COUNT(*) FROM rows WHERE account = ? AND state = 'unknown'"
            return sums, highest, connection.execute(query, (self._account,)).fetchone()[0]

        return await self._writer.submit(work)

    # --- the input ---

    def begin_run(self) -> int:
        self._last_run += 1
        return self._last_run

    def stage(self, entries: Sequence[Entry]) -> asyncio.Future[None]:
        return self._writer.submit(lambda connection: _stage(connection, entries))

    async def clear_staged(self) -> None:
        await self._writer.submit(lambda connection: connection.execute("DELETE FROM staged"))

    async def admit_staged(self, run: int, *, retry_refused: bool, most_problems: int) -> list[Problem]:
        def work(connection: sqlite3.Connection) -> list[Problem]:
            problems: list[Problem] = []
            if self._all_are_new(connection):
                self._admit_all(connection, run)
                return problems
            connection.execute("SAVEPOINT input")
            query = "SELECT position, reference, derived, body FROM staged ORDER BY rowid"
            for position, reference, derived, body in connection.execute(query):
                entry = Entry(position, reference, bool(derived), body)
                problem = self._admit(connection, entry, run, retry_refused)
                if problem is not None and len(problems) < most_problems:
                    problems.append(problem)
            if problems:
                connection.execute("ROLLBACK TO input")
            connection.execute("RELEASE input")
            connection.execute("DELETE FROM staged")
            return problems

        return await self._writer.submit(work)

    def _all_are_new(self, connection: sqlite3.Connection) -> bool:
        """Whether nothing that was put aside is known, or there twice."""
        found = connection.execute(
            "SELECT NOT EXISTS (SELECT 1 FROM staged s JOIN rows r ON r.account = ? AND r.reference = s.reference) "
            "AND (SELECT COUNT(DISTINCT reference) = COUNT(*) FROM staged)",
            (self._account,),
        )
        return bool(found.fetchone()[0])

    def _admit_all(self, connection: sqlite3.Connection, run: int) -> None:
        line = history_entry(self._clock.now(), "pending", BY_JOB)
        connection.execute(
            "INSERT INTO rows (account, reference, state, run, position, history) "
            "SELECT ?, reference, 'pending', ?, position, ? FROM staged ORDER BY rowid",
            (self._account, run, line),
        )
        connection.execute(
            "INSERT INTO bodies (row, body) SELECT r.id, s.body FROM staged s JOIN rows r "
            "ON r.account = ? AND r.reference = s.reference ORDER BY s.rowid",
            (self._account,),
        )
        connection.execute("DELETE FROM staged")

    async def admit(self, entries: Sequence[Entry], run: int, *, retry_refused: bool) -> list[PendingRow | Problem]:
        def admitted(connection: sqlite3.Connection, entry: Entry) -> PendingRow | Problem:
            problem = self._admit(connection, entry, run, retry_refused)
            return problem or self._found(connection, "r.reference = ?", (entry.reference,))[0]

        return await self._writer.submit(lambda connection: [admitted(connection, entry) for entry in entries])

    def _admit(self, connection: sqlite3.Connection, entry: Entry, run: int, retry_refused: bool) -> Problem | None:
        row = connection.execute(
            "SELECT r.id, r.state, r.run, r.position, r.digest, r.order_id, b.body FROM rows r "
            "LEFT JOIN bodies b ON b.row = r.id WHERE r.account = ? AND r.reference = ?",
            (self._account, entry.reference),
        ).fetchone()
        if row is not None:
            return self._admit_again(connection, entry, run, row, retry_refused)
        cursor = connection.execute(
            "INSERT INTO rows (account, reference, state, run, position, history) VALUES (?, ?, 'pending', ?, ?, ?)",
            (self._account, entry.reference, run, entry.position, history_entry(self._clock.now(), "pending", BY_JOB)),
        )
        connection.execute("INSERT INTO bodies (row, body) VALUES (?, ?)", (cursor.lastrowid, entry.body))
        return None

    def _admit_again(
        self, connection: sqlite3.Connection, entry: Entry, run: int, row: tuple[Any, ...], retry_refused: bool
    ) -> Problem | None:
        row_id, state, row_run, position, digest, order_id, body = row
        same = _same(entry.body, body, digest)
        if run and row_run == run:
            if same and not entry.derived:
                return None
            what = "the same booking as" if same else "another booking under the reference of"
            return Problem(entry.position, entry.reference, f"{what} number {position + 1} of this input")
        if not same and state not in ("pending", "refused"):
            named = f"order id {order_id}, " if order_id else ""
            fields = ", ".join(differing(body, entry.body)) or "its body"
            text = f"the journal has another booking under this reference ({named}{state}); different: {fields}"
            return Problem(entry.position, entry.reference, text)
        if run:
            connection.execute("UPDATE rows SET run = ?, position = ? WHERE id = ?", (run, entry.position, row_id))
        if not same:
            self._renew(connection, row_id, entry.body, body)
        elif state == "refused" and retry_refused:
            self._renew(connection, row_id, entry.body, None)
        return None

    def _renew(self, connection: sqlite3.Connection, row_id: int, body: str, old: str | None) -> None:
        line = history_entry(self._clock.now(), "pending", BY_JOB, "fed again", body=old and json.loads(old))
        connection.execute("INSERT OR REPLACE INTO bodies (row, body) VALUES (?, ?)", (row_id, body))
        connection.execute("DELETE FROM replies WHERE row = ?", (row_id,))
        connection.execute(
            "UPDATE rows SET state = 'pending', error = NULL, digest = NULL, history = history || ? WHERE id = ?",
            (line, row_id),
        )

    async def take_unfinished(self, run: int) -> None:
        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE rows SET run = ? WHERE account = ? AND state IN ('pending', 'unknown')", (run, self._account)
            )

        await self._writer.submit(work)

    async def page(self, run: int, after: int, size: int) -> list[PendingRow]:
        return await self._rows("r.run = ? AND r.id > ? ORDER BY r.id LIMIT ?", (run, after, size))

    async def find(self, reference: str) -> PendingRow:
        return (await self._rows("r.reference = ?", (reference,)))[0]

    async def reply(self, reference: str) -> str | None:
        query = "SELECT p.reply FROM rows r JOIN replies p ON p.row = r.id WHERE r.account = ? AND r.reference = ?"

        def work(connection: sqlite3.Connection) -> str | None:
            found = connection.execute(query, (self._account, reference)).fetchone()
            return None if found is None else found[0]

        return await self._writer.submit(work)

    async def recorded(self, references: Sequence[str]) -> dict[str, tuple[State, str | None]]:
        marks = ", ".join("?" * len(references))
        query = f"SELECT reference, state, error FROM rows WHERE account = ? AND reference IN ({marks})"

        def work(connection: sqlite3.Connection) -> dict[str, tuple[State, str | None]]:
            found = connection.execute(query, (self._account, *references))
            return {reference: (state, error) for reference, state, error in found}

        return await self._writer.submit(work)

    async def count(self, run: int, state: State) -> int:
        query = "SELECT COUNT(*) FROM rows WHERE account = ? AND run = ? AND state = ?"
        values = (self._account, run, state)
        return await self._writer.submit(lambda connection: connection.execute(query, values).fetchone()[0])

    async def _rows(self, test: str, values: Sequence[Any]) -> list[PendingRow]:
        return await self._writer.submit(lambda connection: self._found(connection, test, values))

    def _found(self, connection: sqlite3.Connection, test: str, values: Sequence[Any]) -> list[PendingRow]:
        query = (
            "SELECT r.id, r.position, r.reference, r.state, b.body, r.order_id, r.fee, r.currency, r.error, r.tracking "
            f"FROM rows r LEFT JOIN bodies b ON b.row = r.id WHERE r.account = ? AND {test}"
        )
        values = (self._account, *values)
        if not _HAS_JSON:
            return [_row(*found) for found in connection.execute(query, values)]
        # All rows in one step: see `changes`.
        names = ", ".join(f"c{index}" for index in range(10))
        whole = f"WITH found({names}) AS ({query}) SELECT json_group_array(json_array({names})) FROM found"
        return [_row(*found) for found in loads(connection.execute(whole, values).fetchone()[0].encode())]

    # --- one booking ---

    def sent(self, row: PendingRow) -> asyncio.Future[None]:
        now = self._clock.now()
        line = history_entry(now, "sent", BY_JOB)
        return self._writer.submit_change(Change(row.id, row.reference, "pending", "sent", "sent", now, line))

    def requeued(self, row: PendingRow, why: str) -> asyncio.Future[None]:
        line = history_entry(self._clock.now(), "pending", BY_JOB, why)
        change = Change(row.id, row.reference, "sent", "pending", "requeued", None, line, error=why)
        return self._writer.submit_change(change)

    def ended(self, row: PendingRow, come_from: State, ending: Ending) -> asyncio.Future[None]:
        now, fee = self._clock.now(), ending.fee
        change = Change(
            row=row.id,
            reference=row.reference,
            come_from=come_from,
            state=ending.state,
            kind="ended",
            at=now if ending.state in ("done", "refused") else None,
            line=history_entry(now, ending.state, ending.by, ending.note),
            error=ending.error,
            order_id=ending.order_id,
            fee=None if fee is None else format(fee.amount, "f"),
            currency=None if fee is None else fee.currency,
            tracking=" ".join(ending.tracking) or None,
            request_id=ending.request_id,
            reply=ending.reply,
        )
        return self._writer.submit_change(change)


def _close_unused(opening: asyncio.Future[Writer]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().end()


def _stage(connection: sqlite3.Connection, entries: Sequence[Entry]) -> None:
    for start in range(0, len(entries), _ROWS_A_STATEMENT):
        part = entries[start : start + _ROWS_A_STATEMENT]
        values = [value for entry in part for value in (entry.position, entry.reference, entry.derived, entry.body)]
        connection.execute(f"INSERT INTO staged VALUES {', '.join(['(?, ?, ?, ?)'] * len(part))}", values)


def _row(
    row_id: int,
    position: int,
    reference: str,
    state: State,
    body: str | None,
    order_id: str | None,
    fee: str | None,
    currency: str | None,
    error: str | None,
    tracking: str | None,
) -> PendingRow:
    money = None if fee is None or currency is None else Money(amount=Decimal(fee), currency=currency)
    return PendingRow(row_id, position, reference, state, body, order_id, money, error, tuple((tracking or "").split()))


def _same(new: str, old: str | None, digest: str | None) -> bool:
    if old is None:
        return digest is not None and digest == digest_of(json.loads(new))
    return new == old or canonical(json.loads(new)) == canonical(json.loads(old))


def differing(old: str | None, new: str) -> list[str]:
    """The dotted names of the members in which two bodies differ."""
    return [] if old is None else _differing(json.loads(old), json.loads(new), "")


def _differing(old: Any, new: Any, path: str) -> list[str]:
    if is_object(old) and is_object(new):
        names = dict.fromkeys([*old, *new])
        return [
            found for name in names for found in _differing(old.get(name), new.get(name), f"{path}.{name}".lstrip("."))
        ]
    if is_array(old) and is_array(new) and len(old) == len(new):
        pairs = enumerate(zip(old, new, strict=True))
        return [found for index, (one, other) in pairs for found in _differing(one, other, f"{path}[{index}]")]
    return [] if old == new else [path]
