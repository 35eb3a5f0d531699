"""Rates: the only way in which two currencies are ever compared."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, strategies as st

from pandapon_async import Rates, RequestError
from pandapon_async.api.logistics import Money


def money(amount: Any, currency: str) -> Money:
    return Money(amount=amount, currency=currency)


def test_without_a_rate_currencies_stay_apart() -> None:
    assert Rates().measure(money("5", "USD")) == ("USD", Fraction(5))
    assert Rates().measure(money("5", "CNY"))[0] != Rates().measure(money("5", "USD"))[0]


def test_a_rate_says_what_one_of_the_first_is_worth_in_the_second() -> None:
    rates = Rates({"USD/CNY": "7.1"})
    assert rates.measure(money("71", "CNY")) == rates.measure(money("10", "USD")) == ("USD", Fraction(10))


def test_rates_chain() -> None:
    rates = Rates({"USD/CNY": 7, "EUR/USD": Decimal("1.5"), "GBP/JPY": 200})
    assert rates.measure(money("2", "EUR")) == ("USD", Fraction(3))
    assert rates.measure(money("21", "CNY")) == ("USD", Fraction(3))
    assert rates.measure(money("400", "JPY")) == ("GBP", Fraction(2))


@given(
    st.decimals("0.001", "1000", places=3),
    st.decimals("0.01", "10000", places=2),
    st.decimals("0.01", "10000", places=2),
)
def test_a_comparison_is_exact(rate: Decimal, left: Decimal, right: Decimal) -> None:
    rates = Rates({"USD/CNY": rate})
    assert (rates.measure(money(left, "USD"))[1] < rates.measure(money(right, "CNY"))[1]) == (
        Fraction(left) * Fraction(rate) < Fraction(right)
    )


def test_texts_are_read() -> None:
    assert Rates.parse(["usd/cny=7.1"]).measure(money("7.1", "CNY")) == ("USD", Fraction(1))


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        (["USD/CNY"], "'USD/CNY' isn't a rate such as USD/CNY=7.1"),
        (["USDCNY=7.1"], "'USDCNY' isn't a currency pair"),
        (["USD/USD=1"], "'USD/USD' isn't a currency pair"),
        (["USD/YUAN=7"], "'USD/YUAN' isn't a currency pair"),
        (["USD/CNY=seven"], "USD/CNY: not a decimal number"),
        (["USD/CNY=0"], "USD/CNY: a rate must be above 0"),
        (["USD/CNY=-7"], "USD/CNY: a rate must be above 0"),
        (["USD/CNY=7", "USD/CNY=8"], "USD/CNY is given twice"),
        (["USD/CNY=7", "CNY/USD=0.1"], "CNY/USD: this rate is given twice"),
    ],
)
def test_a_wrong_rate_is_named(texts: list[str], told: str) -> None:
    with pytest.raises(RequestError, match=told):
        Rates.parse(texts)
