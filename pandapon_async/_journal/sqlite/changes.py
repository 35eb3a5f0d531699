"""How rows of the journal move: all that wait for it together, or, where one can't be moved, each by itself."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Sequence
from typing import Any, Final, cast

import attrs

from ..._errors import JournalError
from ..._models.money import Money
from ..identity import key_of
from ..rows import history_entry, storable
from ..store import BY_JOB, Ending, PendingRow, RowMovedError

_SET: Final = (
    "UPDATE OR IGNORE rows SET version = version + 1, state = {3}, owner = {4}, history = history || {5}, "
    "sent_at = COALESCE({6}, sent_at), done_at = {7}, error = {8}, order_id = {9}, order_key = {10}, fee = {11}, currency = {12}, "
    "tracking = {13}, request_id = {14}"
)
_WHICH: Final = " WHERE rows.id = {1} AND version = {2}"
_UPDATE: Final = (_SET + _WHICH).format(*(f"?{number}" for number in range(15)))
_UPDATE_MANY: Final = (_SET + " FROM (VALUES %s) c" + _WHICH).format(*(f"c.column{number}" for number in range(15)))
_MANY: Final = sqlite3.sqlite_version_info >= (3, 33)
"""Whether many can be changed in one step. After each step this thread waits until the event loop's gives it the interpreter: one for
each row is a third of a job's rate at a vendor that answers at once."""
_MONEY: Final = "money (row, account, operation, at, kind, digits, exponent, currency, by, note)"
_MOST_VALUES: Final = 999  # what any SQLite lets a statement bind
_OF_THE_ROW: Final = (
    sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError, sqlite3.DataError, ValueError, TypeError,
    OverflowError,
)  # fmt: skip
"""What a value of one change can cause; everything else is about the file."""


MoneyEntered = tuple[int, tuple[int, int], float, str, Money, str, "str | None"]
"""Row, scope, time, kind, amount, by whom, and why."""


@attrs.frozen
class Change:
    """One row's move: to ``sent``, or to an ending.

    ``scope`` is (account, operation); ``owner`` who has it under way.
    """

    row: PendingRow
    scope: tuple[int, int]
    at: float
    owner: int | None = None
    ending: Ending | None = None

    @property
    def is_ending(self) -> bool:
        """Whether it says what became of one that was sent."""
        return self.ending is not None

    @property
    def after(self) -> PendingRow:
        """The row as it is then."""
        row, ending = self.row, self.ending
        known = (row.id, row.version + 1, row.position, row.reference, row.shipment)
        if ending is None:
            return PendingRow(*known, "sent", row.body, row.order_id, row.fee, row.error, row.tracking, self.at)
        told = (ending.order_id, ending.fee, ending.error, ending.tracking)
        return PendingRow(*known, ending.state, row.body, *told, row.sent_at)

    def update(self) -> tuple[Any, ...]:
        """The values of `_UPDATE`."""
        ending = self.ending
        if ending is None:
            line = history_entry(self.at, "sent", BY_JOB)
            return (self.row.id, self.row.version, "sent", self.owner, line, self.at, *[None] * 8)
        fee = storable(ending.fee) if ending.state == "done" else None
        return (
            self.row.id,
            self.row.version,
            ending.state,
            None,
            history_entry(
                self.at, ending.state, ending.by, ending.note or (ending.state == "pending" and ending.error) or None
            ),
            None,
            self.at if ending.state in ("done", "refused") else None,
            ending.error,
            ending.order_id,
            None if ending.order_id is None else order_key(ending.order_id),
            None if fee is None else format(fee.amount, "f"),
            None if fee is None else fee.currency,
            " ".join(ending.tracking) or None,
            ending.request_id,
        )


def order_key(order_id: str) -> int:
    """By what an order id is found."""
    return key_of("order", order_id.strip())


def enter_money(connection: sqlite3.Connection, *entries: MoneyEntered) -> None:
    """Enter dated amounts of bookings."""
    rows: list[tuple[Any, ...]] = []
    for row, scope, at, kind, money, by, note in entries:
        exponent = cast("int", money.amount.as_tuple().exponent)
        rows.append((row, *scope, at, kind, int(money.amount.scaleb(-exponent)), exponent, money.currency, by, note))
    insert_all(connection, _MONEY, rows)


def insert_all(
    connection: sqlite3.Connection, table: str, rows: Sequence[tuple[Any, ...]], how: str = "INSERT"
) -> None:
    """Insert many rows in few steps: after each, this thread waits for the interpreter, which the event loop is using."""
    _done_with_all(connection, f"{how} INTO {table} VALUES %s", rows)


