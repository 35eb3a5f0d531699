"""An amount in one currency."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import attrs

from .._errors import RequestError
from .base import NO_EXTRA, ReplyModel
from .decimals import to_decimal
from .fields import keys_only


def _amount(value: Decimal | int | str) -> Decimal:
    return to_decimal(value, "amount")


@functools.total_ordering
@attrs.frozen(kw_only=True, order=False)
class Money(ReplyModel):
    """An amount in one currency (wire: ``{"amount": "322.92", "currency": "USD"}``).

    Adding, subtracting or comparing different currencies raises `RequestError`. ``sum()`` works.
    """

    # Excluded from comparison: unknown members don't change the amount.
    extra: Mapping[str, Any] = attrs.field(default=NO_EXTRA, eq=False, repr=keys_only)
    amount: Decimal = attrs.field(converter=_amount)
    currency: str

    def _same(self, other: Money) -> Decimal:
        if self.currency != other.currency:
            raise RequestError(f"{self.currency} and {other.currency} can't be combined without a rate")
        return other.amount

    def __add__(self, other: Any) -> Money:
        if isinstance(other, Money):
            return Money(amount=self.amount + self._same(other), currency=self.currency)
        return self if other == 0 else NotImplemented

    __radd__ = __add__

    def __sub__(self, other: Any) -> Money:
        if isinstance(other, Money):
            return Money(amount=self.amount - self._same(other), currency=self.currency)
        return NotImplemented

    def __mul__(self, factor: Any) -> Money:
        if isinstance(factor, (int, Decimal)):
            return Money(amount=self.amount * factor, currency=self.currency)
        return NotImplemented

    __rmul__ = __mul__

    def __lt__(self, other: Any) -> bool:
        return self.amount < self._same(other) if isinstance(other, Money) else NotImplemented

    def __str__(self) -> str:
        return f"{self.amount:f} {self.currency}"
