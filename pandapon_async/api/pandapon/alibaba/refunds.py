"""1688 refunds and returns through PandaPon.

Order of use: `create` -> `submit_return` (once the goods are on their way back) -> `get`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import attrs

from ...._models.fields import many, optional
from ...._models.operation import Effect, Evidence, Operation, VendorRequest
from ...service import CallOptions, OpenCall, OpenService, Unpack
from ...shared.alibaba import RefundApplication, RefundCreated
from ...shared.alibaba_refunds import CaseOutcome, LogisticsCompanies, RefundFacts, RefundReasons, UploadedVoucher


@attrs.frozen(kw_only=True)
class Refund(RefundFacts):
    """A refund. The documentation's copy ends after ``buyerUserId``; more is inferred from 1688's own call (`RefundFacts`).

    The page doesn't state the units of the amounts; that they are fen (1/100 CNY) is inferred from 1688's own API. Times are text
    as received.
    """

    id: str | None = optional(number=True)
    create_by: str | None = optional()
    create_by_id: str | None = optional(number=True)
    create_time: str | None = optional()
    update_by: str | None = optional()
    update_by_id: str | None = optional(number=True)
    update_time: str | None = optional()
    remark: str | None = optional()
    alipay_payment_id: str | None = optional()
    """Alipay's number for the payment."""
    apply_carriage_fen: int | None = optional("applyCarriage")
    """The amount requested for freight, in fen (1/100 CNY), as at 1688."""
    apply_expect_fen: int | None = optional("applyExpect")
    """In fen (1/100 CNY), as at 1688."""
    apply_payment_fen: int | None = optional("applyPayment")
    """The amount requested for the goods, in fen (1/100 CNY), as at 1688."""
    apply_reason: str | None = optional()
    apply_reason_id: str | None = optional(number=True)
    apply_sub_reason: str | None = optional()
    """The reason's second level."""
    apply_sub_reason_id: str | None = optional(number=True)
    buyer_alipay_id: str | None = optional(personal=True)
    buyer_logistics_name: str | None = optional()
    """The carrier of the returned goods."""
    buyer_member_id: str | None = optional(personal=True)
    buyer_send_goods: bool | None = optional()
    buyer_user_id: str | None = optional(number=True, personal=True)


@attrs.frozen(kw_only=True)
class RefundRequest(VendorRequest[Refund]):
    """Look up a refund."""

    operation: ClassVar[Operation[Refund]] = Operation(
        name="alibaba.refunds.get",
        contract_id="alibaba1688.refund.detail",
        title="Check the details of the after-sales order",
        method="POST",
        path="/alibaba/refund/info",
        effect=Effect.READ,
        evidence=Evidence.SEEN,
        reply=Refund,
        vendors=("pandapon",),
    )

    refund_id: str | None = optional()
    """Goes into the body, as on the vendor's Chinese site; the Vietnamese one has it in the query."""


@attrs.frozen(kw_only=True)
class RefundCreateRequest(RefundApplication, VendorRequest[RefundCreated]):
    """Apply for a refund, or for a return of goods."""

    operation: ClassVar[Operation[RefundCreated]] = Operation(
        name="alibaba.refunds.create",
        contract_id="alibaba1688.refund.create",
        title="Create a refund and return application",
        method="POST",
        path="/alibaba/refund/detail/create",
        effect=Effect.WRITE,
        evidence=Evidence.SEEN,
        reply=RefundCreated,
        vendors=("pandapon",),
    )


@attrs.frozen(kw_only=True)
class ReturnSubmitted(CaseOutcome):
    """The outcome. The page doesn't show its shape: it is inferred from 1688's ``alibaba.trade.refund.returnGoods``."""


@attrs.frozen(kw_only=True)
class ReturnRequest(VendorRequest[ReturnSubmitted]):
    """Report the parcel by which goods are returned."""

    operation: ClassVar[Operation[ReturnSubmitted]] = Operation(
        name="alibaba.refunds.submit_return",
        contract_id="alibaba1688.refund.submit_return",
        title="The buyer submits the refund information",
        method="POST",
        path="/alibaba/refund/goods/return",
        effect=Effect.WRITE,
        evidence=Evidence.SEEN,
        reply=ReturnSubmitted,
        vendors=("pandapon",),
    )

    refund_id: str | None = optional()
    """Begins with ``TQ``."""
    logistics_company_no: str
    freight_bill: str
    """The return parcel's waybill number."""
    description: str | None = optional()
    vouchers: tuple[str, ...] = many()

    def natural_reference(self) -> str | None:
        return self.refund_id


class RefundService(OpenService, name="panda.alibaba.refunds"):
    """``panda.alibaba.refunds``. Every method raises what `VendorSession.call` raises; a WRITE in doubt is never sent again."""

    if TYPE_CHECKING:
        reasons: OpenCall[RefundReasons]
        upload_voucher: OpenCall[UploadedVoucher]
        logistics_companies: OpenCall[LogisticsCompanies]

    async def get(self, request: RefundRequest, **options: Unpack[CallOptions]) -> Refund:
        """A refund's details (READ)."""
        return await self._data(request, **options)

    async def create(self, request: RefundCreateRequest, **options: Unpack[CallOptions]) -> RefundCreated:
        """Apply for a refund or a return (WRITE: it opens a case against the seller, over money)."""
        return await self._data(request, **options)

    async def submit_return(self, request: ReturnRequest, **options: Unpack[CallOptions]) -> ReturnSubmitted:
        """Report the parcel by which goods are returned (WRITE: it changes the case)."""
        return await self._data(request, **options)
