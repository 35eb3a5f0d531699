"""Replies on Taobao orders that no page of a vendor shows, inferred from Taobao Global's own calls, whose names the vendors write in
camelCase. They refuse nothing: see `InferredReply`. Its whole numbers of money are fen (1/100 of the currency), and so named."""

from __future__ import annotations

from typing import Any

import attrs

from ..._models.base import InferredReply
from ..._models.fields import many, optional


@attrs.frozen(kw_only=True)
class FenMoney(InferredReply):
    """An amount in fen (1/100 of the currency)."""

    amount_fen: int | None = optional("amount")
    """In fen (1/100 of the currency)."""
    currency: str | None = optional()


# --- before the creation: /purchase/order/render -------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class PricedItem(InferredReply):
    """One line of an order, with its prices."""

    item_id: str | None = optional()
    sku_id: str | None = optional(number=True)
    quantity: int | None = optional()
    origin_price: FenMoney | None = optional()
    discount_price: FenMoney | None = optional()


@attrs.frozen(kw_only=True)
class ServiceTime(InferredReply):
    """How many days a freight service takes."""

    mode: int | None = optional()
    """1 working days, 2 calendar days."""
    min: int | None = optional()
    max: int | None = optional()


@attrs.frozen(kw_only=True)
class FreightService(InferredReply):
    """A freight service that an order may use."""

    option_id: int | None = optional()
    name: str | None = optional()
    description: str | None = optional()
    service_category: str | None = optional()
    is_must_select: bool | None = optional()
    shipping_fee: FenMoney | None = optional()
    shipping_time: ServiceTime | None = optional()


@attrs.frozen(kw_only=True)
class RenderedSeller(InferredReply):
    """What one seller's part of an order costs."""

    nick: str | None = optional()
    seller_id: str | None = optional(number=True)
    item_price_infos: tuple[PricedItem, ...] = many()
    mainland_shipping_fee: FenMoney | None = optional()
    order_fee: FenMoney | None = optional()
    delivery_fee: FenMoney | None = optional()
    currency_code: str | None = optional()
    dispatch_place: str | None = optional()
    estimated_delivery_time: str | None = optional()
    choose_supply_chain_services: tuple[FreightService, ...] = many()


@attrs.frozen(kw_only=True)
class UnavailableSku(InferredReply):
    """A variant that can't be ordered."""

    item_id: str | None = optional()
    sku_id: str | None = optional(number=True)
    reason: str | None = optional()
    error_code: str | None = optional()
    error_msg: str | None = optional()


@attrs.frozen(kw_only=True)
class RenderedOrder(InferredReply):
    """The preview of an order, inferred from Taobao Global's ``/purchase/order/render``. No page shows it."""

    sellers: tuple[RenderedSeller, ...] = many("renderItemList")
    unavailable_sku_list: tuple[UnavailableSku, ...] = many()
    total_real_pay_price: FenMoney | None = optional()


# --- creation and after: /purchase/order/create, batch/pay, asyn/cancel ---------------------------------------------------


@attrs.frozen(kw_only=True)
class CreatedLine(InferredReply):
    """One line of a purchase order that was created; the unit of the amount isn't stated."""

    item_id: str | None = optional()
    order_line_no: str | None = optional()
    quantity: int | None = optional()
    sub_purchase_order_id: str | None = optional(number=True)
    sku_id: str | None = optional(number=True)
    estimate_amount: int | None = optional()


@attrs.frozen(kw_only=True)
class CreatedPurchase(InferredReply):
    """A purchase order that was created; the unit of the amount isn't stated."""

    purchase_id: str | None = optional(number=True)
    supplier_nick: str | None = optional()
    estimate_amount: int | None = optional()
    estimate_currency: str | None = optional()
    source_market: str | None = optional()
    order_line_list: tuple[CreatedLine, ...] = many()


@attrs.frozen(kw_only=True)
class CreatedPurchases(InferredReply):
    """The purchase orders that were created, inferred from Taobao Global's ``/purchase/order/create``. No page shows it.

    There are two levels of success: the envelope's code, and ``success`` here.
    """

    payment_url: str | None = optional()
    outer_purchase_id: str | None = optional()
    success: bool | None = optional()
    error_code: str | None = optional()
    error_message: str | None = optional()
    order_list: tuple[CreatedPurchase, ...] = many()


@attrs.frozen(kw_only=True)
class UnpaidPurchase(InferredReply):
    """A purchase order that was not paid, and why."""

    purchase_order_id: str | None = optional(number=True)
    reason: str | None = optional()


