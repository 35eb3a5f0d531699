"""What stands behind the vendors, as users meet it: shapes that refuse nothing, units, constants, limits that warn."""

from __future__ import annotations

import json
import logging
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, strategies as st

from pandapon_async import DecodeError, RequestError, from_wire, to_wire
from pandapon_async._models.converters import decode
from pandapon_async.api.pandapon.alibaba.orders import BatchPaymentRequest, Order, OrderPreview
from pandapon_async.api.pandapon.alibaba.refunds import Refund
from pandapon_async.api.pandapon_v2.alibaba.products import RelatedProductsRequest
from pandapon_async.api.pandapon_v2.taobao.refunds import RefundFormRequest
from pandapon_async.api.platforms import (
    OrderStatus,
    ParcelStatus,
    PayStatus,
    PurchaseStatus,
    RefundGoodsStatus,
    RefundStatus,
    RefundType,
)
from pandapon_async.api.shared.alibaba_orders import OrderPage
from pandapon_async.api.shared.alibaba_products import Category, RelatedProducts
from pandapon_async.api.shared.taobao_orders import PurchaseOrders
from pandapon_async.api.xportcn_ka.orders import OrderService
from tests.support import RawServer, http_reply, local_profile, says, session_at, yes

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["baseInfo", "result", "id", "idOfStr", "productItems", "children", "status", "x"]), inner
        )
    ),
    max_leaves=20,
)


# --- shapes ---


@given(data=ANY_JSON)
@pytest.mark.parametrize("model", [OrderPage, Category, PurchaseOrders])
def test_whatever_comes_is_taken_and_kept_whole(model: Any, data: Any):
    decoded, problems = decode(model, data)
    assert problems == ()
    assert decoded.value == data
    if isinstance(data, dict):
        kept = to_wire(decoded)
        assert {name: kept.get(name) for name in data if data[name] not in (None, [])}.keys() <= kept.keys()


async def test_even_a_strict_profile_refuses_no_wrong_guess():
    body = yes({"result": [{"baseInfo": {"id": 18, "status": ["odd"]}, "productItems": 7}], "totalRecord": "many"})
    async with RawServer(says(http_reply(200, body))) as server:
        profile = local_profile(server.port, strict=True)
        async with session_at(profile) as session:
            page = await session.alibaba.orders.list({})
    assert page.total_record is None
    assert page.extra == {"totalRecord": "many"}
    base = page.result[0].base_info
    assert base is not None
    assert (base.id, base.status, base.extra) == ("18", None, {"status": ["odd"]})
    assert page.result[0].extra == {"productItems": 7}


def test_a_seen_member_that_doesnt_fit_is_still_told():
    order, problems = decode(OrderPreview, {"orderPreviewResuslt": [{"status": "odd", "sumPayment": "odd"}]})
    assert problems == ("$.data.orderPreviewResuslt[0].status: expected true or false, not text",)
    assert order is not None
    assert order.order_previews[0].sum_payment_fen is None
    assert order.order_previews[0].extra == {"sumPayment": "odd"}


def test_a_preview_says_its_sums_in_fen_and_an_order_in_yuan():
    preview, _ = decode(OrderPreview, {"orderPreviewResuslt": [{"sumPayment": 1580, "sumCarriage": 600}]})
    assert preview is not None
    assert (preview.order_previews[0].sum_payment_fen, preview.order_previews[0].sum_carriage_fen) == (1580, 600)
    order, _ = decode(Order, {"baseInfo": {"totalAmount": 15.8, "shippingFee": "6.00"}})
    assert order is not None
    assert order.base_info is not None
    assert (order.base_info.total_amount_yuan, order.base_info.shipping_fee_yuan) == (Decimal("15.8"), Decimal("6.00"))


def test_a_list_that_isnt_one_is_told_only_when_its_items_are_asked_for():
    listed, problems = decode(RelatedProducts, {"records": []})
    assert problems == ()
    assert listed is not None
    with pytest.raises(DecodeError, match="isn't a list, as was inferred: read its `value`"):
        listed.items  # noqa: B018
    empty, _ = decode(RelatedProducts, None)
    assert empty is not None
    assert empty.items == ()
    some, _ = decode(RelatedProducts, [{"offerId": 1}, "odd"])
    assert some is not None
    assert [item.offer_id for item in some.items] == ["1", None]
    assert some.items[1].value == "odd"


