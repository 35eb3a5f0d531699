"""1688 and the warehouse at Xportcn KA: what the contract's examples become, and what is sent."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from pandapon_async import Effect, RequestError, SessionManager, VendorRequest, XportcnKaSession, from_wire, to_wire
from pandapon_async.api import catalogue
from pandapon_async.api.shared.alibaba import FastAddress
from pandapon_async.api.xportcn_ka.im import DecryptOpenUidRequest
from pandapon_async.api.xportcn_ka.orders import (
    CargoLine,
    OrderCreateRequest,
    OrderPayRequest,
    OrderPreview,
    OrderPreviewRequest,
    PreviewedItem,
    PreviewedOrder,
)
from pandapon_async.api.xportcn_ka.products import ProductSearchRequest
from pandapon_async.api.xportcn_ka.wms import PackageInboundRequest, QualityInspection
from pandapon_async.testing import FakeVendor
from tests.conftest import contract
from tests.support import RawServer, http_reply, says

FACTS = contract("xportcn_ka")
OURS = {
    cls.operation.name: cls.operation
    for cls in catalogue()
    if cls.operation.contract_id in FACTS and ".taobao." not in cls.operation.contract_id
}
SPEC = "530ad00177264564503ec3b848650652"
WHERE = FastAddress(
    full_name="Li Test",
    mobile="13800000000",
    phone="",
    post_code="532600",
    city_text="崇左市",
    province_text="凭祥市区",
    area_text="凭祥市区",
    town_text="广西壮族自治区省",
    address="测试",
    district_code="451481",
)
PREVIEW = OrderPreviewRequest(
    flow="fenxiaonew",
    address_param=WHERE,
    cargo_param_list=(CargoLine(offer_id="889512351602", spec_id=SPEC, quantity=Decimal("2.0")),),
)
EXAMPLES: dict[str, VendorRequest[Any]] = {
    "ka.order.preview": PREVIEW,
    "ka.im.decrypt_open_uid": DecryptOpenUidRequest(open_uid="BBBexampleOpenUid0001", offer_id="951807530375"),
    "ka.wms.package_inbound": PackageInboundRequest(
        out_order_id="205569999****",
        alibaba_order_id="2887421730000000001",
        logistics_tracking_number="YT0000000000001",
        quality_inspection_info=QualityInspection(
            status="质检通过",
            weight=Decimal("0.4"),
            length=Decimal(23),
            width=Decimal(34),
            height=Decimal(56),
            failed_remark="白色领口有污点",
            images=("https://cbu01.alicdn.com/img/ibank/O1CN01example.jpg",),
        ),
    ),
}

each_example = pytest.mark.parametrize("contract_id", EXAMPLES)


@pytest.fixture
async def ka(vendor: FakeVendor) -> AsyncIterator[XportcnKaSession]:
    async with SessionManager([vendor.profile("xportcn_ka")]) as vendors:
        yield vendors.xportcn_ka


# --- requests ---


@each_example
def test_a_request_that_is_built_in_python_is_the_contracts_example(contract_id: str):
    assert to_wire(EXAMPLES[contract_id]) == FACTS[contract_id].example_request


@each_example
def test_the_contracts_example_is_the_request_that_is_built_in_python(contract_id: str):
    request = EXAMPLES[contract_id]
    assert from_wire(type(request), FACTS[contract_id].example_request) == request


def test_every_example_of_the_contract_is_here():
    examples = {id_ for id_, fact in FACTS.items() if fact.example_request and ".taobao." not in id_}
    assert set(EXAMPLES) == examples


async def test_a_quantity_leaves_as_the_sample_has_it(vendor: FakeVendor):
    async with RawServer(says(http_reply(200, {"code": 200, "data": []}))) as server:
        profile = vendor.profile("xportcn_ka", base_url=server.url)
        async with SessionManager([profile]) as vendors:
            await vendors.xportcn_ka.alibaba.orders.preview(PREVIEW)
    assert (
        f'"cargoParamList":[{{"offerId":889512351602,"specId":"{SPEC}","quantity":2.0}}]'.encode()
        in server.requests[0].body
    )


def test_the_warehouses_names_are_snake_case_and_one_measure_is_text():
    inspection = QualityInspection(weight=Decimal("0.4"), width=Decimal("34.50"), failed_remark="x")
    request = PackageInboundRequest(out_order_id="1", quality_inspection_info=inspection)
    assert json.loads(json.dumps(to_wire(request))) == {
        "out_order_id": "1",
        "quality_inspection_info": {"weight": 0.4, "width": "34.50", "failed_remark": "x"},
    }


def test_camel_case_is_not_what_the_warehouse_takes():
    with pytest.raises(RequestError, match=r"has no member 'outOrderId' \(did you mean 'out_order_id'\?\)"):
        from_wire(PackageInboundRequest, {"outOrderId": "1"})


def test_a_body_of_which_nothing_is_known_goes_into_extra():
    with pytest.raises(RequestError) as caught:
        from_wire(OrderPayRequest, {"orderId": "1"})
    assert str(caught.value.message) == (
        "OrderPayRequest has no member 'orderId'; none of its members is typed: put them into \"extra\""
    )
    assert to_wire(from_wire(OrderPayRequest, {"extra": {"orderId": "1"}})) == {"orderId": "1"}


def test_a_package_is_known_by_its_tracking_number():
    assert EXAMPLES["ka.wms.package_inbound"].natural_reference() == "YT0000000000001"


def test_a_search_takes_what_pandapons_does():
    request = ProductSearchRequest(keyword="x", begin_page=2, filter="totalEpScoreLv1")
    assert to_wire(request) == {"keyword": "x", "beginPage": 2, "filter": "totalEpScoreLv1"}


# --- effects ---


def test_what_changes_something_and_what_only_asks():
    """Decided one by one."""
    assert {name for name, operation in OURS.items() if operation.effect is Effect.WRITE} == {
        "alibaba.orders.create",
        "alibaba.orders.pay",
        "alibaba.refunds.cancel",
        "alibaba.refunds.create",
        "alibaba.refunds.submit_return",
        "alibaba.refunds.upload_voucher",
        "wms.package_forecast",
        "wms.package_inbound",
        "wms.package_update",
    }


# --- over a socket ---


async def test_a_preview_is_a_list_of_orders_in_fen(ka: XportcnKaSession):
    preview = await ka.alibaba.orders.preview(PREVIEW)
    assert preview == OrderPreview(
        orders=(
            PreviewedOrder(
                sum_carriage_fen=600,
                sum_payment_fen=6400,
                sum_total_payment_fen=6561,
                sum_payment_no_carriage_fen=5800,
                order_items=(
                    PreviewedItem(
                        amount_fen=5800,
                        final_unit_price_fen=2900,
                        spec_id=SPEC,
                        sku_id="5736673805656",
                        offer_id="889512351602",
                        open_offer_id="+vIWvlcT2JMpWVABRdm+WQ==",
                    ),
                ),
            ),
        )
    )


async def test_an_order_is_created_from_what_was_previewed(vendor: FakeVendor, ka: XportcnKaSession):
    await ka.alibaba.orders.create(
        OrderCreateRequest(
            flow=PREVIEW.flow, address_param=PREVIEW.address_param, cargo_param_list=PREVIEW.cargo_param_list
        )
    )
    await ka.alibaba.orders.pay(OrderPayRequest(extra={"orderId": "2887421730000000001"}))
    assert [(record.operation, record.done, record.problems) for record in vendor.ledger.requests] == [
        ("ka.order.create", True, ()),
        ("ka.order.pay", True, ()),
    ]


async def test_a_package_is_reported_to_the_warehouse(vendor: FakeVendor, ka: XportcnKaSession):
    await ka.wms.package_inbound(EXAMPLES["ka.wms.package_inbound"])  # type: ignore[arg-type]
    record = vendor.ledger.requests[-1]
    assert (record.operation, record.path, record.problems) == (
        "ka.wms.package_inbound",
        "/api/wms/package/inbound",
        (),
    )
