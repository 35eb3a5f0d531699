"""1688 orders through Xportcn KA: preview (required before each order), create, pay."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

import attrs

from ..._models.base import OpenReply, ReplyModel, WholeReply
from ..._models.fields import many, optional
from ..._models.operation import Effect, Evidence, Operation, VendorRequest
from ..._models.requests import RequestModel
from ..service import CallOptions, OpenService, Unpack
from ..shared.alibaba import FastAddress


@attrs.frozen(kw_only=True)
class CargoLine(RequestModel):
    """One line of an order; types from the page's sample."""

    offer_id: str | None = optional(number=True)
    """The product's 1688 id."""
    spec_id: str | None = optional()
    """1688's hash of the variant (32 hex digits), not the numeric ``skuId``."""
    quantity: Decimal | None = optional(number=True)
    """``2.0`` in the sample: ``Decimal("2.0")`` is sent so, ``2`` as ``2``."""


# --- preview -------------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class PreviewedItem(ReplyModel):
    """One line of a previewed order. The amounts are fen (1/100 CNY), by the sample's arithmetic."""

    amount: int | None = optional()
    message: Any = optional()
    """Only null was seen."""
    final_unit_price: int | None = optional()
    spec_id: str | None = optional()
    sku_id: str | None = optional(number=True)
    offer_id: str | None = optional(number=True)
    open_offer_id: str | None = optional()
    """The product's encrypted id."""


@attrs.frozen(kw_only=True)
class PreviewedOrder(ReplyModel):
    """One previewed order. The amounts are fen (1/100 CNY), by the sample's arithmetic; the page doesn't state it."""

    sum_carriage: int | None = optional()
    """Freight."""
    sum_payment: int | None = optional()
    """Goods and freight."""
    sum_total_payment: int | None = optional()
    """Goods, freight, and a further fee."""
    sum_payment_no_carriage: int | None = optional()
    """Goods."""
    order_items: tuple[PreviewedItem, ...] = many("orderItemTOList")


@attrs.frozen(kw_only=True)
class OrderPreview(WholeReply):
    """The preview of an order: a list, unlike PandaPon's."""

    orders: tuple[PreviewedOrder, ...] = many()


@attrs.frozen(kw_only=True)
class OrderPreviewRequest(VendorRequest[OrderPreview]):
    """Preview an order. The page has examples and no table, so no required marks."""

    operation: ClassVar[Operation[OrderPreview]] = Operation(
        name="alibaba.orders.preview",
        contract_id="ka.order.preview",
        title="Order Preview (The preview interface needs to be called before creating an order)",
        method="POST",
        path="/alibaba/ka/order/create/preview",
        effect=Effect.READ,
        evidence=Evidence.SEEN,
        reply=OrderPreview,
        vendors=("xportcn_ka",),
    )

    ali_id: str | None = optional()
    """In an older copy's generated example only."""
    flow: str | None = optional()
    """The order flow; the sample has ``fenxiaonew``."""
    out_order_id: str | None = optional()
    """Your own number for the order; in an older copy's generated example only."""
    address_param: FastAddress | None = optional()
    cargo_param_list: tuple[CargoLine, ...] = many()


# --- create and pay ------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class OrderCreated(OpenReply):
    """The order that was created. The page's copy ends before it: read ``value``."""


@attrs.frozen(kw_only=True)
class OrderCreateRequest(VendorRequest[OrderCreated]):
    """Create an order. The page's example is cut off inside the address; the rest is inferred from the preview."""

    operation: ClassVar[Operation[OrderCreated]] = Operation(
        name="alibaba.orders.create",
        contract_id="ka.order.create",
        title="Create an order",
        method="POST",
        path="/alibaba/ka/order/create",
        effect=Effect.WRITE,
        evidence=Evidence.SEEN,
        reply=OrderCreated,
        vendors=("xportcn_ka",),
        missing="end of the request, reply",
    )

    flow: str | None = optional()
    """The order flow; the preview's sample has ``fenxiaonew``."""
    message: str | None = optional()
    shop_promotion_id: str | None = optional()
    trade_type: str | None = optional()
    address_param: FastAddress | None = optional()
    """Its first four members were seen here, all of them in the preview."""
    cargo_param_list: tuple[CargoLine, ...] = many()
    """Not seen here: inferred from the preview of the same order."""


@attrs.frozen(kw_only=True)
class OrderPaid(OpenReply):
    """The outcome of a payment. The page's copy ends before it: read ``value``."""


@attrs.frozen(kw_only=True)
class OrderPayRequest(VendorRequest[OrderPaid]):
    """Pay an order. The page requires a JSON body, but its copy ends before it: it goes into ``extra``."""

    operation: ClassVar[Operation[OrderPaid]] = Operation(
        name="alibaba.orders.pay",
        contract_id="ka.order.pay",
        title="order pay",
        method="POST",
        path="/alibaba/ka/order/pay",
        effect=Effect.WRITE,
        evidence=Evidence.SEEN,
        reply=OrderPaid,
        vendors=("xportcn_ka",),
        missing="request, reply",
    )


class OrderService(OpenService, name="ka.alibaba.orders"):
    """``ka.alibaba.orders``. Every method raises what `VendorSession.call` raises; a WRITE in doubt is never sent again."""

    async def preview(self, request: OrderPreviewRequest, **options: Unpack[CallOptions]) -> OrderPreview:
        """Preview an order (READ: it orders nothing). The vendor requires it before each `create`."""
        return await self._data(request, **options)

    async def create(self, request: OrderCreateRequest, **options: Unpack[CallOptions]) -> OrderCreated:
        """Create an order (WRITE: sent twice, it orders twice)."""
        return await self._data(request, **options)

    async def pay(self, request: OrderPayRequest, **options: Unpack[CallOptions]) -> OrderPaid:
        """Pay an order (WRITE: it moves money). Neither its body nor its reply was seen."""
        return await self._data(request, **options)
