"""Taobao at PandaPon over a socket: what leaves, what is never sent twice, what comes back."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from pandapon_async import ApiError, OutcomeUnknownError, PandaPonSession, RequestError
from pandapon_async.api.pandapon.taobao.cart import CartAddRequest, CartOrderRequest, ChosenProperty
from pandapon_async.api.pandapon.taobao.orders import (
    CheckedLine,
    LogisticsRequest,
    OrderCheckRequest,
    OrderCreateRequest,
    OrderLine,
)
from pandapon_async.api.pandapon.taobao.products import ProductRequest
from pandapon_async.api.pandapon.taobao.refunds import (
    RefundCancelRequest,
    RefundListRequest,
    RefundMessageRequest,
    RefundRequest,
)
from pandapon_async.api.pandapon_v2.taobao.cart import CartAddRequest as CartAddRequestV2
from pandapon_async.api.pandapon_v2.taobao.products import ProductRequest as ProductRequestV2
from pandapon_async.api.shared.taobao import Receiver
from pandapon_async.testing import FakeVendor
from tests.support import RawRequest, RawServer, http_reply, local_profile, says, session_at

LONG = "1024285237573584051"
OPAQUE = "WUnUC1cILiBjt-Jv3lDdlQ"
REFUND = "110000235001"
ORDER = OrderCreateRequest(
    lines=(OrderLine(item_id=LONG, sku_id=LONG, quantity=2, price_fen=1),),
    receiver=Receiver(name="王小明", mobile_phone="13000000000", address="示例路 1 号"),
    purchase_amount_fen=2,
    seller_order_number="S-1",
)


async def sent_by(call: Any, data: Any = None) -> RawRequest:
    """The request that a call of a session sends."""
    reply = http_reply(200, {"requestId": "r1", "code": 200, "developId": "1", "msg": "成功", "data": data})
    async with RawServer(says(reply)) as server, session_at(local_profile(server.port)) as session:
        await call(session)
    (request,) = server.requests
    return request


# --- what leaves ---


async def test_an_orders_lines_and_receiver_leave_as_texts():
    body = json.loads((await sent_by(lambda session: session.taobao.orders.create(ORDER))).body)
    assert body == {
        "orderLineList": f'[{{"itemId":"{LONG}","skuId":"{LONG}","quantity":"2","price":"1"}}]',
        "receiver": '{"name":"王小明","mobile_phone":"13000000000","address":"示例路 1 号"}',
        "purchaseAmount": 2,
        "sellerOrderNumber": "S-1",
    }


async def test_an_order_from_the_cart_has_its_receiver_as_an_object():
    request = CartOrderRequest(ids=(75, LONG), order_address=ORDER.receiver)
    sent = await sent_by(lambda session: session.taobao.cart.create_order(request))
    assert f'"ids":[75,{LONG}]'.encode() in sent.body
    assert json.loads(sent.body)["orderAddress"]["mobile_phone"] == "13000000000"


@pytest.mark.parametrize("given", [LONG, int(LONG)])
async def test_ids_of_both_kinds_leave_with_all_their_digits(given: Any):
    line = CheckedLine(item_id=given, sku_id=given)
    sent = await sent_by(
        lambda session: session.taobao.orders.render(OrderCheckRequest(lines=(line,), receiver=Receiver()))
    )
    assert json.loads(sent.body)["orderLineList"] == f'[{{"itemId":{LONG},"skuId":{LONG}}}]'
    item = CartAddRequest(mp_id=LONG, mp_sku_id=LONG, item_id=given, shop_id=given, sku_id=LONG)
    sent = await sent_by(lambda session: session.taobao.cart.add(item))
    assert sent.body.decode() == (
        f'{{"mpId":"{LONG}","mpSkuId":"{LONG}","itemId":{LONG},"skuId":"{LONG}","shopId":{LONG}}}'
    )


async def test_properties_of_a_cart_line_leave_as_a_text_in_v1_and_as_they_are_in_v2():
    chosen = (ChosenProperty(value_id=28324, value_name="黄色", prop_id=1627207, prop_name="颜色分类"),)
    text = '[{"valueId":28324,"valueName":"黄色","propId":1627207,"propName":"颜色分类"}]'
    v1 = await sent_by(
        lambda session: session.taobao.cart.add(CartAddRequest(mp_id="1", mp_sku_id="2", properties=chosen))
    )
    v2 = await sent_by(
        lambda session: session.v2.taobao.cart.add(CartAddRequestV2(mp_id="1", mp_sku_id="2", properties=text))
    )
    assert json.loads(v1.body)["properties"] == json.loads(v2.body)["properties"] == text


@pytest.mark.parametrize(
    ("method", "request_", "line", "body"),
    [
        ("cancel", RefundCancelRequest(refund_id=REFUND), f"GET /open/order/refund/cancel/{REFUND}", b""),
        ("get", RefundRequest(refund_id=REFUND), f"GET /open/order/refund/query?refundId={REFUND}", b""),
        (
            "submit_message",
            RefundMessageRequest(refund_id=REFUND),
            "POST /open/order/refund/submit/message",
            f'{{"refundId":"{REFUND}"}}'.encode(),
        ),
        (
            "list",
            RefundListRequest(page_size=1, refund_id=REFUND),
            "POST /open/order/refund/queryList",
            f'{{"pageSize":1,"refundId":"{REFUND}"}}'.encode(),
        ),
    ],
)
async def test_a_refunds_id_leaves_in_path_query_or_body(method: str, request_: Any, line: str, body: bytes):
    sent = await sent_by(lambda session: getattr(session.taobao.refunds, method)(request_))
    assert (f"{sent.method} {sent.target}", sent.body) == (line, body)


async def test_a_refunds_id_is_one_segment_of_the_path_whatever_it_holds():
    request = RefundCancelRequest(refund_id="TQ/1?x=%2F 退")
    sent = await sent_by(lambda session: session.taobao.refunds.cancel(request))
    assert sent.target == "/open/order/refund/cancel/TQ%2F1%3Fx%3D%252F%20%E9%80%80"


@pytest.mark.parametrize("id_", ["", ".", ".."])
async def test_a_refund_without_an_id_is_cancelled_nowhere(vendor: FakeVendor, panda: PandaPonSession, id_: str):
    with pytest.raises(RequestError, match="refund"):
        await panda.taobao.refunds.cancel(RefundCancelRequest(refund_id=id_))
    assert vendor.ledger.requests == ()


async def test_v2_asks_by_its_opaque_id():
    sent = await sent_by(lambda session: session.v2.taobao.products.get(ProductRequestV2(item_id=OPAQUE)), {})
    url = urlsplit(sent.target)
    assert (url.path, parse_qsl(url.query), sent.body) == ("/v2/taobao/product/get", [("itemId", OPAQUE)], b"")


# --- a GET that changes something ---


@pytest.mark.parametrize("step", ["drop_before", "drop_after", "half_header", "garbage", 500, 503])
async def test_a_cancellation_in_doubt_is_never_sent_again(vendor: FakeVendor, panda: PandaPonSession, step: Any):
    vendor.script(step, "ok")
    with pytest.raises(OutcomeUnknownError) as caught:
        await panda.taobao.refunds.cancel(RefundCancelRequest(refund_id=REFUND))
    assert caught.value.reference == REFUND
    assert [record.method for record in vendor.ledger.requests] == ["GET"]
    assert vendor.script_left == 1


async def test_a_cancellation_on_a_connection_that_died_unnoticed_is_not_repeated_below_us(
    vendor: FakeVendor, panda: PandaPonSession
):
    """aiohttp repeats a GET on a kept-alive connection that turns out to be dead."""
    await panda.taobao.products.get(ProductRequest(item_id="1"))
    vendor.script("drop_after", "ok")
    with pytest.raises(OutcomeUnknownError):
        await panda.taobao.refunds.cancel(RefundCancelRequest(refund_id=REFUND))
    assert vendor.ledger.done["taobao.refund.cancel"] == 1
    assert vendor.script_left == 1


async def test_a_get_that_only_asks_is_repeated(vendor: FakeVendor, panda: PandaPonSession):
    vendor.script("drop_after", 503, "ok")
    found = await panda.taobao.orders.logistics(LogisticsRequest(sub_purchase_order_id="1"))
    assert found.parcels[0].mail_no == "70000000000001"
    assert len(vendor.ledger.requests) == 3


async def test_an_order_in_doubt_is_never_sent_again(vendor: FakeVendor, panda: PandaPonSession):
    vendor.script("drop_after", "ok")
    with pytest.raises(OutcomeUnknownError) as caught:
        await panda.taobao.orders.create(ORDER)
    assert caught.value.reference == "S-1"
    assert vendor.ledger.done == {"taobao.order.create": 1}


# --- what comes back ---


@pytest.mark.parametrize("kind", [int, str])
async def test_ids_come_back_with_all_their_digits_as_number_or_text(
    vendor: FakeVendor, panda: PandaPonSession, kind: Any
):
    id_ = kind(LONG)
    data = {"itemId": id_, "mpId": id_, "skuList": [{"skuId": id_, "mpSkuId": id_, "properties": [{"propId": id_}]}]}
    vendor.route("GET", "/open/product/get", {"code": 200, "data": data})
    product = await panda.taobao.products.get(ProductRequest(item_id=LONG))
    (sku,) = product.skus
    assert {product.item_id, product.mp_id, sku.sku_id, sku.mp_sku_id, sku.properties[0].prop_id} == {LONG}


@pytest.mark.parametrize("data", [{"purchaseOrderId": int(LONG)}, [int(LONG)], LONG, True])
async def test_a_reply_that_no_page_shows_is_kept_whatever_it_is(vendor: FakeVendor, panda: PandaPonSession, data: Any):
    vendor.route("POST", "/open/order", {"code": 200, "data": data})
    assert (await panda.taobao.orders.create(ORDER)).value == data


async def test_a_refund_that_may_have_stayed_although_the_vendor_says_yes_is_in_doubt(
    vendor: FakeVendor, panda: PandaPonSession
):
    vendor.route("GET", f"/open/order/refund/cancel/{REFUND}", {"code": 200, "data": {"cancelSuccess": False}})
    with pytest.raises(OutcomeUnknownError, match=r"but also data\.cancelSuccess false"):
        await panda.taobao.refunds.cancel(RefundCancelRequest(refund_id=REFUND))


async def test_a_cancellation_whose_reply_does_not_fit_was_made(vendor: FakeVendor, panda: PandaPonSession):
    data = {"cancelSuccess": "yes", "currency": "CNY"}
    vendor.route("GET", f"/open/order/refund/cancel/{REFUND}", {"code": 200, "data": data})
    reply = await panda.call(RefundCancelRequest(refund_id=REFUND))
    assert reply.data is not None
    assert (reply.data.cancel_success, reply.data.currency) == (None, "CNY")
    assert reply.problems == ("$.data.cancelSuccess: expected true or false, not text",)


async def test_what_the_vendor_says_of_a_person_inside_a_text_is_masked(vendor: FakeVendor, panda: PandaPonSession):
    said = "13000000000 of 王小明 is no phone"
    vendor.script({"json": {"code": 4711, "msg": said}})
    with pytest.raises(ApiError) as caught:
        await panda.taobao.orders.create(ORDER)
    assert "*** of *** is no phone" in str(caught.value)
    assert not [private for private in ("王小明", "13000000000", "示例路") if private in repr(ORDER)]
