"""What the operations answer, and what the ledger then holds."""

from __future__ import annotations

import asyncio
import re
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from pandapon_async.testing import FakeVendor, Ledger
from pandapon_async.testing._envelopes import nothing
from pandapon_async.testing._operations import KINDS, ApiOperation, Catalogue, Fact
from pandapon_async.testing._replies import Replier

from .wire import ADDRESS, BOOK, BOOKING_ID, ESTIMATE, EXAMPLE, EXAMPLES, PREVIEW, UPDATE, booking, call, sign, smallest

PREFIX = {"pandapon": "", "xportcn_ka": "/api"}


@pytest.mark.parametrize(("kind", "operation"), [(kind, op) for kind, op in Catalogue()], ids=lambda v: str(v)[:40])
async def test_every_operation_takes_its_documented_example(vendor: FakeVendor, kind: Any, operation: Any) -> None:
    signed = sign(vendor, kind)
    if not operation.signed_query:
        signed.query.clear()
    signed.query.update(dict.fromkeys(operation.required_query, "1"))
    body = operation.example_request
    if body is None and operation.method != "GET":
        body = {} if operation.body is None else smallest(operation.body)
    path = PREFIX[kind] + re.sub(r"\{\w+\}", "17", operation.path)
    got = await call(vendor, path, body, method=operation.method, signed=signed)
    assert got.status == 200
    assert (got.json.get("errorCode") or got.json.get("code")) == 200
    record = vendor.ledger.requests[-1]
    assert (record.operation, record.vendor, record.done) == (operation.contract_id, kind, True)


@pytest.mark.parametrize("kind", KINDS)
async def test_the_documented_booking_gets_the_documented_reply(
    vendor: FakeVendor, logistics: dict[str, Fact], kind: str
) -> None:
    facts = logistics[BOOKING_ID]
    got = await call(vendor, PREFIX[kind] + BOOK, facts.example_request)
    assert got.json == facts.example_response
    assert vendor.ledger.bookings == {"FF2024080200007": 1}
    assert vendor.ledger.fees == {"USD": Decimal("322.92")}


async def test_other_bookings_have_the_same_shape_and_their_own_values(vendor: FakeVendor) -> None:
    example = (await call(vendor)).json["data"]
    first = (await call(vendor, body=booking("R1"))).json["data"]
    second = (await call(vendor, body=booking("R2"))).json["data"]
    assert len({data["orderId"] for data in (example, first, second)}) == 3
    assert first["orderId"].isdigit()
    assert [order["itemInfos"] for order in first["subOrders"]] == [o["itemInfos"] for o in example["subOrders"]]
    numbers = [o["internationalLogisticInfos"]["logisticNumer"] for d in (first, second) for o in d["subOrders"]]
    assert len(set(numbers)) == 4
    assert first["subOrders"][0]["internationalLogisticInfos"].keys() == (
        example["subOrders"][0]["internationalLogisticInfos"].keys()
    )
    assert first["orderFee"]["amount"][-3] == "."


async def test_a_booking_without_items_has_no_sub_orders(vendor: FakeVendor) -> None:
    assert (await call(vendor, body={"renderId": "R1"})).json["data"]["subOrders"] == []


async def test_a_second_booking_of_a_reference_is_a_new_order_at_the_same_fee(vendor: FakeVendor) -> None:
    first = (await call(vendor, body=booking("R1"))).json["data"]
    second = (await call(vendor, body=booking("R1"))).json["data"]
    assert first["orderId"] != second["orderId"]
    assert vendor.ledger.doubled == {"R1": 2}
    assert vendor.ledger.fees == {"USD": 2 * Decimal(first["orderFee"]["amount"])}
    assert vendor.ledger.replies == {"R1": second}


async def test_replies_depend_on_reference_and_seed_only() -> None:
    async def order_id(seed: int) -> str:
        async with FakeVendor(seed=seed) as vendor:
            return str((await call(vendor, body=booking("R1"))).json["data"]["orderId"])

    assert await order_id(1) == await order_id(1)
    assert await order_id(1) != await order_id(2)


async def test_without_a_render_id_the_reference_is_the_body_s_digest(vendor: FakeVendor) -> None:
    body = {"lineItems": [], "remark": "a"}
    await call(vendor, body=body)
    await call(vendor, body=dict(reversed(body.items())))
    await call(vendor, body={**body, "remark": "b"})
    assert sorted(vendor.ledger.bookings.values()) == [1, 2]
    assert {len(reference) for reference in vendor.ledger.bookings} == {64}


async def test_replies_need_not_be_kept() -> None:
    async with FakeVendor(keep_replies=False) as vendor:
        await call(vendor)
    assert vendor.ledger.bookings
    assert vendor.ledger.replies == {}


async def test_each_preview_is_a_quote_of_its_own_and_keeps_its_price(vendor: FakeVendor) -> None:
    body = EXAMPLES["pandapon", PREVIEW]
    first = (await call(vendor, PREVIEW, body)).json["data"]
    second = (await call(vendor, PREVIEW, body)).json["data"]
    assert first["renderId"].startswith("FF")
    assert first["renderId"] != second["renderId"]
    booked = (await call(vendor, body=booking(first["renderId"]))).json["data"]
    assert booked["orderFee"] == first["orderFee"]
    assert vendor.ledger.done == {BOOKING_ID: 1, "logistics.order.render_freight": 2}


