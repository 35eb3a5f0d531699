"""What a person found out of a booking, and what the journal makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any, Final

import attrs

from .._errors import JournalError
from .._models.jsonio import is_array
from .._models.money import Money
from .identity import parcel_keys
from .rows import EntryKind, JournalRow, State, history_entry, storable
from .sql.admitting import held_now
from .sql.changes import ENTER_MONEY, forget_replies, holder_of, money_values, order_key
from .sql.connection import Connection
from .store import PendingRow

NOT_BOOKED_AFTER: Final = 900.0
"""Seconds after the sending before which "not booked" isn't believed, a person's neither: the vendor may still be at it."""
BY_HAND: Final[dict[State, tuple[State, ...]]] = {
    "unknown": ("done", "pending"),
    "refused": ("done", "pending"),
    "pending": ("void",),
    "done": ("void", "done"),
}
"""What a person may make of a row, from which state."""
_UPDATE: Final = (
    "UPDATE rows SET version = version + 1, state = ?, order_id = ?, order_key = ?, fee = ?, currency = ?, tracking = ?, error = ?, "
    "done_at = ?, resolved_by = ?, note = ?, history = history || ? WHERE id = ? AND version = ?"
)


def _numbers(given: Sequence[str]) -> Any:
    return given if isinstance(given, str) else tuple(given)  # one that is taken apart can't be refused


@attrs.frozen
class Resolution:
    """What a person found out of one booking; see `Journal.resolve`."""

    reference: str
    state: State
    order_id: str | None = None
    fee: Money | None = None
    tracking: tuple[str, ...] = attrs.field(default=(), converter=_numbers)
    account: str | None = None
    note: str | None = None
    """Why, if not what is said for all that are resolved together."""
    shipment: int = 1
    operation: str | None = None


def believed_at(sent_at: float, wait: float, now: float) -> datetime | None:
    """When "not booked" counts, ``wait`` seconds after the sending; None: it counts now."""
    return None if sent_at + wait <= now else datetime.fromtimestamp(sent_at + wait, timezone.utc)


def why_not(row: JournalRow, state: State) -> str | None:
    """Why a person can't bring a row into a state; None: it is allowed, or it is there already."""
    allowed = BY_HAND.get(row.state, ())
    if state not in (*allowed, row.state) or row.state == state == "sent":
        return f"it is {row.state}, and can become {' or '.join(allowed) or 'nothing else'} by hand"
    if state == "pending" != row.state and row.body is None:
        return "its body was erased, so it can't be sent again: feed it again"
    return None


def _too_soon(row: JournalRow, state: State, wait: float, now: float) -> str | None:
    if row.state != "unknown" or state != "pending":
        return None
    moment = believed_at(row.sent_at.timestamp() if row.sent_at else now, wait, now)
    if moment is None:
        return None
    return f"the vendor may still be booking it: that it isn't booked counts from {moment:%Y-%m-%d %H:%M:%S} UTC, say so then"


def resolve_all(
    connection: Connection,
    pairs: Sequence[tuple[JournalRow, Resolution]],
    by: str,
    note: str,
    wait: float,
    now: float,
) -> None:
    """Resolve rows inside a transaction; ``wait`` as in `believed_at`.

    Raises:
        JournalError: one can't be resolved; then nothing may be kept of the others.
    """
    said: dict[int, tuple[Any, ...]] = {}
    for row, resolution in pairs:
        _check(resolution)
        meaning = _meaning(resolution)
        if said.setdefault(row.id, meaning) != meaning:
            raise JournalError("two resolutions of it contradict each other", reference=row.reference)
    done: set[int] = set()
    for row, resolution in pairs:
        if row.id not in done:
            done.add(row.id)
            refusal = (
                why_not(row, resolution.state)
                or _contradiction(row, resolution)
                or _too_soon(row, resolution.state, wait, now)
            )
            if refusal:
                raise JournalError(refusal, reference=row.reference)
            _resolve(connection, row, resolution, by, resolution.note or note, now)


def _check(resolution: Any) -> None:
    """Refuse what types don't hold back at run time: a text would be taken apart for tracking numbers, letter by letter."""
    order_id, fee, tracking, wrong = resolution.order_id, resolution.fee, resolution.tracking, None
    if not (order_id is None or _is_printable(order_id)):
        wrong = "order_id: must be printable text"
    elif not isinstance(fee, (Money, type(None))):
        wrong = "fee: must be Money"
    elif not (is_array(tracking) and all(map(_is_printable, tracking))):
        wrong = "tracking: must be numbers, each as text"
    if wrong is not None:
        raise JournalError(wrong, reference=resolution.reference)


def _is_printable(text: object) -> bool:
    return isinstance(text, str) and text.isprintable()


def _meaning(resolution: Resolution) -> tuple[Any, ...]:
    order_id = None if resolution.order_id is None else resolution.order_id.strip()
    return resolution.state, order_id, storable(resolution.fee), tuple(sorted(resolution.tracking))


