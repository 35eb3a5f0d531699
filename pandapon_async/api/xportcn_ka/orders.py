"""1688 orders through Xportcn KA: preview (required before each order), create, pay."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from ..._models.base import ReplyModel, WholeReply
from ..._models.fields import many, optional
from ..._models.operation import Effect, Evidence, Operation, VendorRequest
from ..._models.requests import RequestModel
from ..service import CallOptions, OpenCall, OpenService, Unpack
from ..shared.alibaba import FastAddress
from ..shared.alibaba_orders import CreatedOrder, OrderPage, OrderTrace, PaymentLink, TradeInfo


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

    amount_fen: int | None = optional("amount")
    """In fen (1/100 CNY)."""
    message: Any = optional()
    """Only null was seen."""
    final_unit_price_fen: int | None = optional("finalUnitPrice")
    """In fen (1/100 CNY)."""
    spec_id: str | None = optional()
    sku_id: str | None = optional(number=True)
    offer_id: str | None = optional(number=True)
    open_offer_id: str | None = optional()
    """The product's encrypted id."""


@attrs.frozen(kw_only=True)
class PreviewedOrder(ReplyModel):
    """One previewed order. The amounts are fen (1/100 CNY), by the sample's arithmetic; the page doesn't state it."""

    sum_carriage_fen: int | None = optional("sumCarriage")
    """Freight, in fen (1/100 CNY)."""
    sum_payment_fen: int | None = optional("sumPayment")
    """Goods and freight, in fen (1/100 CNY)."""
    sum_total_payment_fen: int | None = optional("sumTotalPayment")
    """Goods, freight, and a further fee, in fen (1/100 CNY)."""
    sum_payment_no_carriage_fen: int | None = optional("sumPaymentNoCarriage")
    """Goods, in fen (1/100 CNY)."""
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
class OrderCreated(CreatedOrder):
    """The order that was created. The page's copy ends before it: inferred from 1688's ``alibaba.trade.createCrossOrder``."""


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
        own_number="outOrderId",
        limits={"cargoParamList": 50},
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
    """Not seen here: inferred from the preview of the same order. 1688 is known to take at most 50 lines."""
    out_order_id: str | None = optional(inferred=True)
    """Your own number for the order; the reference, unless given. Not seen here: inferred from the preview and from 1688's own call.

    1688's list of orders can be asked for it, but nothing says that a second order with the same number is refused.
    """

    def natural_reference(self) -> str | None:
        return self.out_order_id


@attrs.frozen(kw_only=True)
class OrderPaid(PaymentLink):
    """The outcome of a payment. The page's copy ends before it: inferred from 1688's ``alibaba.alipay.url.get``."""


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
        limits={"orderIdList": 100},
        missing="request, reply",
    )


class OrderService(OpenService, name="ka.alibaba.orders"):
    """``ka.alibaba.orders``. Every method raises what `VendorSession.call` raises; a WRITE in doubt is never sent again."""

    if TYPE_CHECKING:
        list: OpenCall[OrderPage]
        get: OpenCall[TradeInfo]
        logistics_trace: OpenCall[OrderTrace]

    async def preview(self, request: OrderPreviewRequest, **options: Unpack[CallOptions]) -> OrderPreview:
        """Preview an order (READ: it orders nothing). The vendor requires it before each `create`."""
        return await self._data(request, **options)

    async def create(self, request: OrderCreateRequest, **options: Unpack[CallOptions]) -> OrderCreated:
        """Create an order (WRITE: sent twice, it orders twice)."""
        return await self._data(request, **options)

    async def pay(self, request: OrderPayRequest, **options: Unpack[CallOptions]) -> OrderPaid:
        """Pay an order (WRITE: it moves money). Neither its body nor its reply was seen."""
        return await self._data(request, **options)
