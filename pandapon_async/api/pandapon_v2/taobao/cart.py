"""The Taobao cart at PandaPon's second generation."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

import attrs

from ...._models.base import OpenReply
from ...._models.fields import many, optional
from ...._models.operation import Effect, Evidence, Operation, VendorRequest
from ...._models.requests import RequestModel
from ...service import CallOptions, OpenService, Unpack


@attrs.frozen(kw_only=True)
class PriceRange(RequestModel):
    """The unit price from a minimum quantity."""

    start_quantity: int | None = optional()
    price: Decimal | None = optional(number=True)


@attrs.frozen(kw_only=True)
class CartItemAdded(OpenReply):
    """The outcome. The page doesn't show it: read ``value``."""


@attrs.frozen(kw_only=True)
class CartAddRequest(VendorRequest[CartItemAdded]):
    """Add a product to the cart. The units of the prices aren't stated."""

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
    """A string; JSON in v1's example."""
    sku_quantity: Decimal | None = optional()
    """The number available of the variant; text on the wire."""
    shop_id: str | None = optional(number=True)
    ali_shop_id: str | None = optional()
    shop_name: str | None = optional()
    user_nick: str | None = optional()
    """The seller's name at Taobao."""
    user_id: str | None = optional()
    """Your sub-account; also a header."""


class CartService(OpenService, name="panda.v2.taobao.cart"):
    """``panda.v2.taobao.cart``. Every method raises what `VendorSession.call` raises; a WRITE in doubt is never sent again."""

    async def add(self, request: CartAddRequest, **options: Unpack[CallOptions]) -> CartItemAdded:
        """Add a product to the cart (WRITE: it changes the cart). From the page "Add Cart Item"."""
        return await self._data(request, **options)
