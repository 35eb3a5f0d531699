"""The 1688 cart through PandaPon v2."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

import attrs

from ...._models.base import ReplyModel
from ...._models.fields import many, optional
from ...._models.operation import Effect, Evidence, Operation, VendorRequest
from ...service import CallOptions, OpenService, Unpack


@attrs.frozen(kw_only=True)
class CartLine(ReplyModel):
    """A cart line; types from the page's sample."""

    id: str | None = optional(number=True)
    """The line's id; used in ``cartIds`` elsewhere."""
    offer_map_id: str | None = optional()
    """The product's encoded id."""
    spec_id: str | None = optional()
    sku_id: str | None = optional()
    item_title: str | None = optional()
    item_pic: str | None = optional()
    price: Decimal | None = optional(number=True)
    quantity: int | None = optional()
    amount_on_sale: int | None = optional()
    properties: str | None = optional()


@attrs.frozen(kw_only=True)
class CartShop(ReplyModel):
    """One shop's lines."""

    seller_open_id: str | None = optional()
    """The shop's encrypted id."""
    seller_nick_name: str | None = optional()
    cart_item_infos: tuple[CartLine, ...] = many()


@attrs.frozen(kw_only=True)
class Cart(ReplyModel):
    """The cart, by shop."""

    disable_list: tuple[CartShop, ...] = many()
    """Lines that can no longer be bought."""
    enable_list: tuple[CartShop, ...] = many()
    """Lines that can be bought."""


@attrs.frozen(kw_only=True)
class CartListRequest(VendorRequest[Cart]):
    """Get the whole cart: there are no pages and no parameters."""

    operation: ClassVar[Operation[Cart]] = Operation(
        name="v2.alibaba.cart.list",
        contract_id="alibaba1688_v2.cart.list",
        title="Shopping Cart List",
        method="GET",
        path="/v2/alibaba/cart/list",
        effect=Effect.READ,
        evidence=Evidence.SEEN,
        reply=Cart,
        vendors=("pandapon",),
    )


class CartService(OpenService, name="panda.v2.alibaba.cart"):
    """``panda.v2.alibaba.cart``. Every method raises what `VendorSession.call` raises."""

    async def list(self, request: CartListRequest, **options: Unpack[CallOptions]) -> Cart:
        """The cart (READ)."""
        return await self._data(request, **options)
