"""The fake vendor's prices: invented, but such that a sweep has something to show."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from pandapon_async.testing import FakeVendor
from pandapon_async.testing._pricing import SERVICES, by_id, price

from .wire import BOOK, EXAMPLES, PREVIEW, booking, call

COUNTRIES = ("US", "CN", "JP", "VN", "DE", "GB", "AU", "BR", "ZA", None)


def cents(kind: Any = "pandapon", service: int = 0, country: Any = "US", item: Any = "1", quantity: Any = 1) -> int:
    return price(kind, SERVICES[service], country, item, quantity, 0)


@pytest.mark.parametrize("kind", ["pandapon", "xportcn_ka"])
@pytest.mark.parametrize("country", COUNTRIES)
def test_express_is_dearer_than_standard_and_that_than_economy(kind: str, country: str) -> None:
    assert cents(kind, 0, country) > cents(kind, 1, country) > cents(kind, 2, country) > 0


def test_two_pieces_cost_more_than_one_and_less_than_twice_that() -> None:
    for service in range(3):
        assert cents(service=service) < cents(service=service, quantity=2) < 2 * cents(service=service)


def test_no_vendor_is_the_cheapest_everywhere() -> None:
    cheaper = {
        cents("pandapon", service, country) < cents("xportcn_ka", service, country)
        for service, country in itertools.product(range(3), COUNTRIES)
    }
    assert cheaper == {True, False}


def test_goods_and_countries_differ() -> None:
    assert len({cents(item=str(n)) for n in range(20)}) == 3
    assert len({cents(country=country) for country in COUNTRIES}) > 7


def test_what_a_request_leaves_out_has_a_price_all_the_same() -> None:
    assert price("pandapon", by_id("no such"), None, None, None, 0) > 0


async def test_a_preview_costs_what_its_services_do_and_its_booking_the_same(vendor: FakeVendor) -> None:
    body: dict[str, Any] = EXAMPLES["pandapon", PREVIEW]
    previewed = (await call(vendor, PREVIEW, body)).json["data"]
    expected = sum(
        price("pandapon", by_id(item["freightInfo"]["serviceId"]), "US", item["itemId"], item["quantity"], 0)
        for item in body["renderItems"]
    )
    assert previewed["orderFee"] == {"amount": f"{expected / 100:.2f}", "currency": "USD"}
    booked = (await call(vendor, BOOK, booking(previewed["renderId"]))).json["data"]
    assert booked["orderFee"] == previewed["orderFee"]
