"""The 1688 cart through PandaPon: preview and create orders, change lines."""

from __future__ import annotations

from typing import ClassVar

import attrs

from ...._models.base import OpenReply
from ...._models.fields import optional, wire
from ...._models.operation import Effect, Evidence, Operation, VendorRequest
from ...._models.requests import RequestModel
from ...service import CallOptions, OpenService, Unpack
from ...shared.alibaba import Done, FastAddress


@attrs.frozen(kw_only=True)
class CartPreview(OpenReply):
    """The preview of an order from the cart. The page doesn't show its shape: read ``value``."""


@attrs.frozen(kw_only=True)
class CartPreviewRequest(VendorRequest[CartPreview]):
    """Preview an order from the cart."""

    operation: ClassVar[Operation[CartPreview]] = Operation(
        name="alibaba.cart.preview_order",
        contract_id="alibaba1688.cart.preview_order",
        title="Preview the data interface before creating an order",
        method="POST",
        path="/alibaba/cart/preview/order",
        effect=Effect.READ,
        evidence=Evidence.SEEN,
        reply=CartPreview,
        vendors=("pandapon",),
    )

    address_param: FastAddress | None = optional()
    """Required on the vendor's Vietnamese site, with name, mobile, phone, city, province and street; unmarked on the Chinese one."""
    cart_ids: tuple[str, ...] = attrs.field(metadata=wire(number=True))
    """The ids of cart lines."""


@attrs.frozen(kw_only=True)
class CartOrderCreated(OpenReply):
    """The order that was created. The page doesn't show its shape: read ``value``."""


@attrs.frozen(kw_only=True)
class CartOrderRequest(VendorRequest[CartOrderCreated]):
    """Create an order from lines of the cart."""

    operation: ClassVar[Operation[CartOrderCreated]] = Operation(
        name="alibaba.cart.create_order",
        contract_id="alibaba1688.cart.create_order",
        title="Create an order",
        method="POST",
        path="/alibaba/cart/create/order",
        effect=Effect.WRITE,
        evidence=Evidence.SEEN,
        reply=CartOrderCreated,
        vendors=("pandapon",),
    )

    flow: str
    """The order flow; ``general`` and ``fenxiaonew`` were seen in other samples."""
    message: str | None = optional()
    """A remark on the order."""
    shop_promotion_id: str | None = optional()
    trade_type: str | None = optional()
    address_param: FastAddress | None = optional()
    cart_ids: tuple[str, ...] = attrs.field(metadata=wire(number=True))
    """The ids of cart lines."""
    user_id: str | None = optional()
    staff_name: str | None = optional(personal=True)
    """The ordering employee."""


@attrs.frozen(kw_only=True)
class JavaTimeZone(RequestModel):
    """Part of a `JavaDateTime`."""

    id: str | None = optional("ID")


@attrs.frozen(kw_only=True)
class JavaDateTime(RequestModel):
    """An internal bean of the vendor's that appears in its documentation, without a date. Presumably never needed."""

    mutable: bool | None = optional()
    first_day_of_week: str | None = optional()
    """``SUNDAY`` to ``SATURDAY``."""
    time_zone: JavaTimeZone | None = optional()
    minimal_days_in_first_week: int | None = optional()


@attrs.frozen(kw_only=True)
class CartQuantityRequest(VendorRequest[Done]):
    """Set the quantity of a cart line. The page's copy lost the required marks: presumably ``id`` and ``quantity``."""

    operation: ClassVar[Operation[Done]] = Operation(
        name="alibaba.cart.edit_quantity",
        contract_id="alibaba1688.cart.edit_quantity",
        title="Edit the quantity of goods",
        method="POST",
        path="/alibaba/cart/edit-quantity",
        effect=Effect.WRITE,
        evidence=Evidence.SEEN,
        reply=Done,
        vendors=("pandapon",),
    )

    quantity: int | None = optional()
    id: str | None = optional(number=True)
    """The line's id."""
    update_time: JavaDateTime | None = optional()
    """Can presumably be omitted."""
    product_no: str | None = optional()
    container: str | None = optional()
    """A container's or box's number."""


class CartService(OpenService, name="panda.alibaba.cart"):
    """``panda.alibaba.cart``. Every method raises what `VendorSession.call` raises; a WRITE in doubt is never sent again."""

    async def preview_order(self, request: CartPreviewRequest, **options: Unpack[CallOptions]) -> CartPreview:
        """Preview an order from the cart (READ: it orders nothing)."""
        return await self._data(request, **options)

    async def create_order(self, request: CartOrderRequest, **options: Unpack[CallOptions]) -> CartOrderCreated:
        """Create an order from the cart (WRITE: it orders)."""
        return await self._data(request, **options)

    async def edit_quantity(self, request: CartQuantityRequest, **options: Unpack[CallOptions]) -> Done:
        """Set a line's quantity (WRITE: it changes the cart)."""
        return await self._data(request, **options)
