"""1688 at PandaPon as values: what the contract's examples become, what is refused, what is kept private."""

from __future__ import annotations

import copy
import json
import pickle
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, strategies as st

from pandapon_async import Effect, RequestError, VendorRequest, from_wire, to_wire
from pandapon_async._models.converters import decode
from pandapon_async._models.jsonio import dumps, loads
from pandapon_async.api import catalogue
from pandapon_async.api.pandapon.alibaba import cart, orders, products, refunds
from pandapon_async.api.pandapon_v2.alibaba import cart as v2_cart, orders as v2_orders
from pandapon_async.api.shared.alibaba import (
    Address,
    CargoLine,
    DeliveryAddress,
    Done,
    FastAddress,
    OrderLine,
    ProductSort,
)
from tests.conftest import contract

from .samples import EXAMPLES, PICTURE

FACTS = contract("alibaba1688")
OURS = {cls.operation.contract_id: cls.operation for cls in catalogue() if cls.operation.contract_id in FACTS}
WRITES = {
    "alibaba.cart": {"add", "create_order", "delete", "edit_quantity"},
    "alibaba.orders": {"cancel", "confirm_receipt", "create", "create_batch", "pay_url", "submit_batch_payment"},
    "alibaba.refunds": {"create", "submit_return", "upload_voucher"},
}
WHERE = DeliveryAddress(
    full_name="Li Test",
    mobile="13800000000",
    phone="13800000001",
    city_text="杭州市",
    province_text="浙江省",
    town_text="转塘",
    address="示例路1号",
)
LINE = OrderLine(offer_id="889512351602", spec_id="530ad00177264564503ec3b848650652", quantity=Decimal(2))
ORDER: dict[str, Any] = {"flow": "general", "address_param": WHERE, "cargo_param_list": (LINE,)}

each_example = pytest.mark.parametrize("contract_id", EXAMPLES)


# --- requests ---


@each_example
def test_a_request_that_is_built_in_python_is_the_contracts_example(contract_id: str):
    assert to_wire(EXAMPLES[contract_id]) == FACTS[contract_id].example_request


@each_example
def test_the_contracts_example_is_the_request_that_is_built_in_python(contract_id: str):
    request = EXAMPLES[contract_id]
    assert from_wire(type(request), FACTS[contract_id].example_request) == request


@each_example
def test_a_request_can_be_pickled_and_copied(contract_id: str):
    request = EXAMPLES[contract_id]
    assert pickle.loads(pickle.dumps(request)) == copy.deepcopy(request) == request


def test_every_example_of_the_contract_is_here():
    assert set(EXAMPLES) == {id_ for id_, fact in FACTS.items() if fact.example_request}


@pytest.mark.parametrize("quantity", [2, "2", Decimal(2)])
def test_a_whole_quantity_is_a_whole_number_on_the_wire(quantity: Any):
    assert dumps(to_wire(CargoLine(quantity=quantity))) == b'{"quantity":2}'


def test_a_quantity_keeps_the_places_it_is_given_with():
    assert dumps(to_wire(CargoLine(quantity=Decimal("2.0")))) == b'{"quantity":2.0}'


def test_a_quantity_that_is_a_float_is_refused():
    with pytest.raises(RequestError, match="quantity: expected a Decimal"):
        CargoLine(quantity=2.0)  # type: ignore[arg-type]


@given(st.integers(min_value=10**18, max_value=10**19 - 1))
def test_an_order_id_of_19_digits_arrives_as_it_was_given(number: int):
    cancel = orders.OrderCancelRequest(order_id=str(number), cancel_reason="x")
    assert json.loads(dumps(to_wire(cancel)))["orderId"] == number
    assert from_wire(orders.OrderCancelRequest, loads(dumps(to_wire(cancel)))) == cancel
    got = orders.OrderRequest(order_id=str(number))
    assert json.loads(dumps(to_wire(got)))["orderId"] == str(number)


@pytest.mark.parametrize("missing", ["flow", "address_param", "cargo_param_list"])
def test_what_an_order_needs(missing: str):
    members = {name: value for name, value in ORDER.items() if name != missing}
    with pytest.raises(RequestError, match=f"OrderCreateRequest needs '{missing}'"):
        orders.OrderCreateRequest(**members)


