"""What must be so after every act, whatever it was, by the vendor's own books: one check for both drivers."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs

from pandapon_async import Journal, JournalError, JournalRow
from pandapon_async._jobs.report import Report
from pandapon_async.api.logistics import BookingItem, FreightBookingRequest, ReceiverAddress
from pandapon_async.testing._ledger import Ledger

# --- orders ------------------------------------------------------------------------------------------------------------


@attrs.define
class Order:
    """An order of the shop; ``edition``: how often it was corrected, each time with a quote of its own."""

    number: int
    edition: int = 0

    @property
    def reference(self) -> str:
        return f"order-{self.number}"

    @property
    def render_id(self) -> str:
        return f"R{self.number}" + (f".{self.edition}" if self.edition else "")

    def request(self, **changes: Any) -> FreightBookingRequest:
        person = ReceiverAddress(name=f"Ann Example {self.number}", address="1 Example Street", country="US")
        members = {
            "render_id": self.render_id, "receiver_address": person, "line_items": (BookingItem(item_id="1", quantity=1),),
        }  # fmt: skip
        return FreightBookingRequest(**{**members, **changes})


def reference_of(render_id: str) -> str:
    """Which order a quote was for."""
    return f"order-{render_id[1:].partition('.')[0]}"


# --- what was booked, and what was said of it --------------------------------------------------------------------------


@attrs.frozen
class Deed:
    """A booking as the vendor made it, and when."""

    reference: str
    order_id: str
    fee: Decimal
    at: float
    data: Mapping[str, Any] = attrs.field(repr=False)


@attrs.frozen
class Told:
    """What a user was told of a booking."""

    reference: str
    recorded: str
    order_id: str | None
    fee: Decimal | None


def deeds_of(ledger: Ledger, now: Callable[[], float] = time.time) -> list[Deed]:
    """Every booking from now on, also the second of the same: what the ledger itself only counts."""
    deeds: list[Deed] = []
    note = ledger.add_booking

    def noted(render_id: str, data: Mapping[str, Any], body: Any) -> None:
        deeds.append(Deed(reference_of(render_id), data["orderId"], Decimal(data["orderFee"]["amount"]), now(), data))
        note(render_id, data, body)

    ledger.add_booking = noted  # type: ignore[method-assign]
    return deeds


# --- the check ---------------------------------------------------------------------------------------------------------


def check(
    path: Path | str,
    deeds: Sequence[Deed],
    told: Iterable[Told],
    *,
    credited: Decimal = Decimal(0),
    voided: Collection[str] = (),
    without_fee: Collection[str] = (),
) -> dict[str, JournalRow]:
    """Nothing is booked twice or lost, no order id told to two, every total true. Gives the journal's rows.

    Args:
        path: the journal, or its URL; nobody may be writing it.
        deeds: what the vendor has made.
        told: what users were told, by whatever process.
        credited: what the vendor gave back, by those who entered it.
        voided: what was cancelled after it was made.
        without_fee: the order ids whose reply has not said what they cost; somebody may have entered it since.
    """
    twice = {reference: count for reference, count in Counter(deed.reference for deed in deeds).items() if count > 1}
    assert twice == {}, f"booked twice: {twice}"
    made = {deed.reference: deed for deed in deeds}
    _check_told(made, told, without_fee)
    if not made and not _has_tables(path):
        return {}
    with Journal.open(path) as journal:
        rows = {row.reference: row for row in journal.rows()}
        _check_rows(rows, made, voided, without_fee)
        _check_totals(journal, rows, made, credited)
    return rows


def _has_tables(path: Path | str) -> bool:
    """Whether a job got as far as making the journal."""
    try:
        Journal.open(path).close()
    except JournalError as error:
        if not error.message.endswith(("there is no journal", "the journal is empty")):
            raise
        return False
    return True


def check_report(
    report: Report, told: Sequence[tuple[str, Told]], deeds: Sequence[Deed], fed: int | None = None
) -> None:
    """A job's figures are those of what it told: pairs (how it ended, what was told); ``fed``: how many bookings it was given."""
    counted = Counter({state: getattr(report, state) for state in ("done", "refused", "unknown", "held")})
    by_state = Counter(state for state, _ in told)
    assert +counted == by_state - Counter(skipped=by_state["skipped"], pending=by_state["pending"])
    assert report.skipped >= by_state["skipped"], "what wasn't reached is counted, too"
    assert report.pending >= 0
    total = report.pending + report.skipped + counted.total()
    assert fed in (None, total), f"of {fed} bookings others are told: {report}"
    fees = {deed.reference: deed.fee for deed in deeds}
    made = [one for state, one in told if state == "done"]
    paid = sum((fees[one.reference] for one in made if one.fee is not None), Decimal(0))
    assert report.unpriced == sum(one.fee is None for one in made)
    assert sum((fee.amount for fee in report.fees.values()), Decimal(0)) == paid, "the fees of a run aren't true"


