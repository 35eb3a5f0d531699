"""The durable record of a booking job: one row a booking, in SQLite.

Bodies hold receivers' data (a resume needs them), so the file's mode is 0600, and `Journal.forget_before` erases them.
Credentials are never stored: an account is told from another by the fingerprint of its access key.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

import attrs

from .._errors import JournalError, suggestion
from .._models.digest import digest_of
from .._models.money import Money
from .rows import ROW_COLUMNS, STATES, JournalRow, State, history_entry, line_of, row_of
from .sqlite.lock import FileLock
from .sqlite.schema import open_file

if TYPE_CHECKING:
    from typing_extensions import Self

_PAGE = 256
_BY_HAND: Final[dict[State, tuple[State, ...]]] = {
    "unknown": ("done", "pending"),
    "refused": ("done", "pending"),
    "done": ("void",),
}
"""What a person may settle, from which state to which."""


@attrs.frozen
class Settlement:
    """What a person found out of one booking; see `Journal.settle`."""

    reference: str
    state: State
    order_id: str | None = None
    fee: Money | None = None
    tracking: tuple[str, ...] = ()
    account: str | None = None
    note: str | None = None
    """Why, if not what is said for all that are settled together."""


class Journal:
    """A journal on disk, to be read, and settled by hand. Reading is allowed while a job runs.

    Made by `Journal.open`; close it, or use it as a context manager.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Self:
        """Open an existing journal.

        Raises:
            JournalError: there is none, or the file is something else, or damaged. It is not changed.
        """
        file = Path(path)
        return cls(file, open_file(file, create=False))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. Idempotent."""
        self._connection.close()

    # --- reading ---

    def get(self, reference: str, *, account: str | None = None) -> JournalRow:
        """The row of a reference.

        Args:
            reference: the caller's reference.
            account: the account's name, needed if several accounts have the reference.

        Raises:
            JournalError: there is none, or there are several.
        """
        found = [row for row in self._select("r.reference = ?", (reference,)) if account in (None, row.account)]
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(f"{row.account} ({row.operation})" for row in found)
            raise JournalError(f"{self.path}: several rows have it: {names}; name the account", reference=reference)
        raise JournalError(f"{self.path}: no row has it", reference=reference)

    def rows(
        self,
        *,
        state: State | None = None,
        account: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[JournalRow]:
        """The rows, in the order they came; ``since`` and ``until`` bound the time of the last sending.

        Raises:
            JournalError: an unknown state.
        """
        if state is not None and state not in STATES:
            raise JournalError(f"there is no state {state!r}{suggestion(state, STATES)}")
        tests: dict[str, Any] = {
            "r.state = ?": state,
            "a.name = ?": account,
            "r.sent_at >= ?": since and since.timestamp(),
            "r.sent_at < ?": until and until.timestamp(),
        }
        given = {test: value for test, value in tests.items() if value is not None}
        return self._select(" AND ".join(given) or "1", tuple(given.values()))

    def fees(self, *, since: datetime | None = None, until: datetime | None = None) -> dict[tuple[str, str], Decimal]:
        """What was paid for the bookings that are done: sums per (account, currency)."""
        sums: dict[tuple[str, str], Decimal] = {}
        for row in self.rows(state="done", since=since, until=until):
            if row.fee is not None:
                key = (row.account, row.fee.currency)
                sums[key] = sums.get(key, Decimal(0)) + row.fee.amount
        return sums

    def counts(self) -> dict[State, int]:
        """How many rows are in each state."""
        found = dict(self._read("SELECT state, COUNT(*) FROM rows GROUP BY state", ()))
        return {state: found.get(state, 0) for state in STATES}

    def _select(self, test: str, values: Sequence[Any]) -> Iterator[JournalRow]:
        query = (
            f"SELECT {ROW_COLUMNS} FROM rows r JOIN accounts a ON a.id = r.account LEFT JOIN bodies b ON b.row = r.id "
            f"LEFT JOIN replies p ON p.row = r.id WHERE {test} ORDER BY r.id"
        )
        return map(row_of, self._read(query, values))

    def _read(self, query: str, values: Sequence[Any]) -> Iterator[Any]:
        try:
            yield from self._connection.execute(query, values)
        except sqlite3.Error as error:
            raise JournalError(f"{self.path}: can't be read: {error}") from None

    # --- by hand ---

    def settle(
        self,
        reference: str,
        state: State,
        *,
        by: str,
        note: str,
        order_id: str | None = None,
        fee: Money | None = None,
        tracking: Sequence[str] = (),
        account: str | None = None,
    ) -> JournalRow:
        """Settle a booking by hand: what a person found out at the vendor.

        An unknown or refused one becomes ``done``, or ``pending`` (a job will send it again); a done one ``void`` (cancelled).

        Args:
            reference: the booking.
            state: what it becomes.
            by: who says so.
            note: why.
            order_id, fee, tracking: what the vendor shows, for ``done``.
            account: the account's name, needed if several accounts have the reference.

        Raises:
            JournalError: no such row, not allowed, or a job is running.
        """
        return self.settle_all(
            [Settlement(reference, state, order_id, fee, tuple(tracking), account)], by=by, note=note
        )[0]

    def settle_all(self, settlements: Sequence[Settlement], *, by: str, note: str) -> list[JournalRow]:
        """Settle several bookings, all or none; see `settle`."""
        if not by.strip():
            raise JournalError("who settles a booking must be named")
        with FileLock(self.path):
            rows = [self._checked(settlement) for settlement in settlements]
            try:
                with self._connection:
                    self._connection.execute("BEGIN IMMEDIATE")
                    for row, settlement in zip(rows, settlements, strict=True):
                        self._settle(row, settlement, by, settlement.note or note)
            except sqlite3.Error as error:
                raise JournalError(f"{self.path}: nothing was settled: {error}") from None
        return [next(self._select("r.id = ?", (row.id,))) for row in rows]

    def _checked(self, settlement: Settlement) -> JournalRow:
        row = self.get(settlement.reference, account=settlement.account)
        refusal = self.why_not(row, settlement.state)
        if refusal:
            raise JournalError(refusal, reference=row.reference)
        return row

    def why_not(self, row: JournalRow, state: State) -> str | None:
        """Why a person can't bring a row into a state; None: it is allowed."""
        allowed = _BY_HAND.get(row.state, ())
        if state not in allowed:
            return f"it is {row.state}, and can become {' or '.join(allowed) or 'nothing else'} by hand"
        if state == "pending" and row.body is None:
            return "its body was erased, so it can't be sent again: feed it again"
        return None

    def _settle(self, row: JournalRow, settlement: Settlement, by: str, note: str) -> None:
        now = datetime.now(timezone.utc).timestamp()
        done = settlement.state == "done"
        self._connection.execute(
            "UPDATE rows SET state = ?, settled_by = ?, note = ?, error = CASE WHEN ? THEN NULL ELSE error END, "
            "order_id = COALESCE(?, order_id), fee = COALESCE(?, fee), currency = COALESCE(?, currency), "
            "tracking = COALESCE(?, tracking), done_at = COALESCE(done_at, CASE WHEN ? THEN ? END), history = history || ? "
            "WHERE id = ? AND state = ?",
            (
                settlement.state,
                by,
                note,
                done,
                settlement.order_id,
                None if settlement.fee is None else format(settlement.fee.amount, "f"),
                None if settlement.fee is None else settlement.fee.currency,
                " ".join(settlement.tracking) or None,
                done,
                now,
                history_entry(now, settlement.state, by, note),
                row.id,
                row.state,
            ),
        )

    def forget_before(self, moment: datetime) -> int:
        """Erase bodies, replies and old bodies of what ended before a moment; reference, digest, order id and fee stay.

        Returns:
            How many rows were erased.

        Raises:
            JournalError: a job is running, or the file can't be written.
        """
        query = (
            "SELECT r.id, b.body, r.history FROM rows r LEFT JOIN bodies b ON b.row = r.id "
            "WHERE r.id > ? AND r.state IN ('done', 'refused', 'void') AND r.done_at < ? AND (b.row IS NOT NULL OR "
            f"EXISTS (SELECT 1 FROM replies p WHERE p.row = r.id)) ORDER BY r.id LIMIT {_PAGE}"
        )
        count = last = 0
        with FileLock(self.path):
            try:
                with self._connection:
                    self._connection.execute("BEGIN IMMEDIATE")
                    while page := self._connection.execute(query, (last, moment.timestamp())).fetchall():
                        for row, body, history in page:
                            self._forget(row, body, history)
                        count, last = count + len(page), page[-1][0]
                self._connection.execute("VACUUM")  # else the text stays readable in free pages
                busy = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            except sqlite3.Error as error:
                raise JournalError(f"{self.path}: could not erase: {error}") from None
        if busy:
            raise JournalError(
                f"{self.path}: it is being read, so erased text may still be in {self.path}-wal: do it again"
            )
        return count

    def _forget(self, row: int, body: str | None, history: str) -> None:
        digest = None if body is None else digest_of(json.loads(body))
        steps = [{**json.loads(line), "body": None} for line in history.splitlines()]
        kept = "".join(line_of(step) for step in steps)
        self._connection.execute("DELETE FROM bodies WHERE row = ?", (row,))
        self._connection.execute("DELETE FROM replies WHERE row = ?", (row,))
        self._connection.execute(
            "UPDATE rows SET digest = COALESCE(?, digest), history = ?, error = NULL WHERE id = ?", (digest, kept, row)
        )