@pytest.mark.parametrize(
    "missing", ["full_name", "mobile", "phone", "city_text", "province_text", "town_text", "address"]
)
def test_what_the_address_of_an_order_needs(missing: str):
    members = {
        name: getattr(WHERE, name)
        for name in ("full_name", "mobile", "phone", "city_text", "province_text", "town_text", "address")
        if name != missing
    }
    with pytest.raises(RequestError, match=f"DeliveryAddress needs '{missing}'"):
        DeliveryAddress(**members)


def test_what_is_ordered_can_be_previewed_as_it_is():
    preview = orders.OrderPreviewRequest(address_param=WHERE, cargo_param_list=(LINE,))
    created = orders.OrderCreateRequest(**ORDER)
    assert to_wire(preview) == {name: part for name, part in to_wire(created).items() if name != "flow"}


def test_an_address_that_lacks_what_an_order_needs_is_refused():
    with pytest.raises(RequestError, match="address_param: expected DeliveryAddress, not Address"):
        orders.OrderCreateRequest(**{**ORDER, "address_param": Address(full_name="Li Test")})


def test_an_address_with_a_district_code_is_refused_where_it_would_be_lost():
    with pytest.raises(RequestError, match="address_param: expected Address, not FastAddress"):
        orders.OrderPreviewRequest(address_param=FastAddress(district_code="451481"))  # type: ignore[arg-type]


def test_a_line_with_a_seller_is_refused_where_it_would_be_lost():
    line = orders.SellerLine(quantity=Decimal(1), seller_open_id="BBB")
    with pytest.raises(RequestError, match=r"cargo_param_list\[0\]: expected CargoLine, not SellerLine"):
        orders.OrderPreviewRequest(cargo_param_list=(line,))  # type: ignore[arg-type]


def test_other_orders_of_results_than_the_known_go_into_extra():
    request = products.ProductSearchRequest(sort=ProductSort(extra={"monthSold": "desc"}))
    assert to_wire(request) == {"sort": '{"monthSold":"desc"}'}


@pytest.mark.parametrize("page", [0, -1])
def test_pages_count_from_one(page: int):
    with pytest.raises(RequestError, match="begin_page: must be at least 1"):
        products.ProductSearchRequest(begin_page=page)


def test_a_bean_of_the_vendors_program_keeps_its_names():
    request = cart.CartQuantityRequest(
        id="1",
        quantity=2,
        update_time=cart.JavaDateTime(
            mutable=True,
            first_day_of_week="SUNDAY",
            time_zone=cart.JavaTimeZone(id="GMT"),
            minimal_days_in_first_week=1,
        ),
    )
    bean = {"mutable": True, "firstDayOfWeek": "SUNDAY", "timeZone": {"ID": "GMT"}, "minimalDaysInFirstWeek": 1}
    assert to_wire(request) == {"quantity": 2, "id": 1, "updateTime": bean}


def test_persons_are_not_in_a_repr():
    shown = repr(orders.OrderCreateRequest(**ORDER))
    for value in (WHERE.full_name, WHERE.mobile, WHERE.phone, WHERE.address):
        assert value not in shown
    assert "杭州市" in shown


def test_a_picture_is_not_in_a_repr():
    assert repr(products.ImageSearchRequest(image_base64="/9j/" * 1000)).count("/9j/") == 0
    assert "<4000 characters>" in repr(products.ImageSearchRequest(image_base64="/9j/" * 1000))