async def test_an_estimate_lists_services_and_depends_on_the_destination(vendor: FakeVendor) -> None:
    body = EXAMPLES["pandapon", ESTIMATE]
    first = (await call(vendor, f"/v2{ESTIMATE}", body)).json["data"]
    assert [service["serviceId"] for service in first] == ["1", "2", "3"]
    assert (await call(vendor, ESTIMATE, body)).json["data"] == first
    away = {**body, "receiverAddress": {"country": "BR"}}
    assert (await call(vendor, ESTIMATE, away)).json["data"] != first
    assert vendor.ledger.seen == {"logistics.item_price.estimate": 3}


async def test_an_update_answers_without_data(vendor: FakeVendor) -> None:
    got = await call(vendor, UPDATE, EXAMPLES["pandapon", UPDATE])
    assert got.json == {"errorCode": 200, "errorMsg": None, "success": True, "data": None}


async def test_a_list_has_one_page(vendor: FakeVendor) -> None:
    path = "/v2/alibaba/product/keywords/query"
    first, second = [
        (await call(vendor, path, {"keyword": "T", "beginPage": number, "pageSize": 5, "country": "en"})).json["data"]
        for number in (1, 2)
    ]
    assert len(first["data"]) == 1
    assert second == {**first, "data": []}


async def test_a_route_answers_exactly_and_is_still_signed(vendor: FakeVendor) -> None:
    vendor.route("get", "/open/anything", {"whatever": 1})
    signed = sign(vendor)
    signed.query.clear()
    assert (await call(vendor, "/open/anything", None, method="GET", signed=signed)).json == {"whatever": 1}
    assert (await call(vendor, "/api/open/anything", None, method="GET")).json == {"whatever": 1}
    signed = sign(vendor, secret="wrong")
    assert (await call(vendor, "/open/anything", None, method="GET", signed=signed)).status == 401
    assert vendor.ledger.done == {"GET /open/anything": 2}


async def test_a_route_with_a_parameter_takes_any_value(vendor: FakeVendor) -> None:
    vendor.route("GET", "/open/thing/{id}", {"ok": True})
    assert (await call(vendor, "/open/thing/17", None, method="GET")).json == {"ok": True}
    assert (await call(vendor, "/open/thing/17/18", None, method="GET")).status == 404


async def test_a_route_replaces_a_contract_reply_and_keeps_its_checks(vendor: FakeVendor) -> None:
    vendor.route("POST", ADDRESS, {"code": 0, "msg": ""})
    assert (await call(vendor, ADDRESS, {"name": "x"})).json == {"code": 0, "msg": ""}
    assert (await call(vendor, ADDRESS, {"name": 1})).json["code"] == 99422
    assert vendor.ledger.done == {"foundations.address.add_or_update": 1}


async def test_counts_are_right_under_concurrency(vendor: FakeVendor) -> None:
    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(call(vendor, body=booking(f"R{i % 50}"), session=session) for i in range(200)))
    assert vendor.ledger.bookings == {f"R{i}": 4 for i in range(50)}
    assert vendor.ledger.seen == vendor.ledger.done == {BOOKING_ID: 200}
    fees = [Decimal(reply["orderFee"]["amount"]) for reply in vendor.ledger.replies.values()]
    assert vendor.ledger.fees == {"USD": 4 * sum(fees)}


async def test_a_record_tells_what_was_sent(vendor: FakeVendor) -> None:
    signed = sign(vendor)
    await call(vendor, signed=signed)
    (record,) = vendor.ledger.requests
    assert (record.nonce, record.timestamp) == (signed.headers["nonce-str"], signed.headers["timestamp"])
    assert (record.method, record.path, record.reference) == ("POST", BOOK, EXAMPLE["renderId"])


async def test_the_ledger_can_be_cleared(vendor: FakeVendor) -> None:
    await call(vendor)
    vendor.ledger.clear()
    ledger = vendor.ledger
    assert not any([ledger.bookings, ledger.fees, ledger.replies, ledger.requests, ledger.seen, ledger.done])


def test_an_operation_without_an_example_answers_an_empty_success() -> None:
    operation = ApiOperation(contract_id="some.operation", method="GET", path="/some/{thing}")
    reply = Replier(Ledger(), 0).reply("pandapon", operation, None, "id-1")
    assert reply == {"requestId": "id-1", "code": 200, "developId": "fake-developer", "msg": "成功", "data": None}
    assert nothing("A") == dict.fromkeys(reply)
    assert nothing("C") == {"code": None, "msg": None}


async def test_a_query_parameter_that_the_contract_requires_is_named(vendor: FakeVendor) -> None:
    operation = ApiOperation(contract_id="x", method="GET", path="/x/{y}", required_query=("refundId",))
    vendor._handler.catalogue.add("pandapon", operation)
    assert (await call(vendor, "/x/1", None, method="GET")).json["msg"] == "invented: query refundId: is required"
    signed = sign(vendor)
    signed.query["refundId"] = "a b%"
    assert (await call(vendor, "/x/1", None, method="GET", signed=signed)).json["code"] == 200
