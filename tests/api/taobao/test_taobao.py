"""Taobao: what a user writes is what the vendor's pages show; what is a WRITE; jobs and pages."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pandapon_async import Effect, PandaPonSession, RequestError, VendorRequest, WriteJob, from_wire, to_wire
from pandapon_async._manager import SessionManager
from pandapon_async._models.converters import decode
from pandapon_async.api import catalogue
from pandapon_async.api.pandapon.taobao import cart, orders, products, refunds
from pandapon_async.api.shared.taobao import Receiver
from pandapon_async.api.xportcn_ka.taobao import RecommendationsRequest
from pandapon_async.testing import FakeVendor
from tests.conftest import contract
from tests.contract.facts import settled
from tests.support import yes

FACTS = contract("taobao")

WRITTEN: dict[str, VendorRequest[Any]] = {
    "taobao.product.batch_check": products.ProductCheckRequest(
        items=(products.CheckedItem(item_id="672991141190", sku_ids=("3452545926724",)),)
    ),
    "taobao.product.source_get": products.SourceProductRequest(item_id="42971808988", language="vi"),
    "taobao.order.create": orders.OrderCreateRequest(
        lines=tuple(
            orders.OrderLine(
                item_id=f"60000000000000000{number}",
                sku_id=f"500000000000{number}",
                order_line_no="1",
                quantity=200,
                price_fen=1,
                currency="CNY",
            )
            for number in (1, 2)
        ),
        receiver=Receiver(
            name="示例",
            phone="",
            mobile_phone="13000000000",
            country="中国",
            state="浙江省",
            city="杭州市",
            district="余杭区",
            address="示例地址",
            zip="11111",
        ),
        purchase_amount_fen=400,
        order_source="lazada",
        seller_order_number="1",
    ),
    "taobao.order.update_warehouse": orders.WarehouseUpdateRequest(
        order_id="1024285237573584051", warehouse_name="一号仓库", warehouse_address="广西省"
    ),
    "taobao.order.im_link": orders.ImLinkRequest(source_type="item", biz_id="234576234"),
    "taobao.refund.list": refunds.RefundListRequest(
        refund_id="111",
        purchase_order_id="111",
        sales_order_id="11111",
        refund_status=1,
        refund_start_time=121312131313,
        refund_end_time=3323232,
        page_no=1,
        page_size=1,
    ),
    "taobao.cart.create_order": cart.CartOrderRequest(
        ids=("75", "76"),
        order_address=Receiver(
            name="测试",
            phone="",
            mobile_phone="",
            country="中国",
            state="浙江省",
            city="杭州市",
            district="余杭区",
            address="测试地址",
            zip="11111",
        ),
        user_id="2100000000001",
    ),
}


@pytest.mark.parametrize("id_", WRITTEN)
def test_a_request_that_is_built_in_python_is_the_pages_example(id_: str):
    example = FACTS[id_].example_request
    assert settled(to_wire(WRITTEN[id_])) == settled(example)
    assert from_wire(type(WRITTEN[id_]), example) == WRITTEN[id_]


def test_an_item_id_is_text_in_one_operation_and_a_number_of_18_digits_in_another():
    line = orders.CheckedLine(item_id="600000000000000001", sku_id=4000000000001, quantity=1)
    wire = to_wire(orders.OrderCheckRequest(lines=(line,), receiver=Receiver()))
    assert wire["orderLineList"] == '[{"itemId":600000000000000001,"skuId":4000000000001,"quantity":"1"}]'


def test_what_is_wrong_inside_a_text_is_named_by_its_path():
    with pytest.raises(RequestError) as caught:
        from_wire(
            orders.OrderCreateRequest,
            {"orderLineList": '[{"itemId":1}]', "receiver": "{}", "purchaseAmount": 1},
        )
    assert caught.value.field == "orderLineList[0].itemId"


def test_a_products_prices_come_as_numbers_and_as_text():
    product, problems = decode(products.Product, FACTS["taobao.product.get"].example_response["data"])
    assert product is not None
    assert problems == ()
    assert (product.item_id, product.mp_id) == ("672991141190", "2048057995392326")
    assert product.promotion_price == product.skus[0].promotion_price == Decimal(1)
    assert [found.value_name for found in product.skus[0].properties] == ["红色", "52cm"]


async def test_a_chat_link_and_a_password_are_in_no_repr(vendor: FakeVendor, panda: PandaPonSession):
    request = orders.ImLinkRequest(source_type="item", biz_id="1", login_name="jane", password="hunter2")
    link = await panda.taobao.orders.im_link(request)
    assert link.url == "https://distributor.taobao.global/apps/open/imchat?loginToken=EXAMPLE_TOKEN"
    assert "EXAMPLE_TOKEN" not in repr(link)
    assert "hunter2" not in repr(request)
    assert "jane" not in repr(request)


async def test_cancelling_refunds_goes_through_a_job_once_each(
    vendor: FakeVendor, panda: PandaPonSession, tmp_path: Path
):
    requests = [refunds.RefundCancelRequest(refund_id=str(number)) for number in range(3)]
    for expected in ("done", "skipped"):
        job = WriteJob(panda, refunds.RefundCancelRequest, journal=tmp_path / "cancelled.db")
        async with job.run(requests) as outcomes:
            assert {outcome.state async for outcome in outcomes} == {expected}
    assert vendor.ledger.done == {"taobao.refund.cancel": 3}


async def test_recommendations_come_page_by_page(vendor: FakeVendor):
    async with SessionManager([vendor.profile("xportcn_ka")]) as vendors:
        ka = vendors.xportcn_ka
        pages = [[{"itemId": 1, "price": "1.50"}, {"itemId": 2}], [{"itemId": 3}]]
        for number, items in enumerate(pages, 1):
            vendor.script(
                {"json": {**yes({"pageNo": number, "pageSize": 2, "data": items}), "code": 200}, "done": True}
            )
        request = RecommendationsRequest(page_no=1, page_size=2)
        found = [product async for product in ka.taobao.products.recommend(request)]
    assert [product.item_id for product in found] == ["1", "2", "3"]
    assert found[0].price == Decimal("1.50")


WRITES = {
    *["taobao.orders.create", "taobao.orders.update_warehouse", "taobao.orders.pay", "taobao.orders.upload_voucher"],
    *["taobao.orders.cancel", "taobao.refunds.cancel", "taobao.refunds.submit_message", "taobao.refunds.submit"],
    *["taobao.refunds.modify", "taobao.refunds.submit_return", "taobao.cart.add", "taobao.cart.create_order"],
    *["taobao.cart.edit_quantity", "taobao.cart.delete", "taobao.purchases.create", "taobao.purchases.create_v2"],
    *["taobao.purchases.pay", "taobao.purchases.cancel"],
}


def test_what_creates_pays_cancels_or_changes_is_a_write_and_nothing_else():
    ours = [cls.operation for cls in catalogue() if ".taobao" in cls.__module__]
    writes = {operation.name.removeprefix("v2.") for operation in ours if operation.effect is Effect.WRITE}
    reads = {operation.name.removeprefix("v2.") for operation in ours if operation.effect is Effect.READ}
    assert writes == WRITES
    assert not reads & WRITES
