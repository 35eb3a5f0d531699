"""The demo's orders, and the comparison of their outcomes with the fake vendor's ledger. No output here."""

from __future__ import annotations

import copy
import enum
import random
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, cast

import attrs

from .._errors import (
    DeadlineExceededError,
    LimitExceededError,
    NotSentError,
    OutcomeUnknownError,
    PandaponError,
    RequestError,
)
from .._journal.rows import JournalRow
from .._models.converters import from_wire
from .._models.money import Money
from .._streams.stream import Outcome
from ..api.logistics import FreightBooking, FreightBookingRequest
from ..testing import Ledger
from ..testing._operations import load_operations
from ..testing._replies import BOOK

_FIRST = ("Jane", "Juan", "Mei", "Olu", "Priya", "Sam", "Tove", "Yuki")
_LAST = ("Beispiel", "Ejemplo", "Example", "Esempio", "Exemple", "Sample")
_PLACES = (
    ("US", "California", "Springfield", "90000"),
    ("GB", "Example Shire", "Sampleton", "EX4 9LE"),
    ("DE", "Musterland", "Musterstadt", "12345"),
    ("ES", "Provincia Ejemplo", "Villa Muestra", "28000"),
    ("JP", "Reiken", "Mihonshi", "100-0000"),
)
"""Invented people and places."""


class SampleOrders:
    """The contract's sample booking, and then as many variations of it as wanted: seeded, each with a render id of its own."""

    def __init__(self, count: int, seed: int) -> None:
        self._count = count
        self._seed = seed
        page = next(operation for operation in load_operations("pandapon") if operation.contract_id == BOOK)
        self._sample: dict[str, Any] = page.example_request

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[FreightBookingRequest]:
        for index in range(self._count):
            yield from_wire(FreightBookingRequest, self._wire(index))

    def reference(self, index: int) -> str:
        """The render id of an order."""
        return cast("str", self._sample["renderId"]) if index == 0 else f"FF{self._seed % 1000:03d}{index:010d}"

    def _wire(self, index: int) -> dict[str, Any]:
        if index == 0:
            return self._sample
        dice = random.Random(f"order {self._seed} {index}")
        order = copy.deepcopy(self._sample)
        order["renderId"] = self.reference(index)
        order["tmallOrderInfo"]["tmallOrderId"] = str(dice.randrange(10**8, 10**9))
        country, state, city, zip_code = dice.choice(_PLACES)
        first, last = dice.choice(_FIRST), dice.choice(_LAST)
        phone = f"555{dice.randrange(10**7):07d}"
        order["receiverAddress"] |= {
            "country": country,
            "state": state,
            "city": city,
            "zip": zip_code,
            "address": f"{dice.randrange(1, 200)} Example Street",
            "name": f"{first} {last}",
            "phone": phone,
            "mobilePhone": phone,
            "email": f"{first}.{last}@example.com".lower(),
        }
        order["lineItems"] = order["lineItems"][: dice.randrange(1, 3)]
        for item in order["lineItems"]:
            item["quantity"] = dice.randrange(1, 10)
        return order


class _End(enum.IntEnum):
    """How an order ended, as one byte."""

    NOT_STARTED = 0
    BOOKED = 1
    REFUSED = 2
    IN_DOUBT = 3
    NOT_SENT = 4


_END_OF: Mapping[str, _End] = {
    "done": _End.BOOKED,
    "refused": _End.REFUSED,
    "unknown": _End.IN_DOUBT,
    "sent": _End.IN_DOUBT,
    "pending": _End.NOT_SENT,
}


@attrs.frozen(kw_only=True)
class Finding:
    """What the comparison with the ledger found.

    Attributes:
        disagreements: the first few, in words; empty if the ledger agrees.
        count: how many there are.
        in_ledger: the orders that the vendor booked.
        doubled: those that it booked more than once.
        doubt_booked: those in doubt that it booked.
        not_started: the orders that were never begun.
    """

    disagreements: tuple[str, ...]
    count: int
    in_ledger: int
    doubled: int
    doubt_booked: int
    not_started: int


