"""Replies on 1688 refunds that no page of a vendor shows, inferred from 1688's own calls. They refuse nothing: see `InferredReply`."""

from __future__ import annotations

from typing import Any, ClassVar

import attrs

from ..._models.base import InferredReply, ReplyModel
from ..._models.fields import many, optional
from ..._models.inferred_list import InferredList


@attrs.frozen(kw_only=True)
class RefundReason(InferredReply):
    """A reason that a refund may have."""

    id: str | None = optional(number=True)
    """What an application's ``apply_reason_id`` takes."""
    name: str | None = optional()
    need_voucher: bool | None = optional()
    no_refund_carriage: bool | None = optional()
    """Whether the freight can't be refunded for it."""
    tip: str | None = optional()


@attrs.frozen(kw_only=True)
class RefundReasons(InferredReply):
    """The reasons for a refund, inferred from 1688's ``alibaba.trade.getRefundReasonList``. No page shows it."""

    reasons: tuple[RefundReason, ...] = many()


@attrs.frozen(kw_only=True)
class UploadedVoucher(InferredReply):
    """A voucher, inferred from 1688's ``alibaba.trade.uploadRefundVoucher``: an application names it as domain, slash, path."""

    image_domain: str | None = optional()
    image_relative_url: str | None = optional()


@attrs.frozen(kw_only=True)
class CaseOutcome(InferredReply):
    """Whether it was done, inferred from 1688's ``alibaba.trade.refund.returnGoods``. There are two levels of success: the
    envelope's code, and ``success`` here."""

    success: bool | None = optional()
    error_info: str | None = optional()
    error_code: str | None = optional()


@attrs.frozen(kw_only=True)
class LogisticsCompany(InferredReply):
    """A carrier inside China."""

    id: str | None = optional(number=True)
    company_name: str | None = optional()
    company_no: str | None = optional()
    """What `submit_return` takes."""
    company_phone: str | None = optional()
    support_print: bool | None = optional()
    spelling: str | None = optional()
    """The name in Latin letters."""


@attrs.frozen(kw_only=True)
class LogisticsCompanies(InferredList[LogisticsCompany]):
    """Carriers: a list, inferred from 1688's ``alibaba.logistics.OpQueryLogisticCompanyList``. No page shows it."""

    item_type: ClassVar[type[LogisticsCompany]] = LogisticsCompany


@attrs.frozen(kw_only=True)
class RefundFacts(ReplyModel):
    """What 1688's ``alibaba.trade.refund.OpQueryOrderRefund`` says of a refund, beside what the vendor's page shows.

    It has more; no amount's unit is stated here, times are text as received.
    """

    can_refund_payment: int | None = optional(inferred=True)
    crm_modify_refund: bool | None = optional(inferred=True)
    dispute_request: int | None = optional(inferred=True)
    dispute_type: int | None = optional(inferred=True)
    ext_info: Any = optional(inferred=True)
    freight_bill: str | None = optional(inferred=True)
    """The return parcel's waybill number."""
    frozen_fund: int | None = optional(inferred=True)
    gmt_apply: str | None = optional(inferred=True)
    gmt_time_out: str | None = optional(inferred=True)
    goods_received: bool | None = optional(inferred=True)
    goods_status: int | None = optional(inferred=True)
    """1, 2 or 3; what they mean isn't stated."""
    refund_operation_list: tuple[Any, ...] = many(inferred=True)


@attrs.frozen(kw_only=True)
class RefundSummary(InferredReply):
    """A refund, inferred from 1688's ``alibaba.trade.refund.OpQueryOrderRefund``. No page shows it; 1688 has more.

    Times are text as received.
    """

    refund_id: str | None = optional()
    apply_carriage_fen: int | None = optional("applyCarriage")
    """The amount requested for freight, in fen (1/100 CNY)."""
    apply_expect_fen: int | None = optional("applyExpect")
    """In fen (1/100 CNY)."""
    apply_payment_fen: int | None = optional("applyPayment")
    """The amount requested for the goods, in fen (1/100 CNY)."""
    apply_reason: str | None = optional()
    apply_reason_id: str | None = optional(number=True)
    apply_sub_reason: str | None = optional()
    apply_sub_reason_id: str | None = optional(number=True)
    buyer_send_goods: bool | None = optional()
    can_refund_payment: int | None = optional()
    """The unit isn't stated."""
    crm_modify_refund: bool | None = optional()
    dispute_request: int | None = optional()
    dispute_type: int | None = optional()
    ext_info: Any = optional()
    freight_bill: str | None = optional()
    """The return parcel's waybill number."""
    frozen_fund: int | None = optional()
    """The unit isn't stated."""
    gmt_apply: str | None = optional()
    gmt_time_out: str | None = optional()
    goods_received: bool | None = optional()
    goods_status: int | None = optional()
    """1, 2 or 3; what they mean isn't stated."""
    refund_operation_list: tuple[Any, ...] = many()


@attrs.frozen(kw_only=True)
class AppliedRefund(InferredReply):
    """The refund that was applied for, inferred from 1688's ``alibaba.trade.createRefund``. No page shows it."""

    refund_id: str | None = optional()
    inner_reason_id: str | None = optional(number=True)
    inner_reason: str | None = optional()
    inner_post_fee: int | None = optional()
    """The unit isn't stated."""
    is_voucher: bool | None = optional()
    refund_official_solution_cost: int | None = optional()
    """The unit isn't stated."""
