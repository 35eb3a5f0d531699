"""1688 refunds and returns through PandaPon v2."""

from __future__ import annotations

from typing import ClassVar

import attrs

from ...._models.operation import Effect, Evidence, Operation, VendorRequest
from ...service import CallOptions, Service, Unpack
from ...shared.alibaba import RefundApplication, RefundCreated


@attrs.frozen(kw_only=True)
class RefundCreateRequest(RefundApplication, VendorRequest[RefundCreated]):
    """Apply for a refund, or for a return of goods."""

    operation: ClassVar[Operation[RefundCreated]] = Operation(
        name="v2.alibaba.refunds.create",
        contract_id="alibaba1688_v2.refund.create",
        title="1688 Create refund return application",
        method="POST",
        path="/v2/alibaba/refund/detail/create",
        effect=Effect.WRITE,
        evidence=Evidence.SEEN,
        reply=RefundCreated,
        vendors=("pandapon",),
    )


class RefundService(Service):
    """``panda.v2.alibaba.refunds``. Every method raises what `VendorSession.call` raises."""

    async def create(self, request: RefundCreateRequest, **options: Unpack[CallOptions]) -> RefundCreated:
        """Apply for a refund or a return (WRITE: it opens a case against the seller, over money)."""
        return await self._data(request, **options)
