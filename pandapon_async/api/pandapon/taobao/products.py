"""Taobao products through PandaPon: details, sources, and availability."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

import attrs

from ...._models.base import OpenReply, ReplyModel
from ...._models.fields import many, optional, wire
from ...._models.operation import Effect, Evidence, Operation, VendorRequest
from ...._models.requests import RequestModel
from ...service import CallOptions, OpenService, Unpack

# --- by Taobao's id ------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class SkuProperty(ReplyModel):
    """One property of a variant, such as its colour."""

    prop_id: str | None = optional(number=True)
    prop_name: str | None = optional()
    value_id: str | None = optional(number=True)
    value_name: str | None = optional()


@attrs.frozen(kw_only=True)
class Sku(ReplyModel):
    """One variant of a product."""

    sku_id: str | None = optional()
    mp_sku_id: str | None = optional(number=True)
    """The vendor's own id, which the cart needs: a number here, text there."""
    pic_url: str | None = optional()
    quantity: int | None = optional()
    """The number available."""
    price: Decimal | None = optional(number=True)
    promotion_price: Decimal | None = optional()
    """Text here, a number at the product."""
    post_fee: Decimal | None = optional(number=True)
    status: str | None = optional()
    properties: tuple[SkuProperty, ...] = many()


@attrs.frozen(kw_only=True)
class Product(ReplyModel):
    """A product. no page states the unit of its prices."""

    item_id: str | None = optional(number=True)
    """Taobao's id."""
    mp_id: str | None = optional()
    """The vendor's own id, which the cart needs."""
    title: str | None = optional()
    description: str | None = optional()
    pic_urls: tuple[str, ...] = many()
    price: Decimal | None = optional(number=True)
    promotion_price: Decimal | None = optional(number=True)
    quantity: int | None = optional()
    """The number available."""
    begin_amount: int | None = optional()
    status: str | None = optional()
    """Such as ``active``."""
    item_type: str | None = optional()
    """Such as ``HAVE_MATERIAL``."""
    category_id: str | None = optional()
    category_name: str | None = optional()
    category_path: str | None = optional()
    """The names of its levels, separated by ``->``."""
    shop_id: str | None = optional(number=True)
    shop_name: str | None = optional()
    user_nick: str | None = optional()
    """The seller's name at Taobao."""
    product_unit: str | None = optional()
    item_url: str | None = optional()
    """Seen in a public client only."""
    skus: tuple[Sku, ...] = many("skuList")


@attrs.frozen(kw_only=True)
class ProductRequest(VendorRequest[Product]):
    """Look up a product by Taobao's id."""

    operation: ClassVar[Operation[Product]] = Operation(
        name="taobao.products.get",
        contract_id="taobao.product.get",
        title="Query goods according to Taobao commodity id",
        method="GET",
        path="/open/product/get",
        effect=Effect.READ,
        evidence=Evidence.SEEN,
        reply=Product,
        vendors=("pandapon",),
    )

    item_id: str | None = optional()
    """Not marked required."""


# --- at the source -----------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class SourceProduct(OpenReply):
    """A product at its source. The page is cut off after two members; the others are in ``extra``."""

    item_id: str | None = optional(number=True)
    """A number here, text in the request."""
    description: str | None = optional()


@attrs.frozen(kw_only=True)
class SourceProductRequest(VendorRequest[SourceProduct]):
    """Look up a product at its source, in a language."""

    operation: ClassVar[Operation[SourceProduct]] = Operation(
        name="taobao.products.get_source",
        contract_id="taobao.product.source_get",
        title="Taobao commodity inquiry",
        method="POST",
        path="/open/product/source/get",
        effect=Effect.READ,
        evidence=Evidence.SEEN,
        reply=SourceProduct,
        vendors=("pandapon",),
        missing="most of the reply",
    )

    item_id: str
    language: str | None = optional()
    """``vi`` in the example; the values aren't listed."""


# --- availability ------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class CheckedItem(RequestModel):
    """A product and its variants to check."""

    item_id: str
    """Taobao's id."""
    sku_ids: tuple[str, ...] = many()


@attrs.frozen(kw_only=True)
class ProductCheck(ReplyModel):
    """Check which products the vendor can supply. The members of what was found, and of the reasons, couldn't be read."""

    found: tuple[Any, ...] = many("mpProducts")
    not_found: tuple[str, ...] = many("noMpProductItemIds")
    """Taobao's ids."""
    reasons: tuple[Any, ...] = many("noMpReasonList")


@attrs.frozen(kw_only=True)
class ProductCheckRequest(VendorRequest[ProductCheck]):
    """Check which products can be ordered; the maximum number isn't documented."""

    operation: ClassVar[Operation[ProductCheck]] = Operation(
        name="taobao.products.check",
        contract_id="taobao.product.batch_check",
        title="Batch query goods according to Taobao commodity id",
        method="POST",
        path="/open/product/batch/check",
        effect=Effect.READ,
        evidence=Evidence.SEEN,
        reply=ProductCheck,
        vendors=("pandapon",),
        missing="parts of the reply",
    )

    items: tuple[CheckedItem, ...] = attrs.field(metadata=wire("params", json_text=True))
    """JSON inside a string on the wire."""


class ProductService(OpenService, name="panda.taobao.products"):
    """``panda.taobao.products``. Every method raises what `VendorSession.call` raises."""

    async def get(self, request: ProductRequest, **options: Unpack[CallOptions]) -> Product:
        """A product by Taobao's id (READ). Put together from a page that is cut off, the manual's example, and a public client."""
        return await self._data(request, **options)

    async def get_source(self, request: SourceProductRequest, **options: Unpack[CallOptions]) -> SourceProduct:
        """A product at its source, in a language (READ). From the Vietnamese page; that it is this menu entry is inferred."""
        return await self._data(request, **options)

    async def check(self, request: ProductCheckRequest, **options: Unpack[CallOptions]) -> ProductCheck:
        """Check which products the vendor can supply (READ).

        From the page "Batch query goods according to Taobao commodity id"; its purpose is inferred from its names.
        """
        return await self._data(request, **options)
