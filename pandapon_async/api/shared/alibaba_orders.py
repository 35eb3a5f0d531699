"""Replies on 1688 orders that no page of a vendor shows, inferred from 1688's own calls. They refuse nothing: see `InferredReply`.

Amounts say their unit in their names: 1688 gives fen (1/100 CNY) before an order is made, and yuan in the order itself. Where its
reference doesn't say it either, the docstring says so.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import attrs

from ..._models.base import InferredReply, OpenReply, ReplyModel
from ..._models.fields import many, optional

# --- before and at the creation: alibaba.createOrder.preview, alibaba.trade.createCrossOrder -----------------------------


@attrs.frozen(kw_only=True)
class PreviewedCargo(InferredReply):
    """One line of a previewed order. The unit of its amounts is open: 1688's example has yuan, Xportcn KA's fen."""

    amount: Decimal | None = optional(number=True)
    final_unit_price: Decimal | None = optional(number=True)
    spec_id: str | None = optional()
    sku_id: str | None = optional(number=True)
    offer_id: str | None = optional(number=True)
    open_offer_id: str | None = optional()
    result_code: str | None = optional()
    message: str | None = optional()
    cargo_promotion_list: tuple[Any, ...] = many()
    """Offers on the line; their members aren't known."""


@attrs.frozen(kw_only=True)
class ShopPromotion(InferredReply):
    """An offer of the shop that an order may use."""

    promotion_id: str | None = optional()
    selected: bool | None = optional()
    text: str | None = optional()
    desc: str | None = optional()
    free_postage: bool | None = optional()
    discount_fee_fen: int | None = optional("discountFee")
    """In fen (1/100 CNY)."""


@attrs.frozen(kw_only=True)
class TradeModel(InferredReply):
    """A way to trade that an order may use."""

    name: str | None = optional()
    description: str | None = optional()
    trade_type: str | None = optional()
    """What an order's ``trade_type`` takes."""
    op_support: bool | None = optional()


@attrs.frozen(kw_only=True)
class PayChannel(InferredReply):
    """A way to pay an order."""

    name: str | None = optional()
    amount_limit_fen: int | None = optional("amountLimit")
    """In fen (1/100 CNY)."""


@attrs.frozen(kw_only=True)
class PreviewedOrder(ReplyModel):
    """One previewed order. PandaPon's page shows three of its 14 members and names the others' number only; they are inferred from
    1688's ``alibaba.createOrder.preview``, where the sums are fen (1/100 CNY)."""

    discount_fee_fen: Any = optional("discountFee")
    """Only null was seen; in fen (1/100 CNY) at 1688."""
    trade_mode_name_list: tuple[str, ...] = many()
    """What an order's ``trade_type`` may be."""
    status: bool | None = optional()

    tao_sample_single_promotion: bool | None = optional(inferred=True)
    sum_payment_fen: int | None = optional("sumPayment", inferred=True)
    """Goods and freight, in fen (1/100 CNY)."""
    sum_carriage_fen: int | None = optional("sumCarriage", inferred=True)
    """Freight, in fen (1/100 CNY)."""
    sum_payment_no_carriage_fen: int | None = optional("sumPaymentNoCarriage", inferred=True)
    """Goods, in fen (1/100 CNY)."""
    additional_fee_fen: int | None = optional("additionalFee", inferred=True)
    """In fen (1/100 CNY)."""
    message: str | None = optional(inferred=True)
    result_code: str | None = optional(inferred=True)
    flow_flag: str | None = optional(inferred=True)
    cargo_list: tuple[PreviewedCargo, ...] = many(inferred=True)
    shop_promotion_list: tuple[ShopPromotion, ...] = many(inferred=True)
    trade_model_list: tuple[TradeModel, ...] = many(inferred=True)
    pay_channel_infos: tuple[PayChannel, ...] = many(inferred=True)


@attrs.frozen(kw_only=True)
class UncreatedLine(InferredReply):
    """A line that was not ordered."""

    offer_id: str | None = optional()
    spec_id: str | None = optional()
    error_code: str | None = optional()
    error_message: str | None = optional()


@attrs.frozen(kw_only=True)
class CreatedSubOrder(InferredReply):
    """One of several orders that one request made. The unit of its amounts isn't stated; the whole's are fen (1/100 CNY)."""

    order_id: str | None = optional()
    post_fee: int | None = optional()
    order_amount: int | None = optional("orderAmmount")
    """The wire name is 1688's spelling."""
    result_code: str | None = optional()
    message: str | None = optional()
    success: bool | None = optional()
    pay_channel: str | None = optional()


