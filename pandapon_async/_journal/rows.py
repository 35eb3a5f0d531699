"""What a journal's row is: its states, whose it is, its history, and the digest of its body."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Literal, cast

import attrs

from .._models.money import Money

if TYPE_CHECKING:
    from .._config.profiles import VendorProfile
    from .._models.operation import Operation


State = Literal["pending", "sent", "done", "refused", "unknown", "void"]


STATES: Final[tuple[State, ...]] = ("pending", "sent", "done", "refused", "unknown", "void")


ROW_COLUMNS: Final = (
    "r.id, r.reference, r.state, r.order_id, r.fee, r.currency, r.tracking, r.error, a.vendor, a.name, a.operation, "
    "r.sent_at, r.done_at, r.request_id, r.settled_by, r.note, r.history, b.body, p.reply"
)
"""What `row_of` takes, of rows r, accounts a, bodies b and replies p."""


class DerivedReference(str):
    """A reference that was made from its request, not given: two equal ones in an input are two bookings, or a mistake."""

    __slots__ = ()


@attrs.frozen(kw_only=True)
class HistoryEntry:
    """One entry of a row's history: when it came into a state, by whom, and why."""

    at: datetime
    state: State
    by: str
    note: str | None = None


@attrs.frozen(kw_only=True)
class JournalRow:
    """One booking as the journal has it. Times are aware, in UTC.

    Attributes:
        id: its number in the journal.
        reference: the caller's reference.
        state: ``pending``, ``sent``, ``done``, ``refused``, ``unknown`` or ``void``.
        order_id, fee, tracking: what the vendor gave, or a person entered.
        error: why it isn't done.
        vendor, account, operation: whose row it is: the kind of profile, the account's name, the operation.
        request_id: the vendor's request id.
        sent_at, done_at: when it was last sent, and when it ended.
        settled_by, note: who settled it by hand, and why.
        body: the request as wire JSON; None once forgotten.
        reply: the vendor's whole reply, whatever it said: its JSON, or if it is none, its text (the first 64 KiB); None if there
            was no reply, or once forgotten.
        history: every state it was in.
    """

    id: int = attrs.field(repr=False)
    reference: str
    state: State
    order_id: str | None
    fee: Money | None
    tracking: tuple[str, ...]
    error: str | None
    vendor: str
    account: str
    operation: str
    sent_at: datetime | None
    done_at: datetime | None
    request_id: str | None
    settled_by: str | None
    note: str | None
    history: tuple[HistoryEntry, ...] = attrs.field(repr=False)
    body: dict[str, Any] | None = attrs.field(repr=False)
    reply: Any = attrs.field(repr=False)


@attrs.frozen
class AccountKey:
    """Whose rows they are: rows of another key are never touched."""

    vendor: str
    name: str
    base_url: str
    fingerprint: str
    user_id: str
    operation: str

    @classmethod
    def of(cls, profile: VendorProfile, operation: Operation[Any]) -> AccountKey:
        """The key of an account's bookings by one operation."""
        keys = profile.credentials
        assert keys is not None  # a session has them
        return cls(profile.kind, profile.name, profile.base_url, keys.fingerprint, keys.user_id or "", operation.name)


def history_entry(at: float, state: State, by: str, note: str | None = None, **more: Any) -> str:
    """One line of a row's history."""
    if note is None and by.isalnum() and not more:  # every step of every booking: as `line_of` would write it
        return f'{{"at": {round(at, 6)!r}, "state": "{state}", "by": "{by}"}}\n'
    return line_of({"at": round(at, 6), "state": state, "by": by, "note": note, **more})


def line_of(entry: dict[str, Any]) -> str:
    """A history entry as its line."""
    return json.dumps({key: value for key, value in entry.items() if value is not None}, ensure_ascii=False) + "\n"


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, timezone.utc)


def row_of(values: Sequence[Any]) -> JournalRow:
    """A row from what `ROW_COLUMNS` selects."""
    (row_id, reference, state, order_id, fee, currency, tracking, error, vendor, account, operation) = values[:11]
    (sent_at, done_at, request_id, settled_by, note, history, body, reply) = values[11:]
    steps = [json.loads(line) for line in history.splitlines()]
    return JournalRow(
        id=row_id,
        reference=reference,
        state=state,
        order_id=order_id,
        fee=None if fee is None else Money(amount=Decimal(fee), currency=currency),
        tracking=tuple((tracking or "").split()),
        error=error,
        vendor=vendor,
        account=account,
        operation=operation,
        sent_at=_time(sent_at),
        done_at=_time(done_at),
        request_id=request_id,
        settled_by=settled_by,
        note=note,
        history=tuple(
            HistoryEntry(
                at=cast("datetime", _time(step["at"])), state=step["state"], by=step["by"], note=step.get("note")
            )
            for step in steps
        ),
        body=None if body is None else json.loads(body),
        reply=None if reply is None else json.loads(reply),
    )
