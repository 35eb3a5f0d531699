"""1688 orders through PandaPon: preview, create, pay, track, confirm.

Order of use: `preview` -> `create` -> `pay_url` (or `submit_batch_payment`) -> `get` -> `confirm_receipt`; `cancel` while it isn't paid.
One call to `create` orders from one seller (inferred: only `create_batch`, for different merchants, takes ``sellerOpenId``).
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from ...._models.base import OpenReply, ReplyModel
from ...._models.fields import many, optional, wire
from ...._models.operation import Effect, Evidence, Operation, VendorRequest
from ...._models.requests import RequestModel
from ...service import CallOptions, OpenCall, OpenService, Unpack
from ...shared.alibaba import Address, Cancellation, CargoLine, DeliveryAddress, Done, OrderLine
from ...shared.alibaba_orders import CreatedOrder, OrderPage, OrderTrace, PreviewedOrder, TradeInfo

# --- one seller ----------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class OrderPreview(ReplyModel):
    """The preview of an order. There are two levels of success: the envelope's code, and ``success`` here."""

    order_previews: tuple[PreviewedOrder, ...] = many("orderPreviewResuslt")
    """The wire name is the vendor's spelling."""
    success: bool | None = optional()
    error_code: str | None = optional()
    error_msg: str | None = optional()
    post_fee_by_desc_offer_list: Any = optional()
    """Goods whose freight is only described in words; its shape wasn't seen."""
    consign_offer_list: Any = optional()
    """Consignment goods; its shape wasn't seen."""
    unsupported_cross_border_pay_offer_list: tuple[str, ...] = many()


@attrs.frozen(kw_only=True)
class OrderPreviewRequest(VendorRequest[OrderPreview]):
    """Preview an order from one seller."""

    operation: ClassVar[Operation[OrderPreview]] = Operation(
        name="alibaba.orders.preview",
        contract_id="alibaba1688.order.preview",
        title="Preview data before creating an order",
        method="POST",
        path="/alibaba/order/create/preview",
        effect=Effect.READ,
        evidence=Evidence.SEEN,
        reply=OrderPreview,
        vendors=("pandapon",),
    )

    address_param: Address | None = optional()
    cargo_param_list: tuple[CargoLine, ...] = many()
    """Must not be empty."""


@attrs.frozen(kw_only=True)
class OrderCreated(CreatedOrder):
    """The order that was created. The page doesn't show its shape: it is inferred from 1688's ``alibaba.trade.createCrossOrder``."""


@attrs.frozen(kw_only=True)
class OrderCreateRequest(VendorRequest[OrderCreated]):
    """Create an order from one seller. It has no client reference, so the vendor can't recognise a duplicate."""

    operation: ClassVar[Operation[OrderCreated]] = Operation(
        name="alibaba.orders.create",
        contract_id="alibaba1688.order.create",
        title="Create an order",
        method="POST",
        path="/alibaba/order/create",
        effect=Effect.WRITE,
        evidence=Evidence.SEEN,
        reply=OrderCreated,
        vendors=("pandapon",),
        limits={"cargoParamList": 50},
    )

    flow: str
    """The order flow; ``general`` and ``fenxiaonew`` were seen in other samples."""
    message: str | None = optional()
    shop_promotion_id: str | None = optional()
    trade_type: str | None = optional()
    address_param: DeliveryAddress
    cargo_param_list: tuple[OrderLine, ...]
    """1688 is known to take at most 50 lines."""


# --- several sellers -----------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class SellerLine(RequestModel):
    """One line of an order from several sellers."""

    offer_id: str | None = optional(number=True)
    """The product's 1688 id."""
    spec_id: str | None = optional()
    """1688's hash of the variant (32 hex digits), not the numeric ``skuId``."""
    quantity: Decimal = attrs.field(metadata=wire(number=True))
    seller_open_id: str | None = optional()
    """The shop's encrypted id."""


@attrs.frozen(kw_only=True)
class BatchPreview(OpenReply):
    """The preview of orders from several sellers. The page doesn't show its shape: read ``value``."""