def test_a_category_holds_categories():
    category, problems = decode(Category, {"categoryId": 0, "children": [{"children": [{"categoryId": 5}]}]})
    assert problems == ()
    assert category is not None
    assert category.children[0].children[0].category_id == "5"
    assert to_wire(category) == {"categoryId": 0, "children": [{"children": [{"categoryId": 5}]}]}


def test_what_is_personal_in_an_inferred_order_is_masked():
    data = {"nativeLogistics": {"contactPerson": "Li Test", "mobile": "13800000000"}, "orderInvoiceInfo": "Li Test"}
    order, _ = decode(Order, data)
    assert "Li Test" not in repr(order)
    assert "13800000000" not in repr(order)


# --- constants ---


def test_a_constant_equals_what_comes_and_another_value_passes_through():
    page, _ = decode(OrderPage, {"result": [{"baseInfo": {"status": status}} for status in ("cancel", "brand_new")]})
    assert page is not None
    states = [order.base_info and order.base_info.status for order in page.result]
    assert states[0] == OrderStatus.CANCEL
    assert states[1] == "brand_new"
    refund, _ = decode(Refund, {"goodsStatus": 77})
    assert refund is not None
    assert refund.goods_status == 77


def test_a_constant_can_be_sent():
    request = RefundFormRequest(refund_type=RefundType.RETURN, goods_status=RefundGoodsStatus.RECEIVED)
    assert json.loads(json.dumps(to_wire(request))) == {"refundType": 2, "goodsStatus": 4}
    assert from_wire(RefundFormRequest, {"refundType": 2, "goodsStatus": 4}) == request


def test_the_constants_are_the_platforms_numbers():
    assert sorted(PurchaseStatus) == [0, 1, 2, 3, 4, 5, 9, 10, 11, 12]
    assert sorted(RefundStatus) == [-20, -10, 0, 10, 20, 30, 90, 100]
    assert sorted(PayStatus) == [1, 2, 4, 6, 7, 8, 9]
    assert len(ParcelStatus) == 11


# --- limits ---


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


def test_more_than_the_platform_takes_is_warned_of_and_sent(caplog: pytest.LogCaptureFixture):
    BatchPaymentRequest(order_ids=tuple(map(str, range(10))))
    RelatedProductsRequest(page_size=10)
    OrderService.list.request_type(extra={"pageSize": 10**6})  # type: ignore[attr-defined] # pyright: ignore
    assert warnings_of(caplog) == []
    request = BatchPaymentRequest(order_ids=tuple(map(str, range(11))))
    assert len(to_wire(request)["orderIds"]) == 11
    RelatedProductsRequest(page_size=11)
    assert warnings_of(caplog) == [
        "alibaba.orders.submit_batch_payment: orderIds has 11 items; the platform behind the vendor is known to take at most 10 "
        "(inferred, so it is sent as it is)",
        "v2.alibaba.products.related: pageSize is 11; the platform behind the vendor is known to take at most 10 "
        "(inferred, so it is sent as it is)",
    ]


async def test_an_undocumented_call_is_warned_of_its_limit_too(caplog: pytest.LogCaptureFixture):
    async with RawServer(says(http_reply(200, yes({})))) as server:
        async with session_at(local_profile(server.port, paths={"taobao.orders.pay": "/pay"})) as session:
            await session.taobao.orders.pay({"purchaseOrderIdList": [*range(11)]})
        sent = json.loads(server.requests[0].body)
    assert len(sent["purchaseOrderIdList"]) == 11
    assert [text.partition(";")[0] for text in warnings_of(caplog)] == [
        "taobao.orders.pay: purchaseOrderIdList has 11 items"
    ]


def test_what_is_wrong_with_a_request_is_still_refused():
    with pytest.raises(RequestError, match="page_size: must be at least 1"):
        RelatedProductsRequest(page_size=0)
