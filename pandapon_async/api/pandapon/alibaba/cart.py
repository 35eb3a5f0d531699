"""The 1688 cart through PandaPon: preview an order from it, create the order, change its lines."""

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
    """What an order from the cart would be. The page doesn't show its shape: read ``value``."""


@attrs.frozen(kw_only=True)
class CartPreviewRequest(VendorRequest[CartPreview]):
    """Ask what an order from the cart would be."""

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
    """The vendor's Vietnamese site wants it, with name, mobile, phone, city, province and street; the Chinese one marks nothing."""
    cart_ids: tuple[str, ...] = attrs.field(metadata=wire(number=True))
    """Ids of the cart's lines."""


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
    """How the order runs; ``general`` and ``fenxiaonew`` were seen in other samples."""
    message: str | None = optional()
    """A remark on the order."""
    shop_promotion_id: str | None = optional()
    trade_type: str | None = optional()
    address_param: FastAddress | None = optional()
    cart_ids: tuple[str, ...] = attrs.field(metadata=wire(number=True))
    """Ids of the cart's lines."""
    user_id: str | None = optional()
    staff_name: str | None = optional(personal=True)
    """The employee who orders."""


@attrs.frozen(kw_only=True)
class JavaTimeZone(RequestModel):
    """Part of a `JavaDateTime`."""

    id: str | None = optional("ID")


@attrs.frozen(kw_only=True)
class JavaDateTime(RequestModel):
    """A bean of the vendor's program that stands in its documentation: no moment in it. Presumably never needed."""

    mutable: bool | None = optional()
    first_day_of_week: str | None = optional()
    """``SUNDAY`` to ``SATURDAY``."""
    time_zone: JavaTimeZone | None = optional()
    minimal_days_in_first_week: int | None = optional()


@attrs.frozen(kw_only=True)
class CartQuantityRequest(VendorRequest[Done]):
    """Set how many pieces a line of the cart has. The copy lost the required marks: presumably ``id`` and ``quantity``."""

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
    """Can presumably be left out."""
    product_no: str | None = optional()
    container: str | None = optional()
    """A container's or box's number."""


class CartService(OpenService, name="panda.alibaba.cart"):
    """``panda.alibaba.cart``. Every method raises what `VendorSession.call` raises; a WRITE in doubt is never sent again."""

    async def preview_order(self, request: CartPreviewRequest, **options: Unpack[CallOptions]) -> CartPreview:
        """What an order from the cart would be (READ: it orders nothing)."""
        return await self._data(request, **options)

    async def create_order(self, request: CartOrderRequest, **options: Unpack[CallOptions]) -> CartOrderCreated:
        """Create an order from the cart (WRITE: it orders)."""
        return await self._data(request, **options)

    async def edit_quantity(self, request: CartQuantityRequest, **options: Unpack[CallOptions]) -> Done:
        """Set a line's quantity (WRITE: it changes the cart)."""
        return await self._data(request, **options)
