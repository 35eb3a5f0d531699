"""The bound on what a job spends."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from .._models.money import Money


class Spending:
    """The bound on what is spent, shared by everything that a job has under way.

    Args:
        bound: what may be spent in all; None: no bound.
        fees: what earlier runs spent, per currency.
        highest: the highest fee that they saw.
        unknown: how many bookings they left in doubt.

    Attributes:
        changed: set whenever a booking ended, so that who waits may look again.
    """

    def __init__(self, bound: Money | None, fees: dict[str, Decimal], highest: Decimal | None, unknown: int) -> None:
        self._bound = bound
        self._spent = Decimal(0) if bound is None else fees.get(bound.currency, Decimal(0))
        self._highest = highest
        self._unknown = unknown
        self._in_flight = 0
        self.changed = asyncio.Event()
        self._foreign: str | None = None
        if bound is not None:
            for currency in fees.keys() - {bound.currency}:
                self._foreign = f"earlier bookings were paid in {currency}, the bound is in {bound.currency}"

    def allows_one_more(self) -> bool:
        """Whether one more booking stays within the bound now."""
        bound = self._bound
        if bound is None:
            return True
        if self._foreign is not None:
            return False
        if self._highest is None:  # one at a time until the first fee is known
            return self._spent < bound.amount and not self._in_flight
        return self._spent + (self._in_flight + self._unknown + 1) * self._highest <= bound.amount

    def exhausted(self) -> str | None:
        """Why no more may be booked, however long one waits; None: what is under way may leave room."""
        if self._in_flight and self._foreign is None:
            return None
        reached = f"the bound of {self._bound} is reached: {self._spent} spent, {self._unknown} in doubt"
        return self._foreign or (None if self.allows_one_more() else reached)

    def began(self) -> None:
        """A booking starts."""
        self._in_flight += 1

    def ended(self) -> None:
        """It has ended, however."""
        self._in_flight -= 1
        self.changed.set()

    def paid(self, fee: Money | None) -> None:
        """A booking was made."""
        if fee is None or self._bound is None:
            return
        if fee.currency != self._bound.currency:
            self._foreign = f"a fee came in {fee.currency}, the bound is in {self._bound.currency}"
            return
        self._spent += fee.amount
        self._highest = max(self._highest or fee.amount, fee.amount)

    def doubted(self, change: int) -> None:
        """So many more are in doubt."""
        self._unknown += change
