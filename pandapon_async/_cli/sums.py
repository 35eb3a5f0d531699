"""Amounts of money summed up, as they are told."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .._models.money import Money


def sums_of(fees: Iterable[Money | None]) -> str:
    """The sum of each currency; nothing if there is none."""
    sums: dict[str, Decimal] = {}
    for fee in fees:
        if fee is not None:
            sums[fee.currency] = sums.get(fee.currency, Decimal()) + fee.amount
    return ", ".join(f"{amount:,f} {currency}" for currency, amount in sums.items())
