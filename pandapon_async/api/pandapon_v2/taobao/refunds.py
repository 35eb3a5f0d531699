"""Taobao refunds ("reverse orders") through PandaPon's second generation."""

from __future__ import annotations

from typing import ClassVar

import attrs

from ...._models.base import InferredReply, ReplyModel
from ...._models.fields import many, optional
from ...._models.operation import Effect, Evidence, Operation, VendorRequest
from ...service import CallOptions, OpenService, Unpack
from ...shared.taobao_refunds import RefundAggregate

# --- before applying -----------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class RefundReason(ReplyModel):
    """A possible reason for a refund."""

    reason_id: str | None = optional(number=True)
    reason_desc: str | None = optional()
    tips: str | None = optional()


@attrs.frozen(kw_only=True)
class RefundOrder(ReplyModel):
    """A refund. The unit of its fee isn't stated."""

    refund_id: str | None = optional()
    pay_order_id: str | None = optional()
    refund_type: int | None = optional()
    refund_status: str | None = optional()
    """Text here, a number in v1's filter."""
    refund_desc: str | None = optional()
    refund_fee: int | None = optional()
    fee_tips: str | None = optional()
    can_edit_fee: bool | None = optional()
    goods_status: int | None = optional()
    reason_id: str | None = optional(number=True)
    reason_desc: str | None = optional()
    seller_refuse_reason: str | None = optional()
    seller_refuse_reason_describe: str | None = optional()
    timeout_type: str | None = optional()
    timeout_date: str | None = optional()
    remaining_time: str | None = optional()


@attrs.frozen(kw_only=True)
class RefundBounds(ReplyModel):
    """The limits of a refund; the page is cut off after these members, and doesn't state the unit."""

    refund_fee: int | None = optional()
    min_refund_fee: int | None = optional()
    can_edit_refund_fee: bool | None = optional()
    fee_tips: str | None = optional()


@attrs.frozen(kw_only=True)
class RefundTemplate(ReplyModel):
    """The form of an application."""

    refund_reasons: tuple[RefundReason, ...] = many()
    goods_status_list: tuple[str, ...] = many()
    refund_order: RefundOrder | None = optional()
    max_refund_fee: RefundBounds | None = optional()


@attrs.frozen(kw_only=True)
class RefundForm(ReplyModel):
    """Whether and how a refund can be requested. Types from a generated example."""

    refund_order_template: RefundTemplate | None = optional()
    distributor_id: str | None = optional()
    currency: str | None = optional()
    sale_flag: bool | None = optional()
    """Whether there is after-sales service."""


@attrs.frozen(kw_only=True)
class RefundFormRequest(VendorRequest[RefundForm]):
    """Get the form for a refund application. The page lists no values of type and status: `RefundType` and `RefundGoodsStatus` have
    Taobao Global's."""

    operation: ClassVar[Operation[RefundForm]] = Operation(
        name="v2.taobao.refunds.render",
        contract_id="taobao.v2.refund.render",
        title="Reverse order rendering interface",
        method="POST",
        path="/v2/taobao/order/refund/render",
        effect=Effect.READ,
        evidence=Evidence.SEEN,
        reply=RefundForm,
        vendors=("pandapon",),
    )

    sub_order_id: str | None = optional()
    refund_type: int
    goods_status: int


# --- after applying ------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Refund(InferredReply):
    """A refund. The page doesn't show it: inferred from v1's page and Taobao Global's ``/order/refund/query``."""

    distributor_id: str | None = optional()
    currency: str | None = optional()
    refund_order_aggregate: RefundAggregate | None = optional()


@attrs.frozen(kw_only=True)
class RefundRequest(VendorRequest[Refund]):
    """Look up a refund."""

    operation: ClassVar[Operation[Refund]] = Operation(
        name="v2.taobao.refunds.get",
        contract_id="taobao.v2.refund.get",
        title="Detailed interface of reverse order",
        method="GET",
        path="/v2/taobao/order/refund/query",
        effect=Effect.READ,
        evidence=Evidence.SEEN,
        reply=Refund,
        vendors=("pandapon",),
        missing="reply",
    )

    refund_id: str


class RefundService(OpenService, name="panda.v2.taobao.refunds"):
    """``panda.v2.taobao.refunds``. Every method raises what `VendorSession.call` raises; a WRITE in doubt is never sent again."""

    async def render(self, request: RefundFormRequest, **options: Unpack[CallOptions]) -> RefundForm:
        """Get the form for a refund application (READ: it applies for nothing). From the page "Reverse order rendering interface"."""
        return await self._data(request, **options)

    async def get(self, request: RefundRequest, **options: Unpack[CallOptions]) -> Refund:
        """A refund (READ). From the page "Detailed interface of reverse order"."""
        return await self._data(request, **options)
