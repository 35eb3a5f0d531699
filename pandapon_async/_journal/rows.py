"""What a journal's row is: its states, its history, its money."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any, Final, Literal, cast

import attrs

from .._models.money import Money

State = Literal["pending", "sent", "done", "refused", "unknown", "void"]


STATES: Final[tuple[State, ...]] = ("pending", "sent", "done", "refused", "unknown", "void")

MOST_SHIPMENTS: Final = 1_000_000
"""Of one reference."""
_MOST_DIGITS: Final = 15
_MOST_PLACES: Final = 6
"""Of a fee, before and after the point: so the sum of a million has the 28 digits that a `Decimal` sum is exact to."""
EntryKind = Literal["fee", "credit", "correction"]


class DerivedReference(str):
    """A reference that was made from its request, not given: two equal ones in an input are two bookings, or a mistake."""

    __slots__ = ()


@attrs.frozen(kw_only=True)
class HistoryEntry:
    """One entry of a row's history: when it came into a state, by whom, and why.

    One that changes no state says what else was done: whose it was ``assigned`` to, or what was ``handed`` back to the shop:
    the state and the tracking numbers, as `JournalRow.as_handed` writes them.
    """

    at: datetime
    state: State
    by: str
    note: str | None = None
    assigned: str | None = None
    handed: str | None = None


@attrs.frozen(kw_only=True)
class MoneyEntry:
    """One dated amount of a booking: its ``fee``, a ``credit`` that the vendor gave, or a ``correction`` of the fee."""

    at: datetime
    kind: EntryKind
    money: Money
    by: str
    note: str | None = None


@attrs.frozen(kw_only=True)
class JournalRow:
    """One booking as the journal has it. Times are aware, in UTC.

    Attributes:
        id: its number in the journal.
        version: raised by every change of it.
        reference, shipment: the caller's reference, and which of its shipments (1 unless given).
        state: ``pending``, ``sent``, ``done``, ``refused``, ``unknown`` or ``void``.
        order_id, fee, tracking: what the vendor gave, or a person entered; the fee with its corrections, before credits.
        error: why it isn't done.
        vendor, account, operation: whose row it is: the kind of profile, the account's name, the operation.
        request_id: the vendor's request id.
        sent_at, done_at: when it was last sent, and when it ended.
        resolved_by, note: who resolved it by hand, and why.
        body: the request as wire JSON; None once forgotten.
        reply: the vendor's whole reply, whatever it said: its JSON, or if it is none, its text (the first 64 KiB); None if there
            was no reply, or once forgotten.
        history: every state it was in.
        money: every amount, as it was entered.
        run: the number of the run that brought it, see `Run`; None: it was booked by itself.
        line: its line in that run's file; None: it came from none.
        kept: the cells of that file that were kept, by column; empty once forgotten.
        previewed: the fee that was previewed, by that file.
        destination: the receiver's country, as it was sent.
    """

    id: int = attrs.field(repr=False)
    version: int = attrs.field(repr=False)
    reference: str
    shipment: int
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
    resolved_by: str | None
    note: str | None
    history: tuple[HistoryEntry, ...] = attrs.field(repr=False)
    body: dict[str, Any] | None = attrs.field(repr=False)
    reply: Any = attrs.field(repr=False)
    money: tuple[MoneyEntry, ...] = attrs.field(repr=False)
    run: int | None = None
    line: int | None = None
    kept: Mapping[str, str] = attrs.field(factory=dict[str, str], repr=False)
    previewed: Money | None = None
    destination: str | None = None

    @property
    def assigned(self) -> str | None:
        """Who is to see to it; None: nobody was named, or it has moved on since."""
        since = itertools.takewhile(lambda step: step.state == self.state, reversed(self.history))
        return next((step.assigned for step in since if step.assigned), None)

    @property
    def as_handed(self) -> str:
        """What a shop learns of it: its state, and the tracking numbers."""
        return " ".join((self.state, *self.tracking))

    @property
    def handed(self) -> str | None:
        """What the shop was last told of it, as in `as_handed`; None: nothing yet."""
        return next((step.handed for step in reversed(self.history) if step.handed), None)


@attrs.frozen(kw_only=True)
class Run:
    """One run of a job.

    Attributes:
        id: its number.
        account, operation: what it booked at.
        began, released, ended: when it began; when its input was taken, None if it never was; None if it was killed, or runs.
        host, pid: where it runs.
        counts: how its input stood at its end, by state; until then, and if it was killed, how it stands.
        fees: what was paid for its input while it ran, once it has ended.
        about: whatever else was noted when it began: ``version`` of this package, and of one from the command line ``person``,
            ``file`` (its name), ``digest`` (SHA-256 of the file), ``options`` and ``decisions``.
    """

    id: int
    account: str
    operation: str
    began: datetime
    released: datetime | None
    ended: datetime | None
    host: str
    pid: int
    counts: Mapping[State, int] = attrs.field(factory=dict["State", int])
    fees: tuple[Money, ...] = ()
    about: Mapping[str, Any] = attrs.field(factory=dict[str, Any])

    @property
    def file(self) -> str | None:
        """The name of the file that it booked; None: it booked none, or what waited."""
        return self.about.get("file")

    @property
    def person(self) -> str | None:
        """Who started it, if that was noted."""
        return self.about.get("person")


def history_entry(at: float, state: State, by: str, note: str | None = None, **more: Any) -> str:
    """One line of a row's history."""
    if note is None and by.isalnum() and not more:  # every step of every booking: as `line_of` would write it
        return f'{{"at": {round(at, 6)!r}, "state": "{state}", "by": "{by}"}}\n'
    return line_of({"at": round(at, 6), "state": state, "by": by, "note": note, **more})