@attrs.frozen(kw_only=True)
class CreatedOrder(InferredReply):
    """The order that was created, inferred from 1688's ``alibaba.trade.createCrossOrder``. No page shows it.

    When one request made several orders, ``order_list`` has them, and ``order_id`` and the amounts are empty.
    """

    total_success_amount_fen: int | None = optional("totalSuccessAmount")
    """In fen (1/100 CNY)."""
    order_id: str | None = optional()
    post_fee_fen: int | None = optional("postFee")
    """In fen (1/100 CNY)."""
    success: bool | None = optional()
    code: str | None = optional()
    message: str | None = optional()
    failed_offer_list: tuple[UncreatedLine, ...] = many()
    order_list: tuple[CreatedSubOrder, ...] = many()


@attrs.frozen(kw_only=True)
class PaymentLink(InferredReply):
    """The page on which orders are paid, inferred from 1688's ``alibaba.alipay.url.get``. ``success`` may be true in part."""

    pay_url: str | None = optional()
    pay_failure_order_list: tuple[str, ...] = many(number=True)
    success: bool | None = optional()


# --- the order itself: alibaba.trade.getBuyerOrderList, alibaba.trade.get.buyerView ---------------------------------------


@attrs.frozen(kw_only=True)
class TradeBase(InferredReply):
    """The main facts of an order. Amounts are yuan (CNY); times are text as received. Members from public clients of 1688."""

    id: str | None = optional(number=True)
    """The order's id; beyond what a JSON number keeps in many languages, so `id_of_str` is the safer one."""
    id_of_str: str | None = optional()
    out_order_id: str | None = optional()
    """Your own number for it, if it was created with one."""
    status: str | None = optional()
    """See `OrderStatus`."""
    total_amount_yuan: Decimal | None = optional("totalAmount", number=True)
    """Goods and freight, in yuan (CNY)."""
    shipping_fee_yuan: Decimal | None = optional("shippingFee", number=True)
    """In yuan (CNY)."""
    refund_yuan: Decimal | None = optional("refund", number=True)
    """In yuan (CNY)."""
    trade_type: str | None = optional()
    refund_status: str | None = optional()
    """See `OrderRefundStatus`."""
    refund_status_for_as: str | None = optional()
    """After sales."""
    refund_id: str | None = optional()
    close_reason: str | None = optional()
    create_time: str | None = optional()
    pay_time: str | None = optional()
    all_delivered_time: str | None = optional()
    receiving_time: str | None = optional()
    complete_time: str | None = optional()
    modify_time: str | None = optional()


@attrs.frozen(kw_only=True)
class TradeParcel(InferredReply):
    """A parcel of an order."""

    id: str | None = optional(number=True)
    logistics_code: str | None = optional()
    logistics_bill_no: str | None = optional()
    """The carrier's waybill number."""
    logistics_company_no: str | None = optional()
    logistics_company_name: str | None = optional()
    delivered_time: str | None = optional()
    """When it was dispatched."""
    status: str | None = optional()


@attrs.frozen(kw_only=True)
class TradeDelivery(InferredReply):
    """The delivery address in China of an order, and its parcels."""

    contact_person: str | None = optional(personal=True)
    mobile: str | None = optional(personal=True)
    telephone: str | None = optional(personal=True)
    address: str | None = optional(personal=True)
    area: str | None = optional()
    area_code: str | None = optional()
    city: str | None = optional()
    province: str | None = optional()
    town: str | None = optional()
    town_code: str | None = optional()
    zip: str | None = optional(personal=True)
    logistics_items: tuple[TradeParcel, ...] = many()


@attrs.frozen(kw_only=True)
class TradeLine(InferredReply):
    """A product of an order. Amounts are yuan (CNY)."""

    product_id: str | None = optional("productID", number=True)
    sku_id: str | None = optional("skuID", number=True)
    spec_id: str | None = optional()
    name: str | None = optional()
    quantity: Decimal | None = optional(number=True)
    item_amount_yuan: Decimal | None = optional("itemAmount", number=True)
    """What is paid for the line, in yuan (CNY)."""
    price_yuan: Decimal | None = optional("price", number=True)
    """The original unit price, in yuan (CNY)."""
    refund_yuan: Decimal | None = optional("refund", number=True)
    """In yuan (CNY)."""
    status: str | None = optional()
    status_str: str | None = optional()
    """The state in words."""
    refund_status: str | None = optional()
    refund_id: str | None = optional()
    sub_item_id: str | None = optional("subItemIDString")
    """The sub-order's id."""
    product_img_url: tuple[str, ...] = many()


