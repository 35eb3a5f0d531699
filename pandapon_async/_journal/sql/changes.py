"""What waits to be written; and how rows of the journal move: all together, or, where one can't be moved, each by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

import attrs

from ..._errors import JournalError
from ..._models.money import Money
from ..identity import key_of
from ..rows import EntryKind, history_entry, storable
from ..store import BY_JOB, Ending, PendingRow, RowMovedError, SpendCheck
from .connection import Batch, Connection

_WHICH: Final = "version = version + 1, history = history || ? WHERE id = ? AND version = ?"
_SENT: Final = Batch(
    "UPDATE rows SET state = 'sent', owner = ?, sent_at = ?, done_at = NULL, error = NULL, order_id = NULL, order_key = NULL, "
    f"fee = NULL, currency = NULL, tracking = NULL, request_id = NULL, {_WHICH}",
    "BIGINT FLOAT8 TEXT BIGINT BIGINT",
)
_ENDED: Final = Batch(
    "UPDATE rows SET state = ?, owner = NULL, done_at = ?, error = ?, order_id = ?, order_key = ?, fee = ?, currency = ?, "
    f"tracking = ?, request_id = ?, {_WHICH}",
    "TEXT FLOAT8 TEXT TEXT BIGINT TEXT TEXT TEXT TEXT TEXT BIGINT BIGINT",
)
_REPLY: Final = Batch(
    "INSERT INTO replies VALUES (?, ?) ON CONFLICT (row) DO UPDATE SET reply = excluded.reply", "BIGINT TEXT"
)
_FORGET_REPLY: Final = Batch("DELETE FROM replies WHERE row = ?", "BIGINT")
ENTER_MONEY: Final = Batch(
    "INSERT INTO money (row, account, operation, at, kind, digits, exponent, currency, by, note) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "BIGINT BIGINT BIGINT FLOAT8 TEXT BIGINT INT TEXT TEXT TEXT",
)


class Item(asyncio.Future[Any]):
    """Work that waits to be done; as a future it ends when that is durable.

    What is waited for, done and told is one object, since there are two of them a booking; what is set but rarely stands in the
    class.

    Attributes:
        error: why the work alone failed.
        since: when it could not be written for the first time; ``told``: whoever waits was told so.
        is_written: a commit is known to have it.
    """

    __slots__ = ("error",)
    error: BaseException | None
    since: float | None = None
    told = False
    is_written = False
    only_reads = False
    rows = 0

    @property
    def is_ending(self) -> bool:
        """Whether it tells how something ended, which nobody else will know."""
        return False

    @property
    def begins(self) -> bool:
        """Whether something begins by it."""
        return not (self.only_reads or self.is_ending)

    def outcome(self) -> Any:
        """What whoever waits gets, in their thread."""
        raise NotImplementedError


class Work(Item):
    """Any work on the connection.

    ``is_apart``: it has to do with no row, and may be done before what was handed over earlier. ``rows``: about how
    many it brings into the journal, or lets wait again; 0: none, so it needn't be alone in that.
    """

    __slots__ = ("do", "value")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        do: Callable[[Any], Any],
        *,
        only_reads: bool = False,
        is_apart: bool = False,
        rows: int = 0,
    ) -> None:
        super().__init__(loop=loop)
        self.do = do
        self.only_reads = only_reads
        self.is_apart = is_apart
        self.rows = rows
        self.value: Any = None

    def outcome(self) -> Any:
        """What it gave."""
        return self.value


@attrs.frozen
class Mover:
    """Who moves rows: ``owner`` has them under way, of ``scope`` (account, operation).

    ``may_be_late``: it may bring an end though it was taken for dead meanwhile; ``name``: who that is, in the history.
    """

    scope: tuple[int, int]
    owner: int
    may_be_late: bool = False
    name: str | None = None


class Change(Item):
    """One row's move: to ``sent``, or to an ending; ``checks`` are asked before it is sent. It ends with the row, as it is then.

    Who is cancelled while it waits for one is cancelled once it has ended, and then knows how: the change is made all the same,
    so nothing is gained by leaving earlier.
    """

    __slots__ = ("at", "checks", "ending", "made", "mover", "row", "seen", "version")
    made: Ending | None
    seen: int

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        row: PendingRow,
        mover: Mover,
        at: float,
        ending: Ending | None = None,
        checks: tuple[SpendCheck, ...] = (),
    ) -> None:
        super().__init__(loop=loop)
        self.row = row
        self.version = row.version
        self.mover = mover
        self.at = at
        self.ending = ending
        self.checks = checks

    @property
    def is_ending(self) -> bool:
        """See `Item`."""
        return self.ending is not None

    def cancel(self, msg: Any = None) -> bool:
        """Leave it as it is; a task that waits for it ends with the cancel when it goes on."""
        return False

    def outcome(self) -> PendingRow:
        """The row, which is now as it was written."""
        row, made = self.row, self.made
        row.version = self.seen + 1
        if made is None:
            row.state, row.sent_at = "sent", self.at
        else:
            row.state, row.order_id, row.fee, row.error = made.state, made.order_id, made.fee, made.error
            row.tracking = made.tracking
        return row


def order_key(order_id: str) -> int:
    """By what an order id is found."""
    return key_of("order", order_id.strip())


def money_values(
    row: int, scope: tuple[int, int], at: float, kind: EntryKind, money: Money, by: str, note: str | None
) -> tuple[Any, ...]:
    """The values of `ENTER_MONEY`: a dated amount of a booking, by whom and why it was entered."""
    exponent = cast("int", money.amount.as_tuple().exponent)
    return (row, *scope, at, kind, int(money.amount.scaleb(-exponent)), exponent, money.currency, by, note)


def do_together(connection: Connection, items: Sequence[Item]) -> bool:
    """Do everything inside a transaction; False: something failed that can be done without, so begin anew, and `do_each`.

    Not so that each can be undone from the beginning: SQLite copies every page that is touched while it may have to undo a part, a
    sixth of the time of a large input, and to PostgreSQL each savepoint is a message.

    Raises:
        connection.Error: nothing can be written.
    """
    if not _moved_together(connection, items):
        return False
    works = (item for item in items if isinstance(item, Work))
    return all(_why_failed(connection, work) is None for work in works)  # they are told once one has failed alone


def do_each(connection: Connection, items: Sequence[Item]) -> None:
    """The same, so that what fails is undone alone; its ``error`` says why.

    Raises:
        connection.Error: nothing can be written.
    """
    connection.execute("SAVEPOINT changes")
    if not _moved_together(connection, items):
        connection.execute("ROLLBACK TO changes")
        for item in items:
            if isinstance(item, Change):
                item.error = _made(connection, item)
    connection.execute("RELEASE changes")
    for item in items:
        if isinstance(item, Work):
            connection.execute("SAVEPOINT work")
            if (error := _why_failed(connection, item)) is not None:
                connection.execute("ROLLBACK TO work")
                item.error = told(connection, error)
            connection.execute("RELEASE work")


def _why_failed(connection: Connection, item: Work) -> Exception | None:
    """Do one piece of work, and say why it can't be done.

    Raises:
        connection.Error: it is about the database, or who else uses it; SQLite calls much else so, and its transaction goes on then.
    """
    item.error = None
    try:
        item.value = item.do(connection)
    except Exception as error:
        if isinstance(error, connection.OperationalError) and not connection.in_transaction:
            raise
        return error
    return None


def told(connection: Connection, error: Exception) -> Exception:
    """Why work can't be done, for whoever submitted it; in the first line: others may hold what stands in a row."""
    if not isinstance(error, connection.Error):
        return error
    return JournalError(f"can't be done: {str(error).partition(chr(10))[0]}")