@attrs.frozen(kw_only=True)
class PaidPurchases(InferredReply):
    """The outcome of a payment, inferred from Taobao Global's ``/purchase/order/batch/pay``, where success in part is normal."""

    pay_failure_purchase_order_ids: tuple[str, ...] = many(number=True)
    will_pay_purchase_order_ids: tuple[str, ...] = many(number=True)
    pay_failed_results: tuple[UnpaidPurchase, ...] = many()


@attrs.frozen(kw_only=True)
class CancelStarted(InferredReply):
    """The outcome, inferred from Taobao Global's ``/purchase/order/asyn/cancel``, where ``success`` only means that it was begun:
    check the order afterwards."""

    success: bool | None = optional()


# --- the order itself: /purchase/orders/query -----------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class PurchaseParcel(InferredReply):
    """A parcel of a sub-order."""

    logistic_company_name: str | None = optional()
    logistic_number: str | None = optional()
    rts_time: int | None = optional()
    """When it was dispatched; the unit isn't stated."""


@attrs.frozen(kw_only=True)
class PurchaseFreight(InferredReply):
    """The freight service of a sub-order."""

    order_id: str | None = optional(number=True)
    service_id: str | None = optional(number=True)
    service_name: str | None = optional()
    service_category: str | None = optional("serviceCatrgory")
    """The wire name is Taobao Global's spelling."""
    status: str | None = optional()
    price: Any = optional()
    error_code: str | None = optional()
    error_message: str | None = optional()
    detail_error_code: str | None = optional()
    detail_error_message: str | None = optional()


@attrs.frozen(kw_only=True)
class SubPurchaseOrder(InferredReply):
    """One line of a purchase order. Amounts are fen (1/100 of the currency); the unit of the times isn't stated."""

    sub_purchase_order_id: str | None = optional(number=True)
    sku_id: str | None = optional(number=True)
    item_id: str | None = optional()
    status: str | None = optional()
    error_code: str | None = optional()
    error_message: str | None = optional()
    detail_error_code: str | None = optional()
    purchase_order_outer_id: str | None = optional()
    purchase_order_line_outer_id: str | None = optional()
    close_time_without_payment: int | None = optional()
    product_amount_fen: int | None = optional("productAmount")
    """In fen (1/100 of the currency)."""
    purchase_amount_fen: int | None = optional("purchaseAmount")
    """In fen (1/100 of the currency)."""
    pay_amount_fen: int | None = optional("payAmount")
    """In fen (1/100 of the currency)."""
    domestic_post_fee_fen: int | None = optional("domesticPostFee")
    """In fen (1/100 of the currency)."""
    quantity: int | None = optional()
    rts_time: int | None = optional()
    """When it was dispatched."""
    pay_time: int | None = optional()
    refund_id: str | None = optional(number=True)
    refund_status: int | None = optional()
    """See `RefundStatus`."""
    title: str | None = optional()
    close_reason: str | None = optional()
    alipay_pay_order_no: str | None = optional()
    can_confirm_receipt: bool | None = optional()
    order_remark: str | None = optional("orderRemarkV2")
    item_commission_rate: str | None = optional()
    option_fields: Any = optional()
    sku_info: Any = optional()
    logistic_orders: tuple[PurchaseParcel, ...] = many()
    international_logistic_orders: tuple[PurchaseParcel, ...] = many()
    supply_chain_service_orders: tuple[PurchaseFreight, ...] = many()


@attrs.frozen(kw_only=True)
class PurchaseOrder(InferredReply):
    """A purchase order, inferred from Taobao Global's ``/purchase/orders/query``. No page shows it.

    Amounts are fen (1/100 of the currency); the unit of the times isn't stated.
    """

    status: str | None = optional()
    """Text at Taobao Global; see `PurchaseStatus` for Xportcn KA's."""
    purchase_id: str | None = optional(number=True)
    outer_purchase_id: str | None = optional()
    """Your own number for it."""
    purchase_amount_fen: int | None = optional("purchaseAmount")
    """In fen (1/100 of the currency)."""
    pay_amount_fen: int | None = optional("payAmount")
    """In fen (1/100 of the currency)."""
    domestic_post_fee_fen: int | None = optional("domesticPostFee")
    """In fen (1/100 of the currency)."""
    pay_time: int | None = optional()
    created_time: int | None = optional()
    modify_time: int | None = optional()
    next_close_time_without_payment: int | None = optional()
    seller_order_number: str | None = optional()
    receiver: Any = optional(personal=True)
    sub_purchase_orders: tuple[SubPurchaseOrder, ...] = many()


@attrs.frozen(kw_only=True)
class PurchaseOrders(InferredReply):
    """A page of purchase orders, inferred from Taobao Global's ``/purchase/orders/query``. No page shows it."""

    results_total: int | None = optional()
    page_no: int | None = optional()
    page_size: int | None = optional()
    purchase_orders: tuple[PurchaseOrder, ...] = many()