@attrs.frozen(kw_only=True)
class BatchPreviewRequest(VendorRequest[BatchPreview]):
    """Preview orders from several sellers."""

    operation: ClassVar[Operation[BatchPreview]] = Operation(
        name="alibaba.orders.preview_batch",
        contract_id="alibaba1688.order.preview_batch",
        title="Preview data before creating an order (batch different merchants)",
        method="POST",
        path="/alibaba/order/create/previewbatch",
        effect=Effect.READ,
        evidence=Evidence.SEEN,
        reply=BatchPreview,
        vendors=("pandapon",),
    )

    address_param: Address | None = optional()
    cargo_param_list: tuple[SellerLine, ...] = many()
    """Must not be empty."""


@attrs.frozen(kw_only=True)
class BatchCreated(OpenReply):
    """The orders that were created. The page doesn't show its shape (v2's is a list of whole orders): read ``value``."""


@attrs.frozen(kw_only=True)
class BatchCreateRequest(VendorRequest[BatchCreated]):
    """Create orders from several sellers in one call."""

    operation: ClassVar[Operation[BatchCreated]] = Operation(
        name="alibaba.orders.create_batch",
        contract_id="alibaba1688.order.create_batch",
        title="Create orders (different merchants)",
        method="POST",
        path="/alibaba/order/batch/create",
        effect=Effect.WRITE,
        evidence=Evidence.SEEN,
        reply=BatchCreated,
        vendors=("pandapon",),
    )

    flow: str | None = optional()
    """The order flow; ``general`` and ``fenxiaonew`` were seen in other samples."""
    message: str | None = optional()
    """A remark on the order."""
    shop_promotion_id: str | None = optional()
    trade_type: str | None = optional()
    address_param: Address | None = optional()
    cargo_param_list: tuple[SellerLine, ...] = many()
    """Must not be empty."""


# --- payment -------------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Payment(ReplyModel):
    """The payment URL of an order, or that it has been paid."""

    order_id: str | None = optional()
    protocol_pay_success: bool | None = optional()
    """Paid immediately under an agreement, judging by the name."""
    pay_url: str | None = optional()
    """The URL of the payment page."""
    cant_pay_order_list: tuple[str, ...] = many(number=True)
    """Ids of orders that can't be paid."""


@attrs.frozen(kw_only=True)
class PaymentRequest(VendorRequest[Payment]):
    """Pay an order, or get the URL of its payment page."""

    operation: ClassVar[Operation[Payment]] = Operation(
        name="alibaba.orders.pay_url",
        contract_id="alibaba1688.order.pay_url",
        title="Order payment",
        method="GET",
        path="/alibaba/order/pay/url",
        effect=Effect.WRITE,
        evidence=Evidence.SEEN,
        reply=Payment,
        vendors=("pandapon",),
    )

    order_id: str | None = optional()

    def natural_reference(self) -> str | None:
        return self.order_id


@attrs.frozen(kw_only=True)
class BatchPaymentSubmitted(OpenReply):
    """The outcome for the orders. The page doesn't show its shape: read ``value``."""


@attrs.frozen(kw_only=True)
class BatchPaymentRequest(VendorRequest[BatchPaymentSubmitted]):
    """Submit several orders for payment."""

    operation: ClassVar[Operation[BatchPaymentSubmitted]] = Operation(
        name="alibaba.orders.submit_batch_payment",
        contract_id="alibaba1688.order.submit_batch_payment",
        title="Developers submit and pay 1688 orders in bulk",
        method="POST",
        path="/alibaba/order/batch/submit/to/pay",
        effect=Effect.WRITE,
        evidence=Evidence.SEEN,
        reply=BatchPaymentSubmitted,
        vendors=("pandapon",),
        limits={"orderIds": 10},
    )

    order_ids: tuple[str, ...]
    """1688's order ids (19 digits): text here, numbers in other operations. The sample has nine; a console of
    the same operator takes at most 10 at once."""


# --- after payment -------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Order(TradeInfo):
    """A whole order. Its first member was seen; the others are inferred from 1688's ``alibaba.trade.get.buyerView``, and the price
    change message names them, too."""

    guarantees_terms: Any = optional()
    """An object whose members weren't seen."""


@attrs.frozen(kw_only=True)
class OrderRequest(VendorRequest[Order]):
    """Look up an order."""

    operation: ClassVar[Operation[Order]] = Operation(
        name="alibaba.orders.get",
        contract_id="alibaba1688.order.detail",
        title="Get order details",
        method="POST",
        path="/alibaba/order/detail",
        effect=Effect.READ,
        evidence=Evidence.SEEN,
        reply=Order,
        vendors=("pandapon",),
    )

    web_site: str = "1688"
    """The one value seen."""
    order_id: str | None = optional()
    """Text here, a number for cancelling an order or confirming its receipt."""


