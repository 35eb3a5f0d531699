"""Amounts of money, as they are given and told."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from .._models.money import Money


def money_given(option: str, amount: str, currency: str) -> Money:
    """The amount that is given with an option.

    Raises:
        BadParameter: it is none; the option and what it got are named.
    """
    from .._files.resolutions import money_of

    def wrong(_: str, why: str) -> Exception:
        return click.BadParameter(f"{amount} {currency}: {why}", param_hint=option)

    return money_of(amount, currency, wrong)


def sums_of(fees: Iterable[Money | None]) -> str:
    """The sum of each currency; nothing if there is none."""
    sums: dict[str, Decimal] = {}
    for fee in fees:
        if fee is not None:
            sums[fee.currency] = sums.get(fee.currency, Decimal()) + fee.amount
    return ", ".join(f"{amount:,f} {currency}" for currency, amount in sums.items())
