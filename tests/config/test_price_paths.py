"""Where a price is found in a reply, and that nothing is taken for one by guessing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, strategies as st

from pandapon_async import PANDAPON, ConfigError
from pandapon_async._config.price_paths import KNOWN_PRICE_PATHS, PricePath, PriceReader, key_paths

USD = {"amount": "12.50", "currency": "USD"}
DOLLARS = (Decimal("12.50"), "USD")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["data", "fee", "orderFee", "amount", "x"]), inner),
)


def prices(body: Any, *own: str) -> list[tuple[Decimal, str] | None]:
    return [service.price for service in PriceReader(own).services(body)]


@pytest.mark.parametrize(
    "data",
    [
        {"orderFee": USD},
        {"fee": USD},
        {"result": {"freight": USD}},
        [{"fee": USD}],
        {"services": [{"logisticsPrice": USD}]},
        {"fee": "12.50", "currency": "USD"},
        {"fee": 12.5, "currency": "usd"},
    ],
    ids=str,
)
def test_the_known_places_find_a_price(data: Any) -> None:
    assert prices({"data": data}) == [DOLLARS]


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        "12.50 USD",
        {"fee": None},
        {"fee": "12.50"},  # of which currency?
        {"fee": {"amount": "12.50"}},
        {"fee": {"amount": "12,50", "currency": "USD"}},
        {"fee": {"amount": "about 12", "currency": "USD"}},
        {"fee": {"amount": True, "currency": "USD"}},
        {"fee": {"amount": "-1", "currency": "USD"}},
        {"fee": {"amount": "NaN", "currency": "USD"}},
        {"fee": {"amount": "1_000", "currency": "USD"}},
        {"fee": {"amount": "１２", "currency": "USD"}},
        {"fee": {"amount": "12.50", "currency": "$"}},
        {"fee": {"amount": "12.50", "currency": 840}},
        {"price": USD},  # as likely that of the goods
        {"renderItems": [{"price": "12.50", "currency": "USD"}]},  # the request's own
    ],
    ids=str,
)
def test_what_would_need_guessing_is_no_price(data: Any) -> None:
    assert prices({"data": data}) == []


def test_a_service_without_a_price_is_kept_beside_priced_ones() -> None:
    body = {"data": [{"serviceId": "1", "fee": USD}, {"serviceId": "2", "fee": None}, {"serviceId": "3"}, "odd"]}
    services = PriceReader(()).services(body)
    assert [(dict(found.service).get("serviceId"), found.price) for found in services] == [
        ("1", DOLLARS),
        ("2", None),
        ("3", None),
    ]


@pytest.mark.parametrize(
    ("path", "data", "expected"),
    [
        ("data.cost(CNY)", {"cost": "8"}, [(Decimal(8), "CNY")]),
        ("data.cost(unit)", {"cost": "8", "unit": "EUR"}, [(Decimal(8), "EUR")]),
        ("data.a[].b[].cost", {"a": [{"b": [{"cost": USD}]}, {"b": [{"cost": USD}]}]}, [DOLLARS, DOLLARS]),
        ("data.a[][].cost", {"a": [[{"cost": USD}]]}, [DOLLARS]),
        ("data.*.cost", {"x": {"cost": USD}, "y": {"cost": USD}, "z": 1}, [DOLLARS, DOLLARS]),
        ("data.运费", {"运费": USD}, [DOLLARS]),
    ],
)
def test_a_path_leads_to_its_prices(path: str, data: Any, expected: Any) -> None:
    assert prices({"data": data}, path) == expected


def test_a_profiles_own_paths_come_before_the_known_ones() -> None:
    body = {"data": {"fee": USD, "mine": {"amount": "9", "currency": "CNY"}}}
    assert prices(body, "data.mine") == [(Decimal(9), "CNY")]
    assert prices(body, "data.other") == [DOLLARS]


@pytest.mark.parametrize("path", ["", " ", "data..fee", ".fee", "data[]", "data[0].fee", "data.fee(", "a b", 5, None])
def test_what_is_no_path_is_refused(path: Any) -> None:
    with pytest.raises(ConfigError, match=r"price_paths: "):
        PricePath.parse(path)


@pytest.mark.parametrize("paths", ["data.fee", {"data.fee": 1}, 5, ["data.."]])
def test_a_profile_refuses_what_is_no_list_of_paths(paths: Any) -> None:
    with pytest.raises(ConfigError, match="price_paths"):
        PANDAPON.evolve(price_paths=paths)


def test_a_profile_keeps_its_paths_as_a_tuple() -> None:
    assert PANDAPON.price_paths == ()
    assert PANDAPON.evolve(price_paths=["data.cost(CNY)"]).price_paths == ("data.cost(CNY)",)


def test_every_known_path_is_one() -> None:
    assert [PricePath.parse(text).text for text in KNOWN_PRICE_PATHS] == list(KNOWN_PRICE_PATHS)


@given(JSON)
def test_whatever_comes_is_read_without_an_error(body: Any) -> None:
    for service in PriceReader(("data.*[].x(CNY)", "*.*")).services(body):
        assert service.price is None or service.price[0] >= 0
    assert all(isinstance(place, str) for place in key_paths(body))


def test_the_paths_of_a_reply_are_listed_without_its_values() -> None:
    body = {"errorCode": 200, "data": [{"name": "Jane", "tags": []}, {"cost": {"v": 1}}]}
    assert key_paths(body) == ["errorCode", "data[].name", "data[].tags", "data[].cost.v"]


def test_many_places_are_cut() -> None:
    told = key_paths({f"key{n}": n for n in range(100)})
    assert len(told) == 41
    assert told[-1] == "... and 60 more"
