"""1688 orders through PandaPon v2: preview, create, pay, cancel.

Products have encoded ids (``offer_map_id``); v1's numbers don't work here.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from ...._models.base import InferredReply, ReplyModel, WholeReply
from ...._models.fields import many, optional
from ...._models.operation import Effect, Evidence, Operation, VendorRequest
from ...._models.requests import RequestModel
from ...service import CallOptions, OpenCall, OpenService, Unpack
from ...shared.alibaba import Cancellation, Done, FastAddress
from ...shared.alibaba_orders import CreatedOrder, OrderPage, OrderTrace, PreviewedOrder
from ...shared.alibaba_refunds import CaseOutcome

# --- preview and create --------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class CargoLine(RequestModel):
    """One line of an order (vendor: ``FastCargo``)."""

    seller_open_id: str | None = optional()
    """The shop's encrypted id."""
    offer_map_id: str | None = optional()
    """The product's encoded id, in place of v1's ``offerId``."""
    spec_id: str | None = optional()
    """1688's hash of the variant (32 hex digits)."""
    quantity: Decimal | None = optional(number=True)
    product_no: str | None = optional()
    container: str | None = optional()


@attrs.frozen(kw_only=True)
class OrderPreview(InferredReply):
    """The preview of an order. The page's copy ends before it: it is inferred from v1's, which is 1688's
    ``alibaba.createOrder.preview``. There are two levels of success: the envelope's code, and ``success`` here."""

    order_previews: tuple[PreviewedOrder, ...] = many("orderPreviewResuslt")
    """The wire name is 1688's spelling."""
    success: bool | None = optional()
    error_code: str | None = optional()
    error_msg: str | None = optional()
    post_fee_by_desc_offer_list: Any = optional()
    consign_offer_list: Any = optional()
    unsupported_cross_border_pay_offer_list: tuple[str, ...] = many()


@attrs.frozen(kw_only=True)
class OrderPreviewRequest(VendorRequest[OrderPreview]):
    """Preview an order."""

    operation: ClassVar[Operation[OrderPreview]] = Operation(
        name="v2.alibaba.orders.preview",
        contract_id="alibaba1688_v2.order.preview",
        title="Preview data interface before creating an order",
        method="POST",
        path="/v2/alibaba/order/create/preview",
        effect=Effect.READ,
        evidence=Evidence.SEEN,
        reply=OrderPreview,
        vendors=("pandapon",),
    )

    address_param: FastAddress | None = optional()
    cargo_param_list: tuple[CargoLine, ...] = many()
    """Must not be empty."""


@attrs.frozen(kw_only=True)
class OrderCreated(CreatedOrder):
    """The order that was created. The page's copy ends before it: inferred from 1688's ``alibaba.trade.createCrossOrder``."""


@attrs.frozen(kw_only=True)
class OrderCreateRequest(VendorRequest[OrderCreated]):
    """Create an order from one seller. Only the path was seen on the page: the body goes into ``extra``."""

    operation: ClassVar[Operation[OrderCreated]] = Operation(
        name="v2.alibaba.orders.create",
        contract_id="alibaba1688_v2.order.create",
        title="Create Order Interface",
        method="POST",
        path="/v2/alibaba/order/create",
        effect=Effect.WRITE,
        evidence=Evidence.SEEN,
        reply=OrderCreated,
        vendors=("pandapon",),
        limits={"cargoParamList": 50},
        missing="request, reply",
    )


@attrs.frozen(kw_only=True)
class NativeLogistics(ReplyModel):
    """The delivery address in China of an order. Members typed ``Any`` were seen as null only."""

    address: str | None = optional(personal=True)
    """Town and street, separated by a space."""
    area: str | None = optional()
    area_code: str | None = optional()
    city: str | None = optional()
    contact_person: str | None = optional(personal=True)
    fax: Any = optional(personal=True)
    mobile: str | None = optional(personal=True)
    province: str | None = optional()
    telephone: str | None = optional(personal=True)
    zip: str | None = optional(personal=True)
    logistics_items: Any = optional()
    town_code: Any = optional()
    town: Any = optional()
    caid: Any = optional(personal=True)
    real_logistics_company_no: Any = optional()


@attrs.frozen(kw_only=True)
class ProductItem(ReplyModel):
    """A product of an order; the sample is cut off inside it. Members typed ``Any`` were seen as null only."""

    cargo_number: Any = optional()
    description: Any = optional()
    item_amount: Decimal | None = optional(number=True)
    """The unit isn't stated."""
    name: str | None = optional()
    price: Decimal | None = optional(number=True)
    """The unit isn't stated."""
    product_id: str | None = optional("productID", number=True)
    """1688's own number of the product, not the encoded id that was ordered."""
    product_img_url: tuple[str, ...] = many()


@attrs.frozen(kw_only=True)
class Order(ReplyModel):
    """A whole order from one seller, as far as the sample goes. Members typed ``Any`` were seen as null only."""

    guarantees_terms: Any = optional()
    international_logistics: Any = optional()
    native_logistics: NativeLogistics | None = optional()
    product_items: tuple[ProductItem, ...] = many()


@attrs.frozen(kw_only=True)
class OrdersCreated(WholeReply):
    """The orders that were created, one per seller."""

    orders: tuple[Order, ...] = many()