def check_settled(
    rows: Mapping[str, JournalRow],
    deeds: Sequence[Deed],
    orders: Iterable[Order],
    void: Collection[str] = (),
    voided: Collection[str] = (),
) -> None:
    """In the end every order is booked, but for those that are ``void``, and the journal says so; ``voided`` ones were made."""
    wanted = {order.reference: "void" if order.reference in void else "done" for order in orders}
    assert {reference: row.state for reference, row in rows.items()} == wanted
    booked = [name for name, state in wanted.items() if state == "done" or name in voided]
    assert sorted(deed.reference for deed in deeds) == sorted(booked)


def _is_said(deed: Deed, order_id: str | None, fee: Decimal | None, without_fee: Collection[str]) -> bool:
    """Whether that is what was made, as far as the vendor has said it."""
    return order_id == deed.order_id and (fee == deed.fee or (fee is None and deed.order_id in without_fee))


def _check_told(made: Mapping[str, Deed], told: Iterable[Told], without_fee: Collection[str]) -> None:
    owner: dict[str, str] = {}
    for one in told:
        if one.order_id is not None:
            assert owner.setdefault(one.order_id, one.reference) == one.reference, f"told to two: {one}"
        if one.recorded == "done":
            deed = made.get(one.reference)
            assert deed is not None, f"told as done, and never made: {one}"
            assert _is_said(deed, one.order_id, one.fee, without_fee), f"told otherwise than made: {one}, {deed}"


def _check_rows(
    rows: Mapping[str, JournalRow], made: Mapping[str, Deed], voided: Collection[str], without_fee: Collection[str]
) -> None:
    ids = Counter(row.order_id for row in rows.values() if row.order_id)
    assert not ids or max(ids.values()) == 1, f"one order id for two: {ids}"
    for reference, deed in made.items():
        row = rows.get(reference)
        assert row is not None, f"lost: {reference} was made, and has no row"
        states = ("void",) if reference in voided else ("done", "unknown", "sent")
        assert row.state in states, f"lost: {reference} was made, and is {row.state}"
        if row.state in ("done", "void"):
            fee = None if row.fee is None else row.fee.amount
            assert _is_said(deed, row.order_id, fee, without_fee), f"recorded otherwise than made: {row}, {deed}"
    for reference, row in rows.items():
        assert row.state != "done" or reference in made, f"recorded as done, and never made: {row}"
        assert row.history[-1].state == row.state, f"its history ends otherwise: {row}, {row.history}"


def _check_totals(
    journal: Journal, rows: Mapping[str, JournalRow], made: Mapping[str, Deed], credited: Decimal
) -> None:
    counts = Counter(row.state for row in rows.values())
    assert {state: count for state, count in journal.counts().items() if count} == counts
    fees = sum((made[name].fee for name, row in rows.items() if row.fee is not None), Decimal(0))
    assert sum((total.fees for total in journal.totals()), Decimal(0)) == fees, "the sum of fees isn't true"
    assert sum((total.credits for total in journal.totals()), Decimal(0)) == credited, "the sum of credits isn't true"
    assert journal.unpriced() == Counter(
        row.account for row in rows.values() if row.state == "done" and row.fee is None
    )
