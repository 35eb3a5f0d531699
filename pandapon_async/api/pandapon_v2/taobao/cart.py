"""The Taobao cart at PandaPon's second generation."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

import attrs

from ...._models.base import OpenReply
from ...._models.fields import many, optional
from ...._models.operation import Effect, Evidence, Operation, VendorRequest
from ...._models.requests import RequestModel
from ...service import Service
from ...undocumented import path_unknown


@attrs.frozen(kw_only=True)
class PriceRange(RequestModel):
    """The price of one piece from a quantity on."""

    start_quantity: int | None = optional()
    price: Decimal | None = optional(number=True)


@attrs.frozen(kw_only=True)
class CartItemAdded(OpenReply):
    """What became of it. The page doesn't show it: read ``value``."""


@attrs.frozen(kw_only=True)
class CartAddRequest(VendorRequest[CartItemAdded]):
    """Put a product into the cart. The units of the prices aren't said."""

    operation: ClassVar[Operation[CartItemAdded]] = Operation(
        name="v2.taobao.cart.add",
        contract_id="taobao.v2.cart.add",
        title="Add Cart Item",
        method="POST",
        path="/v2/taobao/cart/add",
        effect=Effect.WRITE,
        evidence=Evidence.SEEN,
        reply=CartItemAdded,
        vendors=("pandapon",),
        missing="reply",
    )

    mp_id: str
    mp_sku_id: str
    quantity: int | None = optional(minimum=1)
    item_map_id: str | None = optional()
    """The opaque id of the product."""
    sku_id: str | None = optional()
    platform: int | None = optional()
    item_title: str | None = optional()
    item_pic: str | None = optional()
    price: Decimal | None = optional(number=True)
    promotion_price: Decimal | None = optional(number=True)
    price_ranges: tuple[PriceRange, ...] = many()
    quote_type: int | None = optional()
    properties: str | None = optional()
    """One text; v1's example has JSON in it."""
    sku_quantity: Decimal | None = optional()
    """How many there are of the variant; text on the wire."""
    shop_id: str | None = optional(number=True)
    ali_shop_id: str | None = optional()
    shop_name: str | None = optional()
    user_nick: str | None = optional()
    """The seller's name at Taobao."""
    user_id: str | None = optional()
    """Your sub-account; also a header."""


class CartService(Service):
    """``panda.v2.taobao.cart``. Every method raises what `VendorSession.call` raises; a WRITE in doubt is never sent again."""

    async def add(self, request: CartAddRequest) -> CartItemAdded:
        """Put a product into the cart (WRITE: it changes the cart). From the page "Add Cart Item"."""
        return await self._data(request)

    list = path_unknown(
        "v2.taobao.cart.list",
        contract_id="taobao.v2.cart.list",
        method="GET",
        effect=Effect.READ,
        title="Shopping Cart List",
        vendors=("pandapon",),
        missing="path, query, reply",
    )
    preview_order = path_unknown(
        "v2.taobao.cart.preview_order",
        contract_id="taobao.v2.cart.preview_order",
        method="POST",
        effect=Effect.READ,
        title="Generate Order Preview",
        vendors=("pandapon",),
        missing="path, request, reply",
        why="By its title it shows an order, and places none.",
    )
    create_order = path_unknown(
        "v2.taobao.cart.create_order",
        contract_id="taobao.v2.cart.create_order",
        method="POST",
        effect=Effect.WRITE,
        title="Create Order",
        vendors=("pandapon",),
        missing="path, request, reply",
        why="Sent twice, it orders twice.",
    )
    edit_quantity = path_unknown(
        "v2.taobao.cart.edit_quantity",
        contract_id="taobao.v2.cart.edit_quantity",
        method="POST",
        effect=Effect.WRITE,
        title="Edit item quantity",
        vendors=("pandapon",),
        missing="path, request, reply",
        why="It changes the cart.",
    )
    delete = path_unknown(
        "v2.taobao.cart.delete",
        contract_id="taobao.v2.cart.delete",
        method="POST",
        effect=Effect.WRITE,
        title="Delete Cart Item",
        vendors=("pandapon",),
        missing="path, request, reply",
        why="It changes the cart.",
    )