@attrs.frozen(kw_only=True)
class BatchCreateRequest(VendorRequest[OrdersCreated]):
    """Create orders from several sellers in one call."""

    operation: ClassVar[Operation[OrdersCreated]] = Operation(
        name="v2.alibaba.orders.create_batch",
        contract_id="alibaba1688_v2.order.create_batch",
        title="Create order interface in batch (different merchants)",
        method="POST",
        path="/v2/alibaba/order/batch/create",
        effect=Effect.WRITE,
        evidence=Evidence.SEEN,
        reply=OrdersCreated,
        vendors=("pandapon",),
    )

    flow: str
    """The order flow; the sample has ``general``."""
    message: str | None = optional()
    """A remark on the order."""
    shop_promotion_id: str | None = optional()
    trade_type: str | None = optional()
    address_param: FastAddress | None = optional()
    cargo_param_list: tuple[CargoLine, ...] = many()
    """Must not be empty."""
    user_id: str | None = optional()
    staff_name: str | None = optional(personal=True)
    """The ordering employee."""
    platform_order: int | None = optional()
    """The order's channel; the values aren't listed."""
    transfer_account_imgs: str | None = optional()
    """Proof of a bank transfer."""
    transfer_account_remark: str | None = optional(personal=True)
    """A remark on the bank transfer."""


# --- after creation ------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class OrderList(OrderPage):
    """A page of orders. The page's copy ends before it: inferred from 1688's ``alibaba.trade.getBuyerOrderList``."""


@attrs.frozen(kw_only=True)
class OrderListRequest(VendorRequest[OrderList]):
    """List orders, page by page. Only the path was seen on the page: the body goes into ``extra``."""

    operation: ClassVar[Operation[OrderList]] = Operation(
        name="v2.alibaba.orders.list",
        contract_id="alibaba1688_v2.order.page",
        title="Order List",
        method="POST",
        path="/v2/alibaba/order/page",
        effect=Effect.READ,
        evidence=Evidence.SEEN,
        reply=OrderList,
        vendors=("pandapon",),
        missing="request, reply",
    )


@attrs.frozen(kw_only=True)
class OrderCancelRequest(Cancellation, VendorRequest[Done]):
    """Cancel an order that isn't paid."""

    operation: ClassVar[Operation[Done]] = Operation(
        name="v2.alibaba.orders.cancel",
        contract_id="alibaba1688_v2.order.cancel",
        title="Cancel order interface before payment",
        method="POST",
        path="/v2/alibaba/order/cancel",
        effect=Effect.WRITE,
        evidence=Evidence.SEEN,
        reply=Done,
        vendors=("pandapon",),
    )

    def natural_reference(self) -> str | None:
        return self.order_id


@attrs.frozen(kw_only=True)
class Payment(ReplyModel):
    """The payment of an order (vendor: ``AlibabaPayOrderVO``). The copy ends after one member; v1's page has three more."""

    order_id: str | None = optional()


@attrs.frozen(kw_only=True)
class PaymentRequest(VendorRequest[Payment]):
    """Pay an order, or get the URL of its payment page."""

    operation: ClassVar[Operation[Payment]] = Operation(
        name="v2.alibaba.orders.pay_url",
        contract_id="alibaba1688_v2.order.pay_url",
        title="Order payment",
        method="GET",
        path="/v2/alibaba/order/pay/url",
        effect=Effect.WRITE,
        evidence=Evidence.SEEN,
        reply=Payment,
        vendors=("pandapon",),
    )

    order_id: str

    def natural_reference(self) -> str | None:
        return self.order_id


# --- methods -------------------------------------------------------------------------------------------------------------


class OrderService(OpenService, name="panda.v2.alibaba.orders"):
    """``panda.v2.alibaba.orders``. Every method raises what `VendorSession.call` raises; a WRITE in doubt is never sent again."""

    if TYPE_CHECKING:
        logistics_trace: OpenCall[OrderTrace]
        confirm_receipt: OpenCall[CaseOutcome]

    async def preview(self, request: OrderPreviewRequest, **options: Unpack[CallOptions]) -> OrderPreview:
        """Preview an order (READ: it orders nothing)."""
        return await self._data(request, **options)

    async def create(self, request: OrderCreateRequest, **options: Unpack[CallOptions]) -> OrderCreated:
        """Create an order from one seller (WRITE: sent twice, it orders twice). Neither its body nor its reply was seen."""
        return await self._data(request, **options)

    async def create_batch(self, request: BatchCreateRequest, **options: Unpack[CallOptions]) -> OrdersCreated:
        """Create orders from several sellers (WRITE: sent twice, it orders twice)."""
        return await self._data(request, **options)

    async def list(self, request: OrderListRequest, **options: Unpack[CallOptions]) -> OrderList:
        """The orders, one page (READ). Neither its body nor its reply was seen."""
        return await self._data(request, **options)

    async def cancel(self, request: OrderCancelRequest, **options: Unpack[CallOptions]) -> Done:
        """Cancel an order that isn't paid (WRITE: it ends the order)."""
        return await self._data(request, **options)

    async def pay_url(self, request: PaymentRequest, **options: Unpack[CallOptions]) -> Payment:
        """Pay an order, or get the URL of its payment page (WRITE, though a GET: v1's reply indicates that it may pay immediately)."""
        return await self._data(request, **options)