@attrs.frozen(kw_only=True)
class TradeTerm(InferredReply):
    """One phase of an order's payment."""

    pay_status: int | None = optional()
    """See `PayStatus`."""
    pay_time: str | None = optional()
    pay_way: int | None = optional()
    """See `PayWay`."""
    pay_way_desc: str | None = optional()
    phase_amount: Decimal | None = optional("phasAmount", number=True)
    """The wire name is 1688's spelling; the unit isn't stated."""


@attrs.frozen(kw_only=True)
class TradeInfo(OpenReply):
    """A whole order, inferred from 1688's ``alibaba.trade.get.buyerView``: 1688 and the vendor's price change message name the same.

    Of the members typed ``Any`` only the names are known.
    """

    base_info: TradeBase | None = optional(inferred=True)
    native_logistics: TradeDelivery | None = optional(inferred=True)
    product_items: tuple[TradeLine, ...] = many(inferred=True)
    trade_terms: tuple[TradeTerm, ...] = many(inferred=True)
    ext_attributes: tuple[Any, ...] = many(inferred=True)
    order_rate_info: Any = optional(inferred=True)
    order_invoice_info: Any = optional(inferred=True, personal=True)
    guarantees_terms: Any = optional(inferred=True)
    overseas_extra_address: Any = optional(inferred=True, personal=True)
    customs: Any = optional(inferred=True)
    order_biz_info: Any = optional(inferred=True)


@attrs.frozen(kw_only=True)
class OrderPage(InferredReply):
    """A page of orders, inferred from 1688's ``alibaba.trade.getBuyerOrderList``. No page shows it."""

    result: tuple[TradeInfo, ...] = many()
    total_record: int | None = optional()


# --- where goods are: alibaba.trade.getLogisticsTraceInfo.buyerView -------------------------------------------------------


@attrs.frozen(kw_only=True)
class TraceStep(InferredReply):
    """One tracking event inside China."""

    accept_time: str | None = optional()
    remark: str | None = optional()


@attrs.frozen(kw_only=True)
class TracedParcel(InferredReply):
    """A parcel inside China."""

    logistics_id: str | None = optional()
    logistics_bill_no: str | None = optional()
    """The carrier's waybill number."""
    order_id: str | None = optional(number=True)
    logistics_steps: tuple[TraceStep, ...] = many()


@attrs.frozen(kw_only=True)
class TraceNode(InferredReply):
    """A stage of a cross-border parcel's way."""

    trace_node_code: str | None = optional()
    trace_node_name: str | None = optional()


@attrs.frozen(kw_only=True)
class TraceException(InferredReply):
    """What went wrong with a cross-border parcel."""

    exception_code: str | None = optional()
    exception_desc: str | None = optional()
    trace_node_code: str | None = optional()


@attrs.frozen(kw_only=True)
class CrossBorderEvent(InferredReply):
    """One tracking event of a cross-border parcel."""

    carrier_partner_code: str | None = optional()
    op_code: str | None = optional()
    node_action_time: str | None = optional()
    node_detail: str | None = optional()
    stage_type: str | None = optional()
    trace_node: TraceNode | None = optional()
    trace_exception: TraceException | None = optional()


@attrs.frozen(kw_only=True)
class CrossBorderParcel(InferredReply):
    """A cross-border parcel."""

    cross_mail_no: str | None = optional()
    order_id: str | None = optional(number=True)
    events: tuple[CrossBorderEvent, ...] = many("crossPackageTraceDTOList")


@attrs.frozen(kw_only=True)
class OrderTrace(InferredReply):
    """The tracking of an order, inferred from 1688's ``alibaba.trade.getLogisticsTraceInfo.buyerView``. No page shows it."""

    parcels: tuple[TracedParcel, ...] = many("logisticsTrace")
    cross_border_parcels: tuple[CrossBorderParcel, ...] = many("crossPackageFulfillmentDTO")
