"""Taobao orders through PandaPon's second generation."""

from __future__ import annotations

from typing import ClassVar

import attrs

from ...._models.operation import Effect, Evidence, Operation, VendorRequest
from ...service import Service
from ...shared.taobao import Logistics
from ...undocumented import path_unknown


@attrs.frozen(kw_only=True)
class LogisticsRequest(VendorRequest[Logistics]):
    """Ask where a sub-order is."""

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


class OrderService(Service):
    """``panda.v2.taobao.orders``. Every method raises what `VendorSession.call` raises."""

    async def logistics(self, request: LogisticsRequest) -> Logistics:
        """Where a sub-order is (READ). From the page "Get logistics details", whose example is all empty texts: so the types are weak."""
        return await self._data(request)

    create = path_unknown(
        "v2.taobao.orders.create",
        contract_id="taobao.v2.order.create",
        method="POST",
        effect=Effect.WRITE,
        title="Taobao Order Creation",
        vendors=("pandapon",),
        missing="path, request, reply",
        why="Sent twice, it orders twice.",
    )
    list = path_unknown(
        "v2.taobao.orders.list",
        contract_id="taobao.v2.order.list",
        method="POST",
        effect=Effect.READ,
        title="Taobao order paging query",
        vendors=("pandapon",),
        missing="path, request, reply",
    )
    get = path_unknown(
        "v2.taobao.orders.get",
        contract_id="taobao.v2.order.get",
        method="GET",
        effect=Effect.READ,
        title="Get order details according to order ID",
        vendors=("pandapon",),
        missing="path, query, reply",
    )
    pay = path_unknown(
        "v2.taobao.orders.pay",
        contract_id="taobao.v2.order.pay",
        method="POST",
        effect=Effect.WRITE,
        title="Payment Order",
        vendors=("pandapon",),
        missing="path, request, reply",
        why="It moves money.",
    )
    cancel = path_unknown(
        "v2.taobao.orders.cancel",
        contract_id="taobao.v2.order.cancel",
        method="POST",
        effect=Effect.WRITE,
        title="Cancel Order",
        vendors=("pandapon",),
        missing="path, request, reply",
        why="It ends the order.",
    )
    update_warehouse = path_unknown(
        "v2.taobao.orders.update_warehouse",
        contract_id="taobao.v2.order.update_warehouse",
        method="POST",
        effect=Effect.WRITE,
        title="Modify the pre warehouse information of an order",
        vendors=("pandapon",),
        missing="path, request, reply",
        why="It changes where the goods go.",
    )
    im_link = path_unknown(
        "v2.taobao.orders.im_link",
        contract_id="taobao.v2.order.im_link",
        method="POST",
        effect=Effect.READ,
        title="Get IM Link",
        vendors=("pandapon",),
        missing="path, request, reply",
        why="As in v1 it changes nothing, though the address that it gives lets its holder in.",
    )