@pytest.mark.parametrize(
    ("request_", "reference"),
    [
        (orders.OrderCancelRequest(order_id="17", cancel_reason="x"), "17"),
        (orders.PaymentRequest(order_id="17"), "17"),
        (v2_orders.OrderCancelRequest(order_id="17", cancel_reason="x"), "17"),
        (v2_orders.PaymentRequest(order_id="17"), "17"),
        (refunds.ReturnRequest(refund_id="TQ1", logistics_company_no="1", freight_bill="2"), "TQ1"),
        (orders.ReceiptRequest(order_id="17", order_entry_ids=("1",)), None),  # its other half is another one
        (orders.OrderCreateRequest(**ORDER), None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_tells_a_request_from_others(request_: VendorRequest[Any], reference: str | None):
    assert request_.natural_reference() == reference


# --- effects ---


def test_what_changes_something_and_what_only_asks():
    """Decided one by one; v2's are v1's."""
    written = {operation.name for operation in OURS.values() if operation.effect is Effect.WRITE}
    v1 = {f"{subject}.{name}" for subject, names in WRITES.items() for name in names}
    v2 = {f"v2.{name}" for name in v1} & {operation.name for operation in OURS.values()}
    assert written == v1 | v2
    assert {"v2.alibaba.orders.pay_url", "v2.alibaba.cart.add"} <= v2


def test_only_the_payments_page_is_a_get_that_changes_something():
    written = [operation for operation in OURS.values() if operation.effect is Effect.WRITE]
    assert {operation.name for operation in written if operation.method == "GET"} == {
        "alibaba.orders.pay_url",
        "v2.alibaba.orders.pay_url",
    }


# --- replies ---


def test_a_typo_of_the_vendors_is_mended_on_our_side_only():
    data = {"orderPreviewResuslt": [{"discountFee": None, "tradeModeNameList": ["x"], "status": True, "other": 1}]}
    preview, problems = decode(orders.OrderPreview, data)
    assert preview is not None
    (order,) = preview.order_previews
    assert (order.trade_mode_name_list, order.status, order.extra, problems) == (("x",), True, {"other": 1}, ())
    assert to_wire(preview)["orderPreviewResuslt"][0]["status"] is True


@pytest.mark.parametrize("kind", [int, str])
def test_an_id_of_a_reply_may_be_text_or_number(kind: type):
    refund, problems = decode(refunds.Refund, {"id": kind(2542285630000000001), "buyerUserId": kind(7)})
    assert refund is not None
    assert (refund.id, refund.buyer_user_id, problems) == ("2542285630000000001", "7", ())
    payment, _ = decode(orders.Payment, {"orderId": kind(17), "cantPayOrderList": [kind(2542285630000000001)]})
    assert payment == orders.Payment(order_id="17", cant_pay_order_list=("2542285630000000001",))


@pytest.mark.parametrize(("data", "is_done"), [(True, True), (False, False), ({}, None), (None, None), ("true", None)])
def test_a_bare_true_or_false(data: Any, is_done: bool | None):
    done, problems = decode(Done, data)
    assert done is not None
    assert (done.is_done, done.value, problems) == (is_done, data, ())


def test_orders_in_a_list_are_what_is_built_in_python():
    created, problems = decode(
        v2_orders.OrdersCreated, FACTS["alibaba1688_v2.order.create_batch"].example_response["data"]
    )
    assert problems == ()
    assert created == v2_orders.OrdersCreated(
        orders=(
            v2_orders.Order(
                native_logistics=v2_orders.NativeLogistics(
                    address="转塘 示例路1号",
                    area="西湖区",
                    area_code="330106",
                    city="杭州市",
                    contact_person="Li Test",
                    mobile="13800000000",
                    province="浙江省",
                    telephone="13800000000",
                    zip="100000",
                ),
                product_items=(
                    v2_orders.ProductItem(item_amount=Decimal(19), price=Decimal(19), product_id="743470146022"),
                ),
            ),
        )
    )
    assert "Li Test" not in repr(created)


def test_a_cart_is_what_is_built_in_python():
    line = {
        "id": 2542285630000000001,
        "offerMapId": "L0PT",
        "specId": "e61a",
        "skuId": "5736673805656",
        "itemTitle": "T恤",
        "itemPic": PICTURE,
        "price": 19.5,
        "quantity": 2,
        "amountOnSale": 100,
        "properties": "red",
    }
    data = {
        "disableList": [],
        "enableList": [{"sellerOpenId": "BBB", "sellerNickName": "shop", "cartItemInfos": [line]}],
    }
    found, problems = decode(v2_cart.Cart, data)
    assert found is not None
    assert problems == ()
    ((bought,),) = [shop.cart_item_infos for shop in found.enable_list]
    assert (bought.id, bought.price, bought.sku_id) == ("2542285630000000001", Decimal("19.5"), "5736673805656")
    assert to_wire(found)["enableList"][0]["cartItemInfos"] == [line]
