"""Taobao refunds ("reverse orders") through PandaPon. The vendor's pages flag them as in development."""

from __future__ import annotations

from typing import ClassVar

import attrs

from ...._models.base import OpenReply, ReplyModel
from ...._models.fields import optional
from ...._models.operation import Effect, Evidence, Operation, VendorRequest
from ...service import CallOptions, OpenService, Unpack
from ...shared.taobao_refunds import RefundAggregate, RefundedOrderLine, RefundOrder, ReturnLogistics

# --- list and look up ----------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class RefundList(OpenReply):
    """A list of refunds. The page doesn't show it: read ``value``."""


@attrs.frozen(kw_only=True)
class RefundListRequest(VendorRequest[RefundList]):
    """List refunds, page by page; the reply's shape is unknown, so paging is up to the caller."""

    operation: ClassVar[Operation[RefundList]] = Operation(
        name="taobao.refunds.list",
        contract_id="taobao.refund.list",
        title="Reverse single list query",
        method="POST",
        path="/open/order/refund/queryList",
        effect=Effect.READ,
        evidence=Evidence.SEEN,
        reply=RefundList,
        vendors=("pandapon",),
        missing="reply",
    )

    page_no: int | None = optional(minimum=1)
    page_size: int = attrs.field(metadata={"minimum": 1})
    refund_id: str | None = optional()
    purchase_order_id: str | None = optional()
    sales_order_id: str | None = optional()
    refund_status: int | None = optional()
    """See `RefundStatus`."""
    refund_start_time: int | None = optional()
    """Time since the epoch; the unit isn't stated."""
    refund_end_time: int | None = optional()


@attrs.frozen(kw_only=True)
class Refund(OpenReply):
    """A refund. The page doesn't show the members of ``refund_order_aggregate``; the page on cancelling shows some, the others are
    inferred from Taobao Global's ``/order/refund/query``."""

    distributor_id: str | None = optional()
    currency: str | None = optional()
    refund_order_aggregate: RefundAggregate | None = optional()


@attrs.frozen(kw_only=True)
class RefundRequest(VendorRequest[Refund]):
    """Look up a refund."""

    operation: ClassVar[Operation[Refund]] = Operation(
        name="taobao.refunds.get",
        contract_id="taobao.refund.get",
        title="Reverse single query",
        method="GET",
        path="/open/order/refund/query",
        effect=Effect.READ,
        evidence=Evidence.SEEN,
        reply=Refund,
        vendors=("pandapon",),
        missing="parts of the reply",
    )

    refund_id: str


# --- cancel --------------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class CancelledAggregate(ReplyModel):
    """The refund that was cancelled."""

    logistics: ReturnLogistics | None = optional()
    purchase_order_line: RefundedOrderLine | None = optional()
    refund_order: RefundOrder | None = optional(inferred=True)
    """Inferred from Taobao Global, like the members of the line that the page doesn't show."""


@attrs.frozen(kw_only=True)
class RefundCancelled(ReplyModel):
    """The outcome. A yes with ``cancel_success`` false and nothing else is in doubt (`OutcomeUnknownError`)."""

    cancel_success: bool | None = optional()
    currency: str | None = optional()
    distributor_id: str | None = optional()
    refund_order_aggregate: CancelledAggregate | None = optional()


@attrs.frozen(kw_only=True)
class RefundCancelRequest(VendorRequest[RefundCancelled]):
    """Withdraw an application for a refund."""

    operation: ClassVar[Operation[RefundCancelled]] = Operation(
        name="taobao.refunds.cancel",
        contract_id="taobao.refund.cancel",
        title="Reverse order cancellation",
        method="GET",
        path="/open/order/refund/cancel/{refundId}",
        effect=Effect.WRITE,
        evidence=Evidence.SEEN,
        reply=RefundCancelled,
        vendors=("pandapon",),
    )

    refund_id: str
    """Part of the path."""

    def natural_reference(self) -> str | None:
        return self.refund_id


# --- write to the seller -------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class RefundMessageSubmitted(OpenReply):
    """The outcome. The page is cut off before it: read ``value``."""


@attrs.frozen(kw_only=True)
class RefundMessageRequest(VendorRequest[RefundMessageSubmitted]):
    """Send a message about a refund."""

    operation: ClassVar[Operation[RefundMessageSubmitted]] = Operation(
        name="taobao.refunds.submit_message",
        contract_id="taobao.refund.submit_message",
        title="Submit a message in reverse",
        method="POST",
        path="/open/order/refund/submit/message",
        effect=Effect.WRITE,
        evidence=Evidence.SEEN,
        reply=RefundMessageSubmitted,
        vendors=("pandapon",),
        missing="reply",
    )

    refund_id: str | None = optional()
    refund_message: str | None = optional()
    refund_images: str | None = optional()
    """A string; its format isn't documented."""


class RefundService(OpenService, name="panda.taobao.refunds"):
    """``panda.taobao.refunds``. Every method raises what `VendorSession.call` raises; a WRITE in doubt is never sent again."""

    async def list(self, request: RefundListRequest, **options: Unpack[CallOptions]) -> RefundList:
        """Refunds, page by page (READ). The page's title mentions messages; its path and filters are about refunds."""
        return await self._data(request, **options)

    async def get(self, request: RefundRequest, **options: Unpack[CallOptions]) -> Refund:
        """A refund (READ). From the page "Reverse single query"."""
        return await self._data(request, **options)

    async def cancel(self, request: RefundCancelRequest, **options: Unpack[CallOptions]) -> RefundCancelled:
        """Withdraw an application (WRITE, though a GET: it ends the refund). From the page "Reverse order cancellation"."""
        return await self._data(request, **options)

    async def submit_message(
        self, request: RefundMessageRequest, **options: Unpack[CallOptions]
    ) -> RefundMessageSubmitted:
        """Send a message about a refund (WRITE: sent twice, it is posted twice). From the page "Submit a message in reverse"."""
        return await self._data(request, **options)