@attrs.frozen(kw_only=True)
class OrderCancelRequest(Cancellation, VendorRequest[Done]):
    """Cancel an order that isn't paid."""

    operation: ClassVar[Operation[Done]] = Operation(
        name="alibaba.orders.cancel",
        contract_id="alibaba1688.order.cancel",
        title="Cancel the order before payment",
        method="POST",
        path="/alibaba/order/cancel",
        effect=Effect.WRITE,
        evidence=Evidence.SEEN,
        reply=Done,
        vendors=("pandapon",),
    )

    def natural_reference(self) -> str | None:
        return self.order_id


@attrs.frozen(kw_only=True)
class ReceiptConfirmed(ReplyModel):
    """The outcome. There are two levels of success, the envelope's code and ``success`` here: a yes with a no in it is in doubt."""

    success: bool | None = optional()
    error_info: str | None = optional()
    error_code: str | None = optional()


@attrs.frozen(kw_only=True)
class ReceiptRequest(VendorRequest[ReceiptConfirmed]):
    """Confirm that an order's goods have arrived. No required marks were seen."""

    operation: ClassVar[Operation[ReceiptConfirmed]] = Operation(
        name="alibaba.orders.confirm_receipt",
        contract_id="alibaba1688.order.confirm_receipt",
        title="The buyer confirms the receipt of goods",
        method="POST",
        path="/alibaba/order/receivegoods",
        effect=Effect.WRITE,
        evidence=Evidence.SEEN,
        reply=ReceiptConfirmed,
        vendors=("pandapon",),
    )

    order_id: str | None = optional(number=True)
    order_entry_ids: tuple[str, ...] = many(number=True)
    """The sub-orders' ids."""


# --- methods -------------------------------------------------------------------------------------------------------------


class OrderService(OpenService, name="panda.alibaba.orders"):
    """``panda.alibaba.orders``. Every method raises what `VendorSession.call` raises; a WRITE in doubt is never sent again."""

    if TYPE_CHECKING:
        list: OpenCall[OrderPage]
        logistics_trace: OpenCall[OrderTrace]

    async def preview(self, request: OrderPreviewRequest, **options: Unpack[CallOptions]) -> OrderPreview:
        """Preview an order from one seller (READ: it orders nothing)."""
        return await self._data(request, **options)

    async def create(self, request: OrderCreateRequest, **options: Unpack[CallOptions]) -> OrderCreated:
        """Create an order from one seller (WRITE: sent twice, it orders twice)."""
        return await self._data(request, **options)

    async def preview_batch(self, request: BatchPreviewRequest, **options: Unpack[CallOptions]) -> BatchPreview:
        """Preview orders from several sellers (READ: it orders nothing)."""
        return await self._data(request, **options)

    async def create_batch(self, request: BatchCreateRequest, **options: Unpack[CallOptions]) -> BatchCreated:
        """Create orders from several sellers (WRITE: sent twice, it orders twice)."""
        return await self._data(request, **options)

    async def pay_url(self, request: PaymentRequest, **options: Unpack[CallOptions]) -> Payment:
        """Pay an order, or get the URL of its payment page (WRITE, though a GET: it may pay immediately).

        That it may pay, under a password-free agreement, is inferred from ``protocolPaySuccess``; the page only says "Order payment".
        """
        return await self._data(request, **options)

    async def submit_batch_payment(
        self, request: BatchPaymentRequest, **options: Unpack[CallOptions]
    ) -> BatchPaymentSubmitted:
        """Submit orders for payment (WRITE: it moves money)."""
        return await self._data(request, **options)

    async def get(self, request: OrderRequest, **options: Unpack[CallOptions]) -> Order:
        """A whole order (READ). Only the vendor's Vietnamese site lists it."""
        return await self._data(request, **options)

    async def cancel(self, request: OrderCancelRequest, **options: Unpack[CallOptions]) -> Done:
        """Cancel an order that isn't paid (WRITE: it ends the order)."""
        return await self._data(request, **options)

    async def confirm_receipt(self, request: ReceiptRequest, **options: Unpack[CallOptions]) -> ReceiptConfirmed:
        """Confirm that goods have arrived (WRITE: the buyer's confirmation closes the purchase)."""
        return await self._data(request, **options)
