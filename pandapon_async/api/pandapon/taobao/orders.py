"""Taobao orders through PandaPon: check, create, forward, follow.

An order's lines and receiver are JSON inside strings on the wire; here they are models.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar

import attrs

from ...._models.base import OpenReply, WholeReply
from ...._models.fields import optional, wire
from ...._models.operation import Effect, Evidence, Operation, VendorRequest
from ...._models.requests import RequestModel
from ...service import CallOptions, OpenCall, OpenService, Unpack
from ...shared.taobao import Logistics, Receiver
from ...shared.taobao_orders import (
    CancelStarted,
    CreatedPurchases,
    PaidPurchases,
    PurchaseOrder,
    PurchaseOrders,
    RenderedOrder,
)

# --- check and create ----------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class CheckedLine(RequestModel):
    """One line of an order to be checked; members from the page's example."""

    item_id: str | None = optional(number=True)
    """A number here, text when the order is created."""
    sku_id: str | None = optional(number=True)
    quantity: Decimal | None = optional()
    """Text on the wire."""


@attrs.frozen(kw_only=True)
class OrderCheck(RenderedOrder):
    """The preview of an order. The page doesn't show it: inferred from Taobao Global's ``/purchase/order/render``."""


@attrs.frozen(kw_only=True)
class OrderCheckRequest(VendorRequest[OrderCheck]):
    """Preview an order. Only the Vietnamese menu has it, so it may be retired."""

    operation: ClassVar[Operation[OrderCheck]] = Operation(
        name="taobao.orders.render",
        contract_id="taobao.order.render",
        title="Render before creating an order",
        method="POST",
        path="/open/order/render",
        effect=Effect.READ,
        evidence=Evidence.SEEN,
        reply=OrderCheck,
        vendors=("pandapon",),
        missing="reply",
    )

    lines: tuple[CheckedLine, ...] = attrs.field(metadata=wire("orderLineList", json_text=True))
    receiver: Receiver = attrs.field(metadata=wire(json_text=True))


@attrs.frozen(kw_only=True)
class OrderLine(RequestModel):
    """One line of an order; members from the page's example."""

    item_id: str | None = optional()
    sku_id: str | None = optional()
    order_line_no: str | None = optional()
    """Your own number for the line; both lines of the example have ``1``."""
    quantity: Decimal | None = optional()
    """Text on the wire."""
    price_fen: Decimal | None = optional("price")
    """Unit price, in fen (1/100 CNY) by the example's arithmetic; text on the wire."""
    currency: str | None = optional()
    """``CNY`` in the example."""


@attrs.frozen(kw_only=True)
class OrderCreated(CreatedPurchases):
    """The order that was created. The page doesn't show it: inferred from Taobao Global's ``/purchase/order/create``."""


@attrs.frozen(kw_only=True)
class OrderCreateRequest(VendorRequest[OrderCreated]):
    """Create an order."""

    operation: ClassVar[Operation[OrderCreated]] = Operation(
        name="taobao.orders.create",
        contract_id="taobao.order.create",
        title="Create an order",
        method="POST",
        path="/open/order",
        effect=Effect.WRITE,
        evidence=Evidence.SEEN,
        reply=OrderCreated,
        vendors=("pandapon",),
        missing="reply",
    )

    lines: tuple[OrderLine, ...] = attrs.field(metadata=wire("orderLineList", json_text=True))
    receiver: Receiver = attrs.field(metadata=wire(json_text=True))
    purchase_amount_fen: int = attrs.field(metadata=wire("purchaseAmount"))
    """The maximum cost of the order, in fen (1/100 CNY)."""
    order_source: str | None = optional()
    """The platform on which you sell; ``lazada`` in the example."""
    seller_order_number: str | None = optional()
    """Your order's number on that platform."""

    def natural_reference(self) -> str | None:
        return self.seller_order_number


# --- forward and follow --------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class WarehouseUpdated(OpenReply):
    """The outcome: an object whose members the page doesn't list."""


