"""What a preview said of a booking: its fee, and when; a booking file has it in columns beside the booking's own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Final

import attrs

from .._errors import RequestError
from .._models.money import Money

PREVIEWED_FEE: Final = "previewedFee"
PREVIEWED_CURRENCY: Final = "previewedCurrency"
PREVIEWED_AT: Final = "previewedAt"
PREVIEWED: Final = (PREVIEWED_FEE, PREVIEWED_CURRENCY, PREVIEWED_AT)


@attrs.frozen
class Previewed:
    """``fee``: None if no price was recognised in the preview's reply; ``at``: when it was asked."""

    fee: Money | None
    at: datetime

    def is_current(self, now: datetime, hours: float) -> bool:
        """Whether it is believed; one from the future isn't, since a clock or the file is wrong."""
        return timedelta() <= now - self.at <= timedelta(hours=hours)

    def was_raised(self, fee: Money | None, percent: float) -> bool:
        """Whether a fee is more than so many percent above this one; what can't be compared counts as more."""
        if self.fee is None:
            return False
        if fee is None or fee.currency != self.fee.currency:
            return True
        return fee.amount * 100 > self.fee.amount * (100 + Decimal(str(percent)))

    def cells(self, sign: str = ".") -> dict[str, str]:
        """It as the cells of its columns; ``sign``: the decimal sign."""
        at = self.at.astimezone(timezone.utc).isoformat(timespec="seconds")
        if self.fee is None:
            return {PREVIEWED_FEE: "", PREVIEWED_CURRENCY: "", PREVIEWED_AT: at}
        amount = f"{self.fee.amount:f}".replace(".", sign)
        return {PREVIEWED_FEE: amount, PREVIEWED_CURRENCY: self.fee.currency, PREVIEWED_AT: at}


def previewed_of(cells: Mapping[str, str]) -> Previewed | None:
    """What the cells of its columns say; None: there was no preview. The fee has a decimal point.

    Raises:
        RequestError: they say nothing whole; ``field`` is the column.
    """
    fee, currency, at = (cells.get(name, "") for name in PREVIEWED)
    if not (fee or currency or at):
        return None
    try:
        moment = datetime.fromisoformat(at.replace("Z", "+00:00"))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise RequestError("expected a time such as 2026-05-01T09:30:00+00:00", field=PREVIEWED_AT)
    if bool(fee) != bool(currency):
        missing = PREVIEWED_CURRENCY if fee else PREVIEWED_FEE
        raise RequestError("is empty, and a fee has an amount and a currency", field=missing)
    if not fee:
        return Previewed(None, moment)
    if not (len(currency) == 3 and currency.isascii() and currency.isalpha() and currency.isupper()):
        raise RequestError("expected three capital letters, such as USD", field=PREVIEWED_CURRENCY)
    try:
        money = Money(amount=Decimal(fee), currency=currency)
    except (ArithmeticError, RequestError):
        raise RequestError("expected an amount", field=PREVIEWED_FEE) from None
    if money.amount < 0:
        raise RequestError("is below zero", field=PREVIEWED_FEE)
    return Previewed(money, moment)