def _resolve(connection: Connection, row: JournalRow, resolution: Resolution, by: str, note: str, now: float) -> None:
    scope = _scope(connection, row)
    order_id = _order_id(connection, row, resolution, scope)
    fee, added = _fee(row, resolution)
    tracking = resolution.tracking or row.tracking
    known = order_id == row.order_id and fee == row.fee and set(tracking) == set(row.tracking)
    if resolution.state == row.state and known:
        return  # already so
    if resolution.state == "pending":
        _check_parcel(connection, row, scope, now)
    is_done = resolution.state == "done"
    ended_at = row.done_at.timestamp() if row.done_at else now
    _changed(
        connection,
        row,
        (
            resolution.state,
            order_id,
            None if order_id is None else order_key(order_id),
            None if fee is None else format(fee.amount, "f"),
            None if fee is None else fee.currency,
            " ".join(tracking) or None,
            None if is_done else row.error,
            None if resolution.state == "pending" else ended_at,
            by,
            note,
            history_entry(now, resolution.state, by, note),
        ),
    )
    if added is not None:
        kind: EntryKind = "fee" if row.fee is None else "correction"
        connection.execute(ENTER_MONEY, money_values(row.id, scope, now, kind, added, by, note))
    if resolution.state == "pending":
        forget_replies(connection, [row.id])


def _contradiction(row: JournalRow, resolution: Resolution) -> str | None:
    given = resolution.order_id is not None or resolution.fee is not None or resolution.tracking
    if resolution.state != "done" and given:
        return f"only a booking that is done has an order id, a fee or tracking, this becomes {resolution.state}"
    if resolution.order_id is not None and not resolution.order_id.strip():
        return "its order id is empty"
    if row.state == "done" and row.order_id and resolution.order_id and resolution.order_id.strip() != row.order_id:
        return f"it has order id {row.order_id}, and not {resolution.order_id.strip()}"
    fee = storable(resolution.fee)
    if resolution.fee is not None and fee is None:
        return "its fee is no amount that can have been paid"
    if row.fee and fee and row.fee.currency != fee.currency:
        return f"its fee is in {row.fee.currency}, and can't become one in {fee.currency}"
    if fee and (credits_ := _credited(row)) and credits_.currency == fee.currency and credits_ > fee:
        return f"{credits_} of it was credited already, so its fee can't become {fee}"
    return None


def _order_id(connection: Connection, row: JournalRow, resolution: Resolution, scope: tuple[int, int]) -> str | None:
    if resolution.state == "pending":
        return None
    order_id = resolution.order_id.strip() if resolution.order_id else row.order_id
    holder = holder_of(connection, scope, order_id) if order_id and order_id != row.order_id else None
    if holder is not None:
        raise JournalError(f"order id {order_id} is that of {holder}", reference=row.reference)
    return order_id


def _fee(row: JournalRow, resolution: Resolution) -> tuple[Money | None, Money | None]:
    """The fee as it is then, and what is to be entered."""
    new, old = storable(resolution.fee), row.fee
    if new is None or new == old:
        return old, None
    return new, new if old is None else new - old


def _check_parcel(connection: Connection, row: JournalRow, scope: tuple[int, int], now: float) -> None:
    """What was refused didn't count as a booking of its parcel, and another may have been made since."""
    if row.state != "refused" or row.body is None:
        return
    pending = PendingRow(row.id, row.version, 0, row.reference, row.shipment, row.state, None)
    keys = parcel_keys(row.vendor, row.operation, row.body)
    problem = held_now(connection, scope, pending, keys, now)
    if problem is not None:
        raise JournalError(problem.text, reference=row.reference)


def credit(connection: Connection, row: JournalRow, money: Money, by: str, note: str, now: float) -> None:
    """Enter a credit inside a transaction.

    Raises:
        JournalError: the row never cost anything, or not as much, or the amount is none.
    """
    if row.state not in ("done", "void"):
        raise JournalError(f"it is {row.state}: only what was booked is credited", reference=row.reference)
    credited = storable(money)
    if credited is None or credited.amount == 0:
        raise JournalError("a credit is an amount above zero", reference=row.reference)
    if refusal := _above_fee(row, credited):
        raise JournalError(refusal, reference=row.reference)
    set_ = "UPDATE rows SET version = version + 1, history = history || ? WHERE id = ? AND version = ?"
    line = history_entry(now, row.state, by, f"credited {credited}: {note}")
    if not connection.execute(set_, (line, row.id, row.version)).rowcount:
        raise _moved(row)
    connection.execute(ENTER_MONEY, money_values(row.id, _scope(connection, row), now, "credit", credited, by, note))


def _above_fee(row: JournalRow, credited: Money) -> str | None:
    """Why a credit can't be: a booking gives back no more than it cost, all its credits together."""
    if row.fee is None and row.state == "void":
        return "it was cancelled without a fee: there is nothing to credit"
    if row.fee is None:
        return "its fee isn't known: enter the fee before a credit"
    if row.fee.currency != credited.currency:
        return f"its fee is in {row.fee.currency}, and no credit can be in {credited.currency}"
    earlier = _credited(row)
    credits_ = credited if earlier is None else earlier + credited
    return f"{credits_} would be credited, and its fee is {row.fee}" if credits_ > row.fee else None


def _credited(row: JournalRow) -> Money | None:
    """What it has given back already; None: nothing."""
    credits_ = [one.money for one in row.money if one.kind == "credit"]
    return sum(credits_[1:], credits_[0]) if credits_ else None


def _changed(connection: Connection, row: JournalRow, values: tuple[Any, ...]) -> None:
    if not connection.execute(_UPDATE, (*values, row.id, row.version)).rowcount:
        raise _moved(row)


def _moved(row: JournalRow) -> JournalError:
    return JournalError("a job has just changed it: look again", reference=row.reference)


def _scope(connection: Connection, row: JournalRow) -> tuple[int, int]:
    account, operation = connection.execute("SELECT account, operation FROM rows WHERE id = ?", (row.id,)).fetchone()
    return account, operation
