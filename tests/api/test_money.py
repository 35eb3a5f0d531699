"""Money: exact, and never two currencies in one sum."""

from __future__ import annotations

import operator
import pickle
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from pandapon_async._errors import RequestError
from pandapon_async._models.money import Money

AMOUNTS = st.decimals(min_value=-(10**12), max_value=10**12, places=4)


def usd(amount: Any) -> Money:
    return Money(amount=Decimal(amount), currency="USD")


def cny(amount: Any) -> Money:
    return Money(amount=Decimal(amount), currency="CNY")


@given(AMOUNTS, AMOUNTS)
@settings(deadline=None)
def test_sums_and_differences_are_exact(one: Decimal, other: Decimal):
    assert Fraction((usd(one) + usd(other)).amount) == Fraction(one) + Fraction(other)
    assert Fraction((usd(one) - usd(other)).amount) == Fraction(one) - Fraction(other)


@given(AMOUNTS, st.integers(-1000, 1000))
@settings(deadline=None)
def test_products_are_exact(amount: Decimal, factor: int):
    assert Fraction((usd(amount) * factor).amount) == Fraction(amount) * factor
    assert factor * usd(amount) == usd(amount) * factor == usd(amount) * Decimal(factor)


@given(st.lists(AMOUNTS, min_size=1))
@settings(deadline=None)
def test_sum_works(amounts: list[Decimal]):
    assert sum(map(usd, amounts)) == usd(sum(amounts))


@given(AMOUNTS, AMOUNTS)
@settings(deadline=None)
def test_money_is_ordered_as_its_amounts_are(one: Decimal, other: Decimal):
    for compare in (operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne):
        assert compare(usd(one), usd(other)) == compare(one, other)


def test_the_cents_of_a_float_are_not_lost():
    assert usd("0.10") + usd("0.20") == usd("0.30")
    assert str(usd("0.10") + usd("0.20")) == "0.30 USD"


def test_the_highest_is_found():
    assert max([usd("9.99"), usd("100"), usd("10")]) == usd(100)


@pytest.mark.parametrize(
    "combine",
    [operator.add, operator.sub, operator.lt, operator.le, operator.gt, operator.ge],
    ids=lambda op: op.__name__,
)
def test_two_currencies_cannot_be_put_together(combine: Callable[[Any, Any], Any]):
    with pytest.raises(RequestError, match="USD and CNY can't be combined without a rate"):
        combine(usd(1), cny(1))


def test_a_sum_of_two_currencies_is_an_error():
    with pytest.raises(RequestError):
        sum([usd(1), cny(1)])


def test_the_same_amount_in_two_currencies_is_not_equal():
    assert usd(1) != cny(1)
    assert usd("1.0") == usd("1.00")


@pytest.mark.parametrize(
    ("combine", "other"),
    [
        (operator.add, 1),
        (operator.add, Decimal(1)),
        (operator.add, "1"),
        (operator.sub, 0),
        (operator.sub, 1),
        (operator.mul, 1.5),
        (operator.mul, usd(1)),
        (operator.lt, 1),
        (operator.ge, None),
    ],
)
def test_money_does_not_mix_with_other_values(combine: Callable[[Any, Any], Any], other: Any):
    with pytest.raises(TypeError):
        combine(usd(1), other)


def test_nothing_may_be_added():
    assert usd(5) + 0 == usd(5)
    assert 0 + usd(5) == usd(5)


def test_money_is_shown_with_its_currency():
    assert str(usd("322.92")) == "322.92 USD"


def test_money_is_hashable_and_pickles():
    assert {usd("1.0"), usd("1.00"), cny(1)} == {usd(1), cny(1)}
    assert pickle.loads(pickle.dumps(usd("322.92"))) == usd("322.92")


def test_unknown_members_do_not_change_the_order():
    plain, noted = usd(1), Money(amount=Decimal(1), currency="USD", extra={"tax": "0"})
    assert not plain > noted
    assert plain <= noted


@pytest.mark.parametrize("amount", [0.1, None, True, "five", "NaN"])
def test_an_amount_is_an_exact_number(amount: Any):
    with pytest.raises(RequestError, match=r"^amount: "):
        Money(amount=amount, currency="USD")


@pytest.mark.parametrize("amount", [Decimal("5.00"), "5.00", 5])
def test_an_amount_may_be_given_as_text_or_a_whole_number(amount: Any):
    money = Money(amount=amount, currency="USD")
    assert type(money.amount) is Decimal
    assert money == usd(5)
