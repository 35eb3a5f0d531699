"""Exchange rates supplied by the caller: currencies are never compared without them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from .._errors import RequestError
from .._models.decimals import to_decimal
from .._models.money import Money


class Rates:
    """Exchange rates between currencies. Without a rate two currencies can't be compared.

    Args:
        pairs: ``{"USD/CNY": "7.1"}``: one USD is 7.1 CNY. Rates chain: adding ``EUR/USD`` makes EUR and CNY comparable.

    Raises:
        RequestError: a pair isn't of the form ``USD/CNY``, its rate isn't a number above 0, or it is given twice.
    """

    def __init__(self, pairs: Mapping[str, Decimal | int | str] | None = None) -> None:
        self._edges: dict[str, dict[str, Fraction]] = {}
        self._bases: dict[str, tuple[str, Fraction]] = {}
        for pair, rate in (pairs or {}).items():
            self._add(pair, rate)
        for currency in self._edges:
            if currency not in self._bases:
                self._spread(currency)

    @classmethod
    def parse(cls, texts: tuple[str, ...] | list[str]) -> Rates:
        """Parse texts such as ``USD/CNY=7.1``.

        Raises:
            RequestError: as for the class.
        """
        pairs: dict[str, Decimal | int | str] = {}
        for text in texts:
            pair, equals, rate = text.partition("=")
            if not equals or pair in pairs:
                raise RequestError(
                    f"{text!r} isn't a rate such as USD/CNY=7.1" if not equals else f"{pair} is given twice"
                )
            pairs[pair.strip()] = rate.strip()
        return cls(pairs)

    def _add(self, pair: str, rate: Any) -> None:
        one, slash, other = pair.upper().partition("/")
        if not slash or not (_is_code(one) and _is_code(other)) or one == other:
            raise RequestError(f"{pair!r} isn't a currency pair such as USD/CNY")
        number = to_decimal(rate, pair)
        if number <= 0:
            raise RequestError(f"{pair}: a rate must be above 0")
        if other in self._edges.get(one, {}):
            raise RequestError(f"{pair}: this rate is given twice")
        self._edges.setdefault(one, {})[other] = Fraction(number)
        self._edges.setdefault(other, {})[one] = 1 / Fraction(number)

    def _spread(self, base: str) -> None:
        """Convert every currency reachable from ``base``, by the fewest steps."""
        self._bases[base] = (base, Fraction(1))
        waiting = [base]
        for currency in waiting:
            for other, rate in self._edges[currency].items():
                if other not in self._bases:
                    # 1 `currency` = `rate` `other`, so 1 `other` = 1/rate `currency`.
                    self._bases[other] = (base, self._bases[currency][1] / rate)
                    waiting.append(other)

    def measure(self, money: Money) -> tuple[str, Fraction]:
        """Convert to a comparable (currency, amount): amounts in the same currency can be compared."""
        base, factor = self._bases.get(money.currency, (money.currency, Fraction(1)))
        return base, Fraction(money.amount) * factor


def _is_code(text: str) -> bool:
    return len(text) == 3 and text.isascii() and text.isalpha()


def rates_from(rates: Rates | Mapping[str, Any] | None) -> Rates:
    """Rates from an instance, a mapping or None.

    Raises:
        RequestError: they are invalid.
    """
    return rates if isinstance(rates, Rates) else Rates(rates)
