"""How rows of the journal move: all that wait for it together, or, where one can't be moved, each by itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

import attrs

from ..._errors import JournalError
from ..._models.money import Money
from ..identity import key_of
from ..rows import history_entry, storable
from ..store import BY_JOB, Ending, PendingRow, RowMovedError, SpendCheck
from .connection import Connection, done_with_all, insert_all

_SET: Final = (
    "UPDATE rows SET version = version + 1, state = {3}, owner = CAST({4} AS BIGINT), history = history || {5}, "
    "sent_at = COALESCE(CAST({6} AS FLOAT8), sent_at), done_at = CAST({7} AS FLOAT8), error = {8}, order_id = {9}, "
    "order_key = CAST({10} AS BIGINT), fee = {11}, currency = {12}, tracking = {13}, request_id = {14}"
)
_WHICH: Final = " WHERE rows.id = {1} AND version = {2}"


def _updates(*values: str) -> tuple[str, str]:
    """How one row is changed, and many together; of each value its number in `Change.update`, or what it always is."""
    one, many = ([value.replace("#", mark) for value in ("", *values)] for mark in ("?", "c.column"))
    return (_SET + _WHICH).format(*one), (_SET + " FROM (VALUES %s) c" + _WHICH).format(*many)


_SENT: Final = _updates("#1", "#2", "'sent'", "#3", "#4", "#5", *["NULL"] * 8)
_ENDED: Final = _updates(*(f"#{number}" for number in range(1, 15)))
_MONEY: Final = "money (row, account, operation, at, kind, digits, exponent, currency, by, note)"
MoneyEntered = tuple[int, tuple[int, int], float, str, Money, str, "str | None"]
"""Row, scope, time, kind, amount, by whom, and why."""


@attrs.define(eq=False)
class Change:
    """One row's move: to ``sent``, or to an ending.

    ``scope`` is (account, operation); ``owner`` who has it under way; ``checks`` are asked before it is sent;
    ``may_be_late``: its owner may bring the end though it was taken for dead meanwhile; ``sender``: who that is, in words; ``fee``
    what is entered as paid.
    """

    row: PendingRow
    scope: tuple[int, int]
    at: float
    owner: int | None = None
    ending: Ending | None = None
    checks: tuple[SpendCheck, ...] = ()
    may_be_late: bool = False
    sender: str | None = None
    fee: Money | None = attrs.field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        if self.ending is not None and self.ending.state == "done":
            self.fee = storable(self.ending.fee)

    @property
    def is_ending(self) -> bool:
        """Whether it says what became of one that was sent."""
        return self.ending is not None

    @property
    def after(self) -> PendingRow:
        """The row as it is then."""
        row, ending = self.row, self.ending
        told, state = ending or row, "sent" if ending is None else ending.state
        return PendingRow(
            row.id, row.version + 1, row.position, row.reference, row.shipment, state, row.body,
            told.order_id, told.fee, told.error, told.tracking, self.at if ending is None else row.sent_at,
        )  # fmt: skip

    def update(self) -> tuple[Any, ...]:
        """The values of `_SENT` or `_ENDED`."""
        row, ending, at = self.row, self.ending, self.at
        if ending is None:
            return (row.id, row.version, self.owner, history_entry(at, "sent", BY_JOB, self.sender), at)
        state, order_id, note = ending.state, ending.order_id, ending.note
        fee = self.fee
        line = history_entry(at, state, ending.by, note or (state == "pending" and ending.error) or None)
        amount, currency = (None, None) if fee is None else (format(fee.amount, "f"), fee.currency)
        return (
            row.id, row.version, state, None, line, None, at if state in ("done", "refused") else None, ending.error,
            order_id, None if order_id is None else order_key(order_id), amount, currency,
            " ".join(ending.tracking) or None, ending.request_id,
        )  # fmt: skip


def order_key(order_id: str) -> int:
    """By what an order id is found."""
    return key_of("order", order_id.strip())


def enter_money(connection: Connection, *entries: MoneyEntered) -> None:
    """Enter dated amounts of bookings."""
    rows: list[tuple[Any, ...]] = []
    for row, scope, at, kind, money, by, note in entries:
        exponent = cast("int", money.amount.as_tuple().exponent)
        rows.append((row, *scope, at, kind, int(money.amount.scaleb(-exponent)), exponent, money.currency, by, note))
    insert_all(connection, _MONEY, rows)


def make_all(
    connection: Connection, changes: Sequence[Change], undo: Callable[[], object]
) -> list[tuple[PendingRow | None, JournalError | None]]:
    """Make changes inside a transaction; of each, the row as it is then, or why it is left as it was.

    Args:
        connection: in a transaction.
        changes: what is to be made.
        undo: takes back all that was done since it was called, so that it can be done otherwise.

    Raises:
        connection.Error: nothing can be written.
    """
    if not changes:
        return []
    try:
        if _updated(connection, changes) == len(changes):
            _add_rest(connection, changes)
            return [(change.after, None) for change in changes]
    except Exception as error:
        if not _is_of_the_row(connection, error):
            raise
    undo()
    return [_made(connection, change) for change in changes]


def _updated(connection: Connection, changes: Sequence[Change]) -> int:
    count = 0
    for (one, many), are_endings in ((_SENT, False), (_ENDED, True)):
        rows = [change.update() for change in changes if (change.ending is not None) is are_endings]
        if not isinstance(connection, sqlite3.Connection):  # over a network each step is a round trip
            count += done_with_all(connection, many, rows)
        elif rows:  # one statement for all would be prepared for every number of them, and goes through them twice
            count += connection.executemany(one, rows).rowcount
    return count


def _is_of_the_row(connection: Connection, error: Exception) -> bool:
    """Whether a value of one change can have caused it; everything else is about the database."""
    own = (connection.IntegrityError, connection.ProgrammingError, connection.InterfaceError, connection.DataError)
    return isinstance(error, (*own, ValueError, TypeError, OverflowError, JournalError))


def _made(connection: Connection, change: Change) -> tuple[PendingRow | None, JournalError | None]:
    for again in (True, False):
        connection.execute("SAVEPOINT change")
        try:
            row = _move(connection, change)
        except Exception as error:
            if not _is_of_the_row(connection, error):
                raise
            connection.execute("ROLLBACK TO change")
            connection.execute("RELEASE change")
            if again and isinstance(error, connection.IntegrityError):
                continue  # the order id was given to another booking a moment ago: now it is seen
            if isinstance(error, RowMovedError):
                _put_in_doubt(connection, change)
            what = f"its end can't be written down: {type(error).__name__}"
            told = error if isinstance(error, JournalError) else JournalError(what, reference=change.row.reference)
            return None, told
        connection.execute("RELEASE change")
        return row, None
    raise AssertionError


def _move(connection: Connection, change: Change) -> PendingRow:
    change = _in_doubt_if_taken(connection, change)
    if not _updated(connection, [change]):
        change = _late(connection, change)
        if not _updated(connection, [change]):
            raise RowMovedError("its row was changed by somebody else", reference=change.row.reference)
    _add_rest(connection, [change])
    return change.after


def _put_in_doubt(connection: Connection, change: Change) -> None:
    """A row that somebody has let wait again, though what it was sent for was made, or may have been: else it would be made twice."""
    ending = change.ending
    if ending is None or ending.state not in ("done", "unknown"):
        return
    told = "the vendor has made it" if ending.state == "done" else ending.error or "it may have been made"
    named = f"order id {ending.order_id}" if ending.order_id else "no order id is known"
    error = f"{told} ({named}), and somebody let it wait again meanwhile"
    query = (
        "UPDATE rows SET version = version + 1, state = 'unknown', history = history || ?, error = ? "
        "WHERE id = ? AND state = 'pending'"
    )
    connection.execute(query, (history_entry(change.at, "unknown", BY_JOB, error), error, change.row.id))


def _late(connection: Connection, change: Change) -> Change:
    """The change of a row that was put in doubt since its owner was taken for dead, and whose end the owner knows after all."""
    query = "SELECT 1 FROM rows WHERE id = ? AND version = ? AND state = 'unknown' AND owner = ?"
    values = (change.row.id, change.row.version + 1, change.owner)
    if not (change.is_ending and change.may_be_late) or connection.execute(query, values).fetchone() is None:
        raise RowMovedError("its row was changed by somebody else", reference=change.row.reference)
    return attrs.evolve(change, row=attrs.evolve(change.row, version=change.row.version + 1))


def _add_rest(connection: Connection, changes: Sequence[Change]) -> None:
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
        if change.fee is not None:
            entries.append((change.row.id, change.scope, change.at, "fee", change.fee, ending.by, ending.note))
    forget_replies(connection, waiting)
    insert_all(connection, "replies", replies, "ON CONFLICT (row) DO UPDATE SET reply = excluded.reply")
    enter_money(connection, *entries)


def forget_replies(connection: Connection, rows: Sequence[int]) -> None:
    """Forget what the vendor said of rows that wait again: it isn't the reply to their next sending."""
    if rows:
        connection.executemany("DELETE FROM replies WHERE row = ?", [(row,) for row in rows])


def _in_doubt_if_taken(connection: Connection, change: Change) -> Change:
    """The change of one whose order id belongs to another booking: one of the two replies is not its own."""
    ending = change.ending
    if ending is None or ending.order_id is None:
        return change
    other = holder_of(connection, change.scope, ending.order_id)
    if other is None:
        return change
    error = f"the reply names order id {ending.order_id}, which is that of {other}: it may be another booking's reply"
    return attrs.evolve(change, ending=attrs.evolve(ending, state="unknown", order_id=None, fee=None, error=error))


def holder_of(connection: Connection, scope: tuple[int, int], order_id: str) -> str | None:
    """The reference of the booking that has an order id."""
    query = "SELECT reference FROM rows WHERE order_key = ? AND account = ? AND operation = ?"
    found = connection.execute(query, (order_key(order_id), *scope)).fetchone()
    return None if found is None else found[0]