def _done_with_all(connection: sqlite3.Connection, query: str, rows: Sequence[tuple[Any, ...]]) -> int:
    count = 0
    if rows:
        mark, most = f"({', '.join('?' * len(rows[0]))})", _MOST_VALUES // len(rows[0])
        for start in range(0, len(rows), most):
            part = rows[start : start + most]
            values = list(itertools.chain.from_iterable(part))
            count += connection.execute(query % ", ".join([mark] * len(part)), values).rowcount
    return count


def make_all(
    connection: sqlite3.Connection, changes: Sequence[Change]
) -> list[tuple[PendingRow | None, JournalError | None]]:
    """Make changes as the first thing in a transaction; of each, the row as it is then, or why it is left as it was.

    Raises:
        sqlite3.Error: the file can't be written.
    """
    if not changes:
        return []
    try:
        if _updated(connection, [change.update() for change in changes]) == len(changes):
            _add_rest(connection, changes)
            return [(change.after, None) for change in changes]
    except _OF_THE_ROW:
        pass
    connection.execute("ROLLBACK")
    connection.execute("BEGIN IMMEDIATE")
    return [_made(connection, change) for change in changes]


def _updated(connection: sqlite3.Connection, rows: list[tuple[Any, ...]]) -> int:
    if _MANY:
        return _done_with_all(connection, _UPDATE_MANY, rows)
    return connection.executemany(_UPDATE, rows).rowcount


def _made(connection: sqlite3.Connection, change: Change) -> tuple[PendingRow | None, JournalError | None]:
    connection.execute("SAVEPOINT change")
    row: PendingRow | None = None
    error: JournalError | None = None
    try:
        if not connection.execute(_UPDATE, change.update()).rowcount:
            change = _in_doubt(connection, change)
            connection.execute(_UPDATE, change.update())
        _add_rest(connection, [change])
        row = change.after
    except RowMovedError as moved:
        error = moved
    except _OF_THE_ROW as wrong:
        what = f"its end can't be written down: {type(wrong).__name__}"
        error = JournalError(what, reference=change.row.reference)
        connection.execute("ROLLBACK TO change")
    connection.execute("RELEASE change")
    return row, error


def _add_rest(connection: sqlite3.Connection, changes: Sequence[Change]) -> None:
    waiting: list[int] = []
    replies: list[tuple[int, str]] = []
    entries: list[MoneyEntered] = []
    for change in changes:
        ending = change.ending
        if ending is None:
            continue
        if ending.state == "pending":
            waiting.append(change.row.id)
        if ending.reply is not None:
            replies.append((change.row.id, ending.reply))
        fee = storable(ending.fee)
        if ending.state == "done" and fee is not None:
            entries.append((change.row.id, change.scope, change.at, "fee", fee, ending.by, ending.note))
    forget_replies(connection, waiting)
    insert_all(connection, "replies", replies, "INSERT OR REPLACE")
    enter_money(connection, *entries)


def forget_replies(connection: sqlite3.Connection, rows: Sequence[int]) -> None:
    """Forget what the vendor said of rows that wait again: it isn't the reply to their next sending."""
    if rows:
        connection.executemany("DELETE FROM replies WHERE row = ?", [(row,) for row in rows])


def _in_doubt(connection: sqlite3.Connection, change: Change) -> Change:
    """The change of one whose order id belongs to another booking: one of the two replies is not its own."""
    version = connection.execute("SELECT version FROM rows WHERE id = ?", (change.row.id,)).fetchone()
    ending = change.ending
    if version != (change.row.version,) or ending is None or ending.order_id is None:
        raise RowMovedError("its row was changed by somebody else", reference=change.row.reference)
    other = holder_of(connection, change.scope, ending.order_id)
    error = f"the reply names order id {ending.order_id}, which is that of {other}: it may be another booking's reply"
    return attrs.evolve(change, ending=attrs.evolve(ending, state="unknown", order_id=None, fee=None, error=error))


def holder_of(connection: sqlite3.Connection, scope: tuple[int, int], order_id: str) -> str | None:
    """The reference of the booking that has an order id."""
    query = "SELECT reference FROM rows WHERE order_key = ? AND account = ? AND operation = ?"
    found = connection.execute(query, (order_key(order_id), *scope)).fetchone()
    return None if found is None else found[0]