class Audit:
    """Counts outcomes, and remembers of each just enough to compare it: one byte, and eight for its order id and fee.

    Attributes:
        fees: what the confirmed bookings cost, per currency.
        attempts: of all calls.
        examples: the first few references in doubt.
    """

    EXAMPLES = 2
    SHOWN = 10

    def __init__(self, orders: SampleOrders) -> None:
        self._orders = orders
        self._ends = bytearray(len(orders))
        self._digests = array("q", bytes(8 * len(orders)))
        self._counts: Counter[_End] = Counter()
        self.fees: dict[str, Decimal] = {}
        self.attempts = 0
        self.examples: list[str] = []

    @property
    def booked(self) -> int:
        """Bookings that the vendor confirmed."""
        return self._counts[_End.BOOKED]

    @property
    def refused(self) -> int:
        """Orders that the vendor refused."""
        return self._counts[_End.REFUSED]

    @property
    def in_doubt(self) -> int:
        """Orders that may have been booked."""
        return self._counts[_End.IN_DOUBT]

    @property
    def not_sent(self) -> int:
        """Orders that the vendor has not seen."""
        return self._counts[_End.NOT_SENT]

    @property
    def ended(self) -> int:
        """Orders that have an outcome."""
        return sum(self._counts.values())

    def note(self, outcome: Outcome[FreightBooking]) -> None:
        """Take in one outcome.

        Raises:
            Exception: the outcome's error is none of the package's: a defect, which must not look like a refusal.
        """
        booking = outcome.data
        self.attempts += outcome.attempts
        order_id, fee = (None, None) if booking is None else (booking.order_id, booking.order_fee)
        self._enter(outcome.index, _end(outcome.error), order_id, fee)

    def enter(self, index: int, row: JournalRow) -> None:
        """Take in how the journal has one order."""
        self.attempts += row.state != "pending"
        self._enter(index, _END_OF[row.state], row.order_id, row.fee)

    def _enter(self, index: int, end: _End, order_id: str | None, fee: Money | None) -> None:
        self._ends[index] = end
        self._counts[end] += 1
        if fee is not None:
            self.fees[fee.currency] = self.fees.get(fee.currency, Decimal(0)) + fee.amount
            self._digests[index] = _digest(order_id, fee.amount, fee.currency)
        if end is _End.IN_DOUBT and len(self.examples) < self.EXAMPLES:
            self.examples.append(self._orders.reference(index))

    def compare(self, ledger: Ledger) -> Finding:
        """Compare every outcome with what the vendor did."""
        counts, replies = dict(ledger.bookings), ledger.replies
        in_ledger, doubled = len(counts), len(ledger.doubled)
        shown: list[str] = []
        wrong = doubt_booked = 0
        for index, end in enumerate(self._ends):
            reference = self._orders.reference(index)
            times = counts.pop(reference, 0)
            if end == _End.IN_DOUBT and times:
                doubt_booked += 1
            problem = self._problem(index, times, replies.get(reference))
            if problem:
                wrong += 1
                shown += [f"{reference}: {problem}"] if len(shown) < self.SHOWN else []
        wrong += len(counts)
        shown += [f"{reference}: was never asked for" for reference in list(counts)[: self.SHOWN - len(shown)]]
        return Finding(
            disagreements=tuple(shown),
            count=wrong,
            in_ledger=in_ledger,
            doubled=doubled,
            doubt_booked=doubt_booked,
            not_started=self._ends.count(_End.NOT_STARTED),
        )

    def _problem(self, index: int, times: int, reply: Any) -> str:
        """What is wrong with one order, in words; empty if nothing is."""
        end = self._ends[index]
        if times > 1:
            return f"booked {times} times"
        if end == _End.BOOKED:
            if not times:
                return "confirmed, but not booked"
            fee = reply["orderFee"]
            same = self._digests[index] == _digest(reply["orderId"], Decimal(fee["amount"]), fee["currency"])
            return "" if same else "confirmed with another order id or fee than the vendor's"
        if times and end != _End.IN_DOUBT:
            return f"{_End(end).name.lower().replace('_', ' ')}, but booked"
        return ""


def _end(error: Exception | None) -> _End:
    if error is None:
        return _End.BOOKED
    if not isinstance(error, PandaponError):
        raise error
    if isinstance(error, OutcomeUnknownError):
        return _End.IN_DOUBT
    unsent = (NotSentError, DeadlineExceededError, LimitExceededError, RequestError)
    return _End.NOT_SENT if isinstance(error, unsent) else _End.REFUSED


def _digest(order_id: str | None, amount: Decimal, currency: str) -> int:
    return hash((order_id, amount, currency))
