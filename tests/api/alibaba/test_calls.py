"""1688 at PandaPon over a socket: what leaves, what is never sent twice, pages."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from pandapon_async import DecodeError, OutcomeUnknownError, PandaPonSession
from pandapon_async.api.pandapon.alibaba.cart import CartQuantityRequest
from pandapon_async.api.pandapon.alibaba.orders import (
    BatchPaymentRequest,
    OrderCancelRequest,
    OrderPreviewRequest,
    OrderRequest,
    PaymentRequest,
)
from pandapon_async.api.pandapon.alibaba.products import ImageSearchRequest, ProductRequest, ProductSearchRequest
from pandapon_async.api.pandapon.alibaba.refunds import RefundRequest
from pandapon_async.api.pandapon_v2.alibaba import orders as v2_orders, products as v2_products
from pandapon_async.api.pandapon_v2.alibaba.cart import CartListRequest
from pandapon_async.api.shared.alibaba import Address, CargoLine, ProductSort
from pandapon_async.testing import FakeVendor
from tests.support import RawRequest, RawServer, http_reply, local_profile, says, session_at

LONG = "2542285630000000001"


def standard(data: Any) -> bytes:
    return http_reply(200, {"requestId": "r1", "code": 200, "developId": "1", "msg": "成功", "data": data})


async def sent_by(call: Any, data: Any = None) -> RawRequest:
    """The request that a call of a session sends."""
    async with RawServer(says(standard(data))) as server, session_at(local_profile(server.port)) as session:
        await call(session)
    (request,) = server.requests
    return request


# --- what leaves ---


async def test_json_inside_a_text_leaves_as_text():
    request = ProductSearchRequest(keyword="男鞋", sort=ProductSort(price="desc"), price_start=Decimal("633.60"))
    sent = await sent_by(lambda session: session.alibaba.products.search(request))
    assert sent.body == '{"keyword":"男鞋","sort":"{\\"price\\":\\"desc\\"}","priceStart":"633.60"}'.encode()


async def test_a_quantity_with_a_place_leaves_with_it():
    line = CargoLine(offer_id="889512351602", quantity=Decimal("2.0"))
    request = OrderPreviewRequest(address_param=Address(city_text="杭州市"), cargo_param_list=(line,))
    sent = await sent_by(lambda session: session.alibaba.orders.preview(request), {})
    assert b'"cargoParamList":[{"offerId":889512351602,"quantity":2.0}]' in sent.body


@pytest.mark.parametrize(
    ("subject", "method", "request_", "body"),
    [
        (
            "orders",
            "cancel",
            OrderCancelRequest(order_id=LONG, cancel_reason="x"),
            f'{{"webSite":"1688","orderId":{LONG},"cancelReason":"x"}}',
        ),
        ("orders", "get", OrderRequest(order_id=LONG), f'{{"webSite":"1688","orderId":"{LONG}"}}'),
        ("orders", "submit_batch_payment", BatchPaymentRequest(order_ids=(LONG,)), f'{{"orderIds":["{LONG}"]}}'),
        ("cart", "edit_quantity", CartQuantityRequest(id=LONG, quantity=1), f'{{"quantity":1,"id":{LONG}}}'),
        ("refunds", "get", RefundRequest(refund_id="TQ1"), '{"refundId":"TQ1"}'),
    ],
)
async def test_an_id_leaves_as_the_operation_wants_it(subject: str, method: str, request_: Any, body: str):
    sent = await sent_by(lambda session: getattr(getattr(session.alibaba, subject), method)(request_))
    assert sent.body.decode() == body


async def test_the_payment_page_is_asked_for_by_query():
    sent = await sent_by(lambda session: session.v2.alibaba.orders.pay_url(v2_orders.PaymentRequest(order_id=LONG)))
    assert (sent.method, sent.body) == ("GET", b"")
    assert (urlsplit(sent.target).path, parse_qsl(urlsplit(sent.target).query)) == (
        "/v2/alibaba/order/pay/url",
        [("orderId", LONG)],
    )


async def test_a_body_of_which_nothing_is_known_is_given_as_extra():
    request = v2_orders.OrderCreateRequest(extra={"flow": "general"})
    sent = await sent_by(lambda session: session.v2.alibaba.orders.create(request))
    assert (sent.target, sent.body) == ("/v2/alibaba/order/create", b'{"flow":"general"}')


# --- a GET that changes something ---


@pytest.mark.parametrize("step", ["drop_before", "drop_after", "half_header", 500, 503])
async def test_a_payment_in_doubt_is_never_asked_for_again(vendor: FakeVendor, panda: PandaPonSession, step: Any):
    vendor.script(step, "ok")
    with pytest.raises(OutcomeUnknownError) as caught:
        await panda.alibaba.orders.pay_url(PaymentRequest(order_id=LONG))
    assert caught.value.reference == LONG
    assert [record.method for record in vendor.ledger.requests] == ["GET"]
    assert vendor.script_left == 1


async def test_a_get_that_only_asks_is_repeated(vendor: FakeVendor, panda: PandaPonSession):
    vendor.script("drop_after", 503, "ok")
    cart = await panda.v2.alibaba.cart.list(CartListRequest())
    assert [shop.seller_open_id for shop in cart.enable_list] == [""]
    assert len(vendor.ledger.requests) == 3


async def test_a_payment_on_a_connection_that_died_unnoticed_is_not_repeated_below_us(
    vendor: FakeVendor, panda: PandaPonSession
):
    """aiohttp repeats a GET on a kept-alive connection that turns out to be dead."""
    await panda.alibaba.products.get(ProductRequest(offer_id="1"))
    vendor.script("drop_before", "ok")
    with pytest.raises(OutcomeUnknownError):
        await panda.alibaba.orders.pay_url(PaymentRequest(order_id=LONG))
    paid = [record for record in vendor.ledger.requests if record.operation == "alibaba1688.order.pay_url"]
    assert [record.done for record in paid] == [False]
    assert vendor.script_left == 1


# --- replies ---


async def test_a_reply_that_says_true_inside(vendor: FakeVendor, panda: PandaPonSession):
    done = await panda.v2.alibaba.orders.cancel(v2_orders.OrderCancelRequest(order_id=LONG, cancel_reason="不想要了"))
    assert done.is_done is True


async def test_a_payment_that_was_made_at_once(vendor: FakeVendor, panda: PandaPonSession):
    data = {"orderId": int(LONG), "protocolPaySuccess": True, "payUrl": None, "cantPayOrderList": [int(LONG)]}
    vendor.route("GET", "/alibaba/order/pay/url", {"code": 200, "data": data})
    paid = await panda.alibaba.orders.pay_url(PaymentRequest(order_id=LONG))
    assert (paid.order_id, paid.protocol_pay_success, paid.pay_url, paid.cant_pay_order_list) == (
        LONG,
        True,
        None,
        (LONG,),
    )


async def test_a_write_whose_reply_does_not_fit_was_made(vendor: FakeVendor, panda: PandaPonSession):
    vendor.route("GET", "/alibaba/order/pay/url", {"code": 200, "data": {"orderId": LONG, "protocolPaySuccess": "yes"}})
    reply = await panda.call(PaymentRequest(order_id=LONG))
    assert reply.data is not None
    assert (reply.data.order_id, reply.data.protocol_pay_success) == (LONG, None)
    assert reply.problems == ("$.data.protocolPaySuccess: expected true or false, not text",)


# --- pages ---


def page(number: int, items: Sequence[Any], total: int = 5, size: int = 2) -> bytes:
    """A page as v2's example has it, its number of pages one too many."""
    return standard(
        {
            "totalRecords": total,
            "totalPage": -(-total // size) + 1,
            "pageSize": size,
            "currentPage": number,
            "data": [
                {"imageUrl": f"https://example.com/{item}.jpg", "subject": item, "offerMapId": item} for item in items
            ],
        }
    )


THREE = (page(1, "ab"), page(2, "cd"), page(3, "e"))


@pytest.mark.parametrize("kind", ["search", "search_image"])
async def test_products_of_v2_come_page_by_page(kind: str):
    requests = {
        "search": v2_products.ProductSearchRequest(keyword="T恤", page_size=2),
        "search_image": v2_products.ImageSearchRequest(image_base64="xxxx", page_size=2),
    }
    async with RawServer(says(*THREE)) as server, session_at(local_profile(server.port)) as session:
        search: Any = getattr(session.v2.alibaba.products, kind)
        found = [product.subject async for product in search(requests[kind])]
    assert found == ["a", "b", "c", "d", "e"]
    bodies = [json.loads(request.body) for request in server.requests]
    assert [body.get("beginPage") for body in bodies] == [None, 2, 3]
    assert len({json.dumps({**body, "beginPage": 0}, sort_keys=True) for body in bodies}) == 1


async def test_one_page_is_awaited(panda: PandaPonSession):
    request = v2_products.ProductSearchRequest(keyword="T恤", begin_page=1, page_size=5, country="en")
    found = await panda.v2.alibaba.products.search(request)
    assert (found.page_no, found.page_size, found.total, found.reply.total_page) == (1, 5, 2000, 401)
    assert [product.image_url for product in found.items] == [
        "https://cbu01.alicdn.com/img/ibank/O1CN01example-0-cib.jpg"
    ]


async def test_a_shops_products_of_v2_keep_what_is_not_typed():
    async with RawServer(says(page(1, "a", total=1))) as server, session_at(local_profile(server.port)) as session:
        request = v2_products.StoreSearchRequest(seller_open_id="BBB")
        (product,) = [product async for product in session.v2.alibaba.products.search_store(request)]
    assert (product.image_url, product.extra) == ("https://example.com/a.jpg", {"subject": "a", "offerMapId": "a"})


async def test_products_of_v1_come_in_the_pages_that_v2_documents():
    async with RawServer(says(*THREE)) as server, session_at(local_profile(server.port)) as session:
        request = ProductSearchRequest(keyword="T恤", page_size=2)
        found = [product.value["subject"] async for product in session.alibaba.products.search(request)]
    assert found == ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize("data", [[{"subject": "a"}], {"list": [{"subject": "a"}]}, {"data": {"a": 1}}, "none"])
async def test_a_page_of_v1_in_another_shape_is_no_empty_search(data: Any):
    async with RawServer(says(standard(data))) as server, session_at(local_profile(server.port)) as session:
        with pytest.raises(DecodeError):
            await session.alibaba.products.search(ProductSearchRequest(keyword="T恤"))


async def test_what_another_shape_holds_can_be_read_all_the_same():
    async with (
        RawServer(says(standard([{"subject": "a"}]))) as server,
        session_at(local_profile(server.port)) as session,
    ):
        reply = await session.call(ImageSearchRequest(image_base64="xxxx"))
    assert reply.data is not None
    assert reply.data.value == [{"subject": "a"}]


async def test_a_search_without_data_found_nothing(panda: PandaPonSession):
    assert [product async for product in panda.alibaba.products.search(ProductSearchRequest(keyword="x"))] == []
