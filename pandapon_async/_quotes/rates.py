"""Exchange rates that the caller gives: the only way in which two currencies are ever compared."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from .._errors import RequestError
from .._models.decimals import to_decimal
from .._models.money import Money


class Rates:
    """How much of one currency another is worth. Without a rate two currencies can't be compared.

    Args:
        pairs: ``{"USD/CNY": "7.1"}``: one USD is 7.1 CNY. Pairs chain: with ``EUR/USD`` as well, EUR and CNY can be compared.

    Raises:
        RequestError: a pair isn't of the form ``USD/CNY``, its rate isn't a number above 0, or it stands there twice.
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
        """From texts such as ``USD/CNY=7.1``.

        Raises:
            RequestError: as for the class.
        """
        pairs: dict[str, Decimal | int | str] = {}
        for text in texts:
            pair, equals, rate = text.partition("=")
            if not equals or pair in pairs:
                raise RequestError(
                    f"{text!r} is no rate such as USD/CNY=7.1" if not equals else f"{pair} is given twice"
                )
            pairs[pair.strip()] = rate.strip()
        return cls(pairs)

    def _add(self, pair: str, rate: Any) -> None:
        one, slash, other = pair.upper().partition("/")
        if not slash or not (_is_code(one) and _is_code(other)) or one == other:
            raise RequestError(f"{pair!r} is no pair of currencies such as USD/CNY")
        number = to_decimal(rate, pair)
        if number <= 0:
            raise RequestError(f"{pair}: a rate must be above 0")
        if other in self._edges.get(one, {}):
            raise RequestError(f"{pair}: this rate is given twice")
        self._edges.setdefault(one, {})[other] = Fraction(number)
        self._edges.setdefault(other, {})[one] = 1 / Fraction(number)

    def _spread(self, base: str) -> None:
        """Everything that can be reached from one currency, by the fewest steps, is counted in it."""
        self._bases[base] = (base, Fraction(1))
        waiting = [base]
        for currency in waiting:
            for other, rate in self._edges[currency].items():
                if other not in self._bases:
                    # One `currency` is `rate` of the other, so one of the other is 1/rate of it.
                    self._bases[other] = (base, self._bases[currency][1] / rate)
                    waiting.append(other)

    def measure(self, money: Money) -> tuple[str, Fraction]:
        """A currency and an amount in it; amounts of the same currency can be compared."""
        base, factor = self._bases.get(money.currency, (money.currency, Fraction(1)))
        return base, Fraction(money.amount) * factor


def _is_code(text: str) -> bool:
    return len(text) == 3 and text.isascii() and text.isalpha()


def rates_from(rates: Rates | Mapping[str, Any] | None) -> Rates:
    """Rates, or a mapping of them, or none.

    Raises:
        RequestError: they are wrong.
    """
    return rates if isinstance(rates, Rates) else Rates(rates)
