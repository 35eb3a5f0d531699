"""The logistics and address models as values: what the contract's examples become."""

from __future__ import annotations

from decimal import Decimal

import pytest

from pandapon_async import RequestError, from_wire, to_wire
from pandapon_async._models.converters import decode
from pandapon_async._models.money import Money
from pandapon_async.api.addresses import AddressSaved, AddressSaveRequest
from pandapon_async.api.logistics import (
    BookedItem,
    BookingItem,
    DomesticParcel,
    DomesticShipmentUpdate,
    DomesticShipmentUpdated,
    FreightBooking,
    FreightBookingRequest,
    FreightEstimateRequest,
    FreightInfo,
    FreightPreview,
    FreightPreviewRequest,
    FreightSubOrder,
    InternationalLogistics,
    ReceiverAddress,
    RenderItem,
    ShipmentInfo,
    ShippedItem,
    TmallOrderInfo,
)
from tests.conftest import contract

FACTS = contract("logistics")
ADDRESS = ReceiverAddress(
    country="US",
    state="California",
    city="Springfield",
    zip="90000",
    address="1 Example Street",
    name="Jane Example",
    phone="5550100100",
    mobile_phone="5550100100",
    email="jane@example.com",
)
FREIGHT = [FreightInfo(service_id=number, company_name="", service_category="") for number in ("1", "2")]

EXAMPLES = {
    "logistics.item_price.estimate": FreightEstimateRequest(
        item_id="2048232789087639", sku_id="4970432383383", quantity=1, receiver_address=ADDRESS
    ),
    "logistics.order.render_freight": FreightPreviewRequest(
        receiver_address=ADDRESS,
        render_items=(
            RenderItem(item_id="2048020617114736", sku_id="413185732720", quantity=1, freight_info=FREIGHT[0]),
            RenderItem(item_id="2048232789087639", sku_id="4970432383383", quantity=2, freight_info=FREIGHT[1]),
        ),
    ),
    "logistics.order.book_freight": FreightBookingRequest(
        render_id="FF2024080200007",
        tmall_order_info=TmallOrderInfo(tmall_order_id="123123444"),
        receiver_address=ADDRESS,
        line_items=(
            BookingItem(
                item_id="2048020617114736",
                sku_id="413185732720",
                quantity=1,
                title="product 1",
                image_url="url",
                freight_info=FREIGHT[0],
            ),
            BookingItem(
                item_id="2048232789087639",
                sku_id="4970432383383",
                quantity=2,
                title="product 2",
                image_url="url",
                freight_info=FREIGHT[1],
            ),
        ),
    ),
    "logistics.domestic.update": DomesticShipmentUpdate(
        order_id="21",
        tmall_order_id="12345667",
        logistic_infos=(
            ShipmentInfo(
                line_item=ShippedItem(
                    item_id="2048020617114736", sku_id="413185732720", quantity=1, title="product 1", image_url="url"
                ),
                logistic_number="FARJP2408000013YQ",
                domestic_logistic_info=(
                    DomesticParcel(
                        logistic_number="SF0000000000001", logistic_company_name="顺丰", rts_time="1754342534"
                    ),
                    DomesticParcel(
                        logistic_number="YT0000000000002", logistic_company_name="圆通", rts_time="1754342534"
                    ),
                ),
            ),
        ),
    ),
    "foundations.address.add_or_update": AddressSaveRequest(
        id=0, name="string", province="string", city="string", district="string", address="string", phone="string"
    ),
}


@pytest.mark.parametrize("contract_id", EXAMPLES)
def test_a_request_that_is_built_in_python_is_the_contracts_example(contract_id: str):
    assert to_wire(EXAMPLES[contract_id]) == FACTS[contract_id].example_request


@pytest.mark.parametrize("contract_id", EXAMPLES)
def test_the_contracts_example_is_the_request_that_is_built_in_python(contract_id: str):
    request = EXAMPLES[contract_id]
    assert from_wire(type(request), FACTS[contract_id].example_request) == request


def test_every_example_of_the_contract_is_here():
    assert set(EXAMPLES) == {fact_id for fact_id, fact in FACTS.items() if fact.example_request}


def test_the_contracts_booking_is_the_model_that_is_built_in_python():
    booked, problems = decode(FreightBooking, FACTS["logistics.order.book_freight"].example_response["data"])
    assert problems == ()
    assert booked == FreightBooking(
        order_id="21",
        order_fee=Money(amount=Decimal("322.92"), currency="USD"),
        sub_orders=tuple(
            FreightSubOrder(
                item_infos=(BookedItem(item_id=item, sku_id=sku, quantity=quantity, title=f"product {quantity}"),),
                international_logistic_infos=InternationalLogistics(
                    logistic_number=number,
                    logistic_company_name="UCS",
                    tracking_url=f"https://www.far800.com/logistics/result?key={number}",
                    logistic_type="UCS",
                ),
            )
            for item, sku, quantity, number in [
                ("2048020617114736", "413185732720", 1, "FARJP2408000013YQ"),
                ("2048232789087639", "4970432383383", 2, "FARJP2408000014YQ"),
            ]
        ),
    )


def test_a_remark_may_also_stand_inside_the_order_info():
    order = TmallOrderInfo(tmall_order_id="1", extra={"remark": "fragile"})
    assert to_wire(FreightBookingRequest(tmall_order_info=order)) == {
        "tmallOrderInfo": {"tmallOrderId": "1", "remark": "fragile"}
    }


@pytest.mark.parametrize("cls", [FreightEstimateRequest, RenderItem])
def test_currency_and_price_may_be_left_out_though_the_page_marks_them_required(cls: type):
    members = {"item_id": "1", "sku_id": "2", "quantity": 1}
    needed = {"receiver_address": ADDRESS} if cls is FreightEstimateRequest else {"freight_info": FREIGHT[0]}
    item = cls(**members, **needed)
    assert (item.currency, item.price) == (None, None)


@pytest.mark.parametrize("missing", ["item_id", "sku_id", "quantity", "receiver_address"])
def test_what_an_estimate_needs(missing: str):
    members = {"item_id": "1", "sku_id": "2", "quantity": 1, "receiver_address": ADDRESS}
    del members[missing]
    with pytest.raises(RequestError, match=f"FreightEstimateRequest needs '{missing}'"):
        FreightEstimateRequest(**members)


@pytest.mark.parametrize(
    "cls", [FreightPreviewRequest, FreightBookingRequest, DomesticShipmentUpdate, AddressSaveRequest]
)
def test_everything_is_optional_where_the_page_says_so(cls: type):
    assert to_wire(cls()) == {}


def test_a_preview_gives_the_render_id_if_it_is_where_a_booking_takes_it():
    preview, _ = decode(FreightPreview, {"renderId": "FF1", "freights": [{"serviceId": "1"}]})
    assert preview.render_id == "FF1"
    assert preview.value["freights"] == [{"serviceId": "1"}]


@pytest.mark.parametrize("cls", [AddressSaved, DomesticShipmentUpdated])
def test_an_answer_without_data_is_an_open_reply(cls: type):
    reply, problems = decode(cls, None)
    assert (reply, problems) == (cls(), ())