def _moved_together(connection: Connection, items: Sequence[Item]) -> bool:
    """Make all changes at once; False: not all can be made, and they have to be taken back."""
    changes = [item for item in items if isinstance(item, Change)]
    for change in changes:
        change.error, change.made, change.seen = None, change.ending, change.version
    try:
        return _moved(connection, changes) == len(changes)
    except Exception as error:
        if not _is_of_the_row(connection, error):
            raise
    return False


def _moved(connection: Connection, changes: Sequence[Change]) -> int:
    """Write what can be written together, a kind at a time; gives how many rows had the version that was seen."""
    sent: list[tuple[Any, ...]] = []
    ended: list[tuple[Any, ...]] = []
    replies: list[tuple[int, str]] = []
    money: list[tuple[Any, ...]] = []
    waiting: list[int] = []
    for change in changes:
        number, at, ending = change.row.id, change.at, change.made
        if ending is None:
            line = history_entry(at, "sent", BY_JOB, change.mover.name)
            sent.append((change.mover.owner, at, line, number, change.seen))
            continue
        state, order_id = ending.state, ending.order_id
        fee = storable(ending.fee) if state == "done" else None
        ended.append((
            state, at if state in ("done", "refused") else None, ending.error, order_id,
            None if order_id is None else order_key(order_id), None if fee is None else format(fee.amount, "f"),
            None if fee is None else fee.currency, " ".join(ending.tracking) or None, ending.request_id,
            history_entry(at, state, ending.by, ending.note or (state == "pending" and ending.error) or None), number, change.seen,
        ))  # fmt: skip
        if ending.reply is not None:
            replies.append((number, ending.reply))
        if fee is not None:
            money.append(money_values(number, change.mover.scope, at, "fee", fee, ending.by, ending.note))
        if state == "pending":
            waiting.append(number)
    count = connection.executemany(_SENT, sent).rowcount if sent else 0
    count += connection.executemany(_ENDED, ended).rowcount if ended else 0
    forget_replies(connection, waiting)
    if replies:
        connection.executemany(_REPLY, replies)
    if money:
        connection.executemany(ENTER_MONEY, money)
    return count


