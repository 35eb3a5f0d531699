"""The Taobao cart at PandaPon. The caller supplies each item's title, image, price and shop, which the vendor takes as given."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

import attrs

from ...._models.base import OpenReply
from ...._models.fields import many, optional
from ...._models.operation import Effect, Evidence, Operation, VendorRequest
from ...._models.requests import RequestModel
from ...service import CallOptions, OpenService, Unpack
from ...shared.taobao import Receiver


@attrs.frozen(kw_only=True)
class ChosenProperty(RequestModel):
    """One property of the chosen variant; members from the page's example."""

    value_id: str | None = optional(number=True)
    value_name: str | None = optional()
    prop_id: str | None = optional(number=True)
    prop_name: str | None = optional()


@attrs.frozen(kw_only=True)
class CartItemAdded(OpenReply):
    """The outcome. The page doesn't show it: read ``value``."""


@attrs.frozen(kw_only=True)
class CartAddRequest(VendorRequest[CartItemAdded]):
    """Add a product to the cart. The units of the prices aren't stated."""

    operation: ClassVar[Operation[CartItemAdded]] = Operation(
        name="taobao.cart.add",
        contract_id="taobao.cart.add",
        title="Add a shopping cart",
        method="POST",
        path="/open/cart/add",
        effect=Effect.WRITE,
        evidence=Evidence.SEEN,
        reply=CartItemAdded,
        vendors=("pandapon",),
        missing="reply",
    )

    mp_id: str
    """From the product's details."""
    mp_sku_id: str
    """From the product's details, where it is a number."""
    quantity: int | None = optional(minimum=1)
    item_id: str | None = optional(number=True)
    sku_id: str | None = optional()
    platform: int | None = optional()
    """``1`` in the example; the values aren't listed."""
    item_title: str | None = optional()
    item_pic: str | None = optional()
    price: Decimal | None = optional(number=True)
    promotion_price: Decimal | None = optional(number=True)
    properties: tuple[ChosenProperty, ...] = many(json_text=True)
    """JSON inside a string on the wire."""
    sku_quantity: Decimal | None = optional()
    """The number available of the variant; text on the wire."""
    shop_id: str | None = optional(number=True)
    shop_name: str | None = optional()
    user_nick: str | None = optional()
    """The seller's name at Taobao."""
    user_id: str | None = optional()
    """Your sub-account; also a header."""


@attrs.frozen(kw_only=True)
class CartOrderCreated(OpenReply):
    """The order that was created. The page doesn't show it: read ``value``."""


@attrs.frozen(kw_only=True)
class CartOrderRequest(VendorRequest[CartOrderCreated]):
    """Create an order from the cart."""

    operation: ClassVar[Operation[CartOrderCreated]] = Operation(
        name="taobao.cart.create_order",
        contract_id="taobao.cart.create_order",
        title="Create an order",
        method="POST",
        path="/open/cart/create/order",
        effect=Effect.WRITE,
        evidence=Evidence.SEEN,
        reply=CartOrderCreated,
        vendors=("pandapon",),
        missing="reply",
    )

    ids: tuple[str, ...] = many(number=True)
    """The ids of cart lines."""
    order_address: Receiver | None = optional()
    """An object here, JSON inside a string where an order is created without the cart."""
    user_id: str | None = optional()
    """Your sub-account; also a header."""


class CartService(OpenService, name="panda.taobao.cart"):
    """``panda.taobao.cart``. Every method raises what `VendorSession.call` raises; a WRITE in doubt is never sent again."""

    async def add(self, request: CartAddRequest, **options: Unpack[CallOptions]) -> CartItemAdded:
        """Add a product to the cart (WRITE: it changes the cart). From the page "Add a shopping cart"."""
        return await self._data(request, **options)

    async def create_order(self, request: CartOrderRequest, **options: Unpack[CallOptions]) -> CartOrderCreated:
        """Create an order from the cart (WRITE: sent twice, it may order twice). From the page "Create an order"."""
        return await self._data(request, **options)
