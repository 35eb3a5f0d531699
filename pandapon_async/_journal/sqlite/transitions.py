"""How rows of the journal move from state to state: all that wait for it in one statement.

Whenever SQLite has done a step, its thread has to get the interpreter back from the event loop's, which is busy sending. So
what is written most often is one step, however many rows it is about: the rows of an insertion into a view, whose triggers
do the work.
"""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from ..._errors import JournalError
from ..rows import State
from ..store import RowMovedError


class Change(NamedTuple):
    """One row's move.

    Attributes:
        row, reference: whose.
        come_from: the state that it must be in.
        state: what it becomes.
        kind: which columns are set: ``sent``: the time; ``requeued``: the error; ``ended``: all.
        at: when, in Unix seconds; None: that isn't kept.
        line: what its history says of it.
        reply: the vendor's reply, to be kept.
    """

    row: int
    reference: str
    come_from: State
    state: State
    kind: Literal["sent", "requeued", "ended"]
    at: float | None
    line: str
    error: str | None = None
    order_id: str | None = None
    fee: str | None = None
    currency: str | None = None
    tracking: str | None = None
    request_id: str | None = None
    reply: str | None = None


_MOVED: Final = "the row has moved"
_COLUMNS: Final = ", ".join(Change._fields)
_MARK: Final = f"({', '.join('?' * len(Change._fields))})"
MOST_AT_ONCE: Final = 999 // len(Change._fields)  # what any SQLite lets a statement bind


def _trigger(name: str, kind: str, sets: str, more: str = "") -> str:
    return (
        f"CREATE TEMP TRIGGER {name} INSTEAD OF INSERT ON changes WHEN NEW.kind = '{kind}' BEGIN "
        f"UPDATE rows SET state = NEW.state, history = history || NEW.line, {sets} "
        "WHERE id = NEW.row AND state = NEW.come_from; "
        f"SELECT RAISE(ABORT, '{_MOVED}') WHERE changes() = 0; {more}END"
    )


_SETTING_UP: Final = (
    f"CREATE TEMP VIEW changes AS SELECT {', '.join(f'NULL AS {name}' for name in Change._fields)}",
    _trigger(
        "change_sent", "sent", "sent_at = NEW.at", "DELETE FROM replies WHERE row = NEW.row; "
    ),  # to an earlier one
    _trigger("change_requeued", "requeued", "error = NEW.error"),
    _trigger(
        "change_ended",
        "ended",
        "error = NEW.error, order_id = NEW.order_id, fee = NEW.fee, currency = NEW.currency, tracking = NEW.tracking, "
        "request_id = NEW.request_id, done_at = NEW.at",
        "INSERT OR REPLACE INTO replies (row, reply) SELECT NEW.row, NEW.reply WHERE NEW.reply IS NOT NULL; ",
    ),
)


def prepare(connection: sqlite3.Connection) -> None:
    """Make the view and its triggers; nothing of them is in the file."""
    for statement in _SETTING_UP:
        connection.execute(statement)


def make_together(connection: sqlite3.Connection, changes: Sequence[Change]) -> bool:
    """Make a few changes (at most `MOST_AT_ONCE`) in one step; False: one of them can't be made, and nothing was changed.

    Outside of a transaction they are on disk at the end.

    Raises:
        sqlite3.Error: nothing can be written.
    """
    return _inserted(connection, changes) is None


def make_each(connection: sqlite3.Connection, changes: Sequence[Change]) -> list[JournalError | None]:
    """Make changes inside a transaction, and say of each what was wrong with it: then that row is left as it is."""
    errors: list[JournalError | None] = []
    for start in range(0, len(changes), MOST_AT_ONCE):
        part = changes[start : start + MOST_AT_ONCE]
        if make_together(connection, part):
            errors += [None] * len(part)
        else:
            errors += [_made(connection, change) for change in part]
    return errors


def _made(connection: sqlite3.Connection, change: Change) -> JournalError | None:
    error = _inserted(connection, [change])
    if error is None:
        return None
    if isinstance(error, sqlite3.IntegrityError):
        return RowMovedError(f"its row is not {change.come_from} any more", reference=change.reference)
    return JournalError(f"its end can't be written down: {type(error).__name__}", reference=change.reference)


def _inserted(connection: sqlite3.Connection, changes: Sequence[Change]) -> Exception | None:
    """Insert; or why one of the changes can't be made."""
    marks = ", ".join([_MARK] * len(changes))
    values = list(itertools.chain.from_iterable(changes))
    try:
        connection.execute(f"INSERT INTO changes ({_COLUMNS}) VALUES {marks}", values)
    except sqlite3.IntegrityError as error:
        if str(error) != _MOVED:
            raise
        return error
    except (ValueError, OverflowError) as error:  # a text with half a surrogate pair: UTF-8 can't hold it
        return error
    return None