def _is_of_the_row(connection: Connection, error: Exception) -> bool:
    """Whether a value of one change can have caused it; everything else is about the database."""
    own = (connection.IntegrityError, connection.ProgrammingError, connection.InterfaceError, connection.DataError)
    return isinstance(error, (*own, ValueError, TypeError, OverflowError, JournalError))


def _made(connection: Connection, change: Change) -> JournalError | None:
    """Make one change; or say why its row is left as it was."""
    for again in (True, False):
        connection.execute("SAVEPOINT change")
        try:
            _move(connection, change)
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
            return error if isinstance(error, JournalError) else JournalError(what, reference=change.row.reference)
        connection.execute("RELEASE change")
        return None
    raise AssertionError


def _move(connection: Connection, change: Change) -> None:
    change.made = _in_doubt_if_taken(connection, change)
    while not _moved(connection, [change]):
        connection.execute("ROLLBACK TO change")
        if not _is_late(connection, change):
            raise RowMovedError("its row was changed by somebody else", reference=change.row.reference)
        change.seen += 1


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


def _is_late(connection: Connection, change: Change) -> bool:
    """Whether the row was put in doubt since its owner was taken for dead, and whose end the owner knows after all."""
    query = "SELECT 1 FROM rows WHERE id = ? AND version = ? AND state = 'unknown' AND owner = ?"
    values = (change.row.id, change.seen + 1, change.mover.owner)
    may_be = change.is_ending and change.mover.may_be_late
    return may_be and connection.execute(query, values).fetchone() is not None


def forget_replies(connection: Connection, rows: Sequence[int]) -> None:
    """Forget what the vendor said of rows that wait again: it isn't the reply to their next sending."""
    if rows:
        connection.executemany(_FORGET_REPLY, [(row,) for row in rows])


def _in_doubt_if_taken(connection: Connection, change: Change) -> Ending | None:
    """The ending of one whose order id belongs to another booking is in doubt: one of the two replies is not its own."""
    ending = change.ending
    if ending is None or ending.order_id is None:
        return ending
    other = holder_of(connection, change.mover.scope, ending.order_id)
    if other is None:
        return ending
    error = f"the reply names order id {ending.order_id}, which is that of {other}: it may be another booking's reply"
    return attrs.evolve(ending, state="unknown", order_id=None, fee=None, error=error)


def holder_of(connection: Connection, scope: tuple[int, int], order_id: str) -> str | None:
    """The reference of the booking that has an order id."""
    query = "SELECT reference FROM rows WHERE order_key = ? AND account = ? AND operation = ?"
    found = connection.execute(query, (order_key(order_id), *scope)).fetchone()
    return None if found is None else found[0]