def line_of(entry: dict[str, Any]) -> str:
    """A history entry as its line."""
    return json.dumps({key: value for key, value in entry.items() if value is not None}, ensure_ascii=False) + "\n"


def time_of(seconds: float | None) -> datetime | None:
    """A stored time as an aware one."""
    return None if seconds is None else datetime.fromtimestamp(seconds, timezone.utc)


def money_of(amount: str | None, currency: str | None) -> Money | None:
    """A stored amount."""
    return None if amount is None or currency is None else Money(amount=Decimal(amount), currency=currency)


def storable(money: Money | None) -> Money | None:
    """A fee that can be summed up exactly, its currency in capitals; None for one that nobody can have paid, which then counts as
    not known."""
    if money is None or money.amount < 0:
        return None
    amount, currency = money.amount, money.currency.strip().upper()
    if cast("int", amount.as_tuple().exponent) < -_MOST_PLACES:
        amount = amount.normalize()
    if not currency or amount.adjusted() >= _MOST_DIGITS or cast("int", amount.as_tuple().exponent) < -_MOST_PLACES:
        return None
    same = currency == money.currency and amount is money.amount
    return money if same else Money(amount=amount, currency=currency)


def row_of(values: Mapping[str, Any], money: tuple[MoneyEntry, ...]) -> JournalRow:
    """A row from its columns, by name, and its money."""
    members: dict[str, Any] = {name: value for name, value in values.items() if not name.endswith("currency")}
    members |= {name: None if values[name] is None else json.loads(values[name]) for name in ("body", "reply")}
    members |= {name: time_of(values[name]) for name in ("sent_at", "done_at")}
    members["fee"] = money_of(values["fee"], values["currency"])
    members["previewed"] = money_of(values["previewed"], values["previewed_currency"])
    members["kept"] = json.loads(values["kept"] or "{}")
    members["tracking"] = tuple((values["tracking"] or "").split())
    members["history"] = tuple(map(_history_entry, values["history"].splitlines()))
    return JournalRow(**members, money=money)


def _history_entry(line: str) -> HistoryEntry:
    entry = json.loads(line)
    at = datetime.fromtimestamp(entry["at"], timezone.utc)
    more = {name: entry.get(name) for name in ("note", "assigned", "handed")}
    return HistoryEntry(at=at, state=entry["state"], by=entry["by"], **more)
