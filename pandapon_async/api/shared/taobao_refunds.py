"""Taobao refunds: what the vendors' pages show of them, and what is inferred from Taobao Global's own calls beside that."""

from __future__ import annotations

from typing import Any

import attrs

from ..._models.base import InferredReply, ReplyModel
from ..._models.fields import many, optional


@attrs.frozen(kw_only=True)
class ReturnCarrier(ReplyModel):
    """The carrier of the returned goods."""

    code: str | None = optional("logisticCompanyCode")
    """Such as ``SF`` (its wire name and the next one differ by a letter)."""
    name: str | None = optional("logisticsCompanyName")


@attrs.frozen(kw_only=True)
class ReturnAddress(ReplyModel):
    """The address for returned goods."""

    receiver: str | None = optional(personal=True)
    phone: str | None = optional(personal=True)
    detail_address: str | None = optional(personal=True)


@attrs.frozen(kw_only=True)
class ReturnLogistics(ReplyModel):
    """The shipping of returned goods."""

    buyer_phone: str | None = optional(personal=True)
    logistics_company: ReturnCarrier | None = optional()
    logistics_no: str | None = optional()
    receiver_address: ReturnAddress | None = optional()
    return_goods_desc: str | None = optional()
    seller_agree_return_describe: str | None = optional()


@attrs.frozen(kw_only=True)
class LineProperties(InferredReply):
    """The chosen variant of a line; the options' members aren't known."""

    options: tuple[Any, ...] = many()


@attrs.frozen(kw_only=True)
class RefundedOrderLine(ReplyModel):
    """The line of the order. Its first five members were seen on the page on cancelling, the others are inferred from Taobao Global.

    The unit of the amounts isn't stated.
    """

    create_time: int | None = optional()
    """Milliseconds since the epoch."""
    currency: str | None = optional()
    item_image_url: str | None = optional()
    item_title: str | None = optional()
    post_fee: int | None = optional()
    total_price: int | None = optional(inferred=True)
    sales_order_id: str | None = optional(inferred=True)
    purchase_order_id: str | None = optional(inferred=True)
    purchase_order_line_id: str | None = optional(inferred=True)
    supplier_id: str | None = optional(inferred=True)
    supplier_nick: str | None = optional(inferred=True)
    quantity: int | None = optional(inferred=True)
    price: int | None = optional(inferred=True)
    product_fee: int | None = optional(inferred=True)
    properties: LineProperties | None = optional(inferred=True)
    sales_market: str | None = optional(inferred=True)
    hongbao_deduction_amount: int | None = optional(inferred=True)
    """What a red packet paid of it."""
    order_service_expressions: tuple[Any, ...] = many(inferred=True)


@attrs.frozen(kw_only=True)
class RefundOrder(InferredReply):
    """A refund, inferred from Taobao Global's; PandaPon's v2 form for an application shows the same members."""

    refund_fee: int | None = optional()
    """The unit isn't stated."""
    refund_status: int | None = optional()
    """See `RefundStatus`."""
    refund_type: int | None = optional()
    """See `RefundType`."""
    goods_status: int | None = optional()
    """See `RefundGoodsStatus`."""
    reason_id: str | None = optional(number=True)
    reason_desc: str | None = optional()
    refund_desc: str | None = optional()
    refund_id: str | None = optional(number=True)
    pay_order_id: str | None = optional()
    can_edit_fee: bool | None = optional()
    fee_tips: str | None = optional()
    remaining_time: str | None = optional()
    timeout_type: str | None = optional()
    timeout_date: int | None = optional()
    """The unit isn't stated."""
    seller_refuse_reason: str | None = optional()
    seller_refuse_reason_describe: str | None = optional()


@attrs.frozen(kw_only=True)
class RefundAggregate(InferredReply):
    """A refund with its line and its return, inferred from Taobao Global's ``/order/refund/query``."""

    logistics: ReturnLogistics | None = optional()
    refund_order: RefundOrder | None = optional()
    purchase_order_line: RefundedOrderLine | None = optional()
