"""Taobao orders through PandaPon's second generation."""

from __future__ import annotations

from typing import ClassVar

import attrs

from ...._models.operation import Effect, Evidence, Operation, VendorRequest
from ...service import CallOptions, OpenService, Unpack
from ...shared.taobao import Logistics


@attrs.frozen(kw_only=True)
class LogisticsRequest(VendorRequest[Logistics]):
    """Track a sub-order."""

    operation: ClassVar[Operation[Logistics]] = Operation(
        name="v2.taobao.orders.logistics",
        contract_id="taobao.v2.order.logistics",
        title="Get logistics details",
        method="GET",
        path="/v2/taobao/order/logistics/detail/get",
        effect=Effect.READ,
        evidence=Evidence.SEEN,
        reply=Logistics,
        vendors=("pandapon",),
    )

    sub_purchase_order_id: str
    """The id of a SUB-order."""


class OrderService(OpenService, name="panda.v2.taobao.orders"):
    """``panda.v2.taobao.orders``. Every method raises what `VendorSession.call` raises."""

    async def logistics(self, request: LogisticsRequest, **options: Unpack[CallOptions]) -> Logistics:
        """Track a sub-order (READ). From the page "Get logistics details"; types from an example of empty strings."""
        return await self._data(request, **options)