@attrs.frozen(kw_only=True)
class WarehouseUpdateRequest(VendorRequest[WarehouseUpdated]):
    """Change the first warehouse in China for an order.

    Its natural reference is the order id: in one journal, a second change of an order needs another.
    """

    operation: ClassVar[Operation[WarehouseUpdated]] = Operation(
        name="taobao.orders.update_warehouse",
        contract_id="taobao.order.update_warehouse",
        title="Modify the pre-warehouse information of the order",
        method="POST",
        path="/open/order/updateWarehouse",
        effect=Effect.WRITE,
        evidence=Evidence.SEEN,
        reply=WarehouseUpdated,
        vendors=("pandapon",),
        missing="reply",
    )

    order_id: str | None = optional()
    warehouse_name: str | None = optional()
    warehouse_address: str | None = optional()
    """All of it in one string."""

    def natural_reference(self) -> str | None:
        return self.order_id


@attrs.frozen(kw_only=True)
class LogisticsRequest(VendorRequest[Logistics]):
    """Track a sub-order."""

    operation: ClassVar[Operation[Logistics]] = Operation(
        name="taobao.orders.logistics",
        contract_id="taobao.order.logistics",
        title="Get logistics details",
        method="GET",
        path="/open/order/logistics/detail/get",
        effect=Effect.READ,
        evidence=Evidence.SEEN,
        reply=Logistics,
        vendors=("pandapon",),
    )

    sub_purchase_order_id: str | None = optional()
    """The id of a SUB-order."""


@attrs.frozen(kw_only=True)
class ImLink(WholeReply):
    """The URL of a chat with the seller. It contains a login token, so no repr shows it."""

    url: str | None = optional(personal=True)


@attrs.frozen(kw_only=True)
class ImLinkRequest(VendorRequest[ImLink]):
    """Get the URL of a chat. The page's table marks the last four required; its own example sends only the first two."""

    operation: ClassVar[Operation[ImLink]] = Operation(
        name="taobao.orders.im_link",
        contract_id="taobao.order.im_link",
        title="Get the IM link",
        method="POST",
        path="/open/order/page/link/get",
        effect=Effect.READ,
        evidence=Evidence.SEEN,
        reply=ImLink,
        vendors=("pandapon",),
    )

    source_type: str | None = optional()
    """``item`` in the example."""
    biz_id: str | None = optional()
    login_name: str | None = optional(personal=True)
    password: str | None = optional(personal=True)
    page_name: str | None = optional()
    page_param_map: str | None = optional()


class OrderService(OpenService, name="panda.taobao.orders"):
    """``panda.taobao.orders``. Every method raises what `VendorSession.call` raises; a WRITE in doubt is never sent again."""

    if TYPE_CHECKING:
        list: OpenCall[PurchaseOrders]
        get: OpenCall[PurchaseOrder]
        pay: OpenCall[PaidPurchases]
        cancel: OpenCall[CancelStarted]

    async def render(self, request: OrderCheckRequest, **options: Unpack[CallOptions]) -> OrderCheck:
        """Preview an order (READ: it orders nothing). From the Vietnamese page; the other menus don't have it."""
        return await self._data(request, **options)

    async def create(self, request: OrderCreateRequest, **options: Unpack[CallOptions]) -> OrderCreated:
        """Create an order (WRITE: sent twice, it orders twice). From the page "Create an order"."""
        return await self._data(request, **options)

    async def update_warehouse(
        self, request: WarehouseUpdateRequest, **options: Unpack[CallOptions]
    ) -> WarehouseUpdated:
        """Change an order's first warehouse (WRITE: it changes where the goods go).

        From the page "Modify the pre-warehouse information of the order".
        """
        return await self._data(request, **options)

    async def logistics(self, request: LogisticsRequest, **options: Unpack[CallOptions]) -> Logistics:
        """Track a sub-order (READ). From the page "Get logistics details"."""
        return await self._data(request, **options)

    async def im_link(self, request: ImLinkRequest, **options: Unpack[CallOptions]) -> ImLink:
        """The URL of a chat with the seller (READ: it changes nothing, but the URL grants access).

        From the page "Get the IM link", whose table and example disagree.
        """
        return await self._data(request, **options)
