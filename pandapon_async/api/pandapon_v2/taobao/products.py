"""Taobao products through PandaPon's second generation; a product's id is an opaque string of 22 characters."""

from __future__ import annotations

from typing import ClassVar

import attrs

from ...._models.base import OpenReply
from ...._models.fields import optional
from ...._models.operation import Effect, Evidence, Operation, VendorRequest
from ...service import CallOptions, OpenService, Unpack


@attrs.frozen(kw_only=True)
class Product(OpenReply):
    """A product. The page is cut off after its first member; the others are in ``extra``."""

    quantity: int | None = optional()
    """The number available."""


@attrs.frozen(kw_only=True)
class ProductRequest(VendorRequest[Product]):
    """Look up a product."""

    operation: ClassVar[Operation[Product]] = Operation(
        name="v2.taobao.products.get",
        contract_id="taobao.v2.product.get",
        title="Taobao product search (by item id)",
        method="GET",
        path="/v2/taobao/product/get",
        effect=Effect.READ,
        evidence=Evidence.SEEN,
        reply=Product,
        vendors=("pandapon",),
        missing="most of the reply",
    )

    item_id: str
    """The opaque id, such as ``WUnUC1cILiBjt-Jv3lDdlQ``: not Taobao's number."""


@attrs.frozen(kw_only=True)
class FoundProducts(OpenReply):
    """What a search found. The page doesn't show it: read ``value``."""


@attrs.frozen(kw_only=True)
class ProductSearchRequest(VendorRequest[FoundProducts]):
    """Search products by keyword; the reply's shape is unknown, so paging is up to the caller."""

    operation: ClassVar[Operation[FoundProducts]] = Operation(
        name="v2.taobao.products.search",
        contract_id="taobao.v2.product.search",
        title="Taobao commodity search interface",
        method="POST",
        path="/v2/taobao/product/item/search",
        effect=Effect.READ,
        evidence=Evidence.SEEN,
        reply=FoundProducts,
        vendors=("pandapon",),
        missing="reply",
    )

    keyword: str | None = optional()
    page_no: int | None = optional(minimum=1)
    page_size: int | None = optional(minimum=1)
    """1 to 40."""
    sort: str | None = optional()
    """``tk_rate_desc`` in the example; the values aren't listed."""


class ProductService(OpenService, name="panda.v2.taobao.products"):
    """``panda.v2.taobao.products``. Every method raises what `VendorSession.call` raises."""

    async def get(self, request: ProductRequest, **options: Unpack[CallOptions]) -> Product:
        """A product by its opaque id (READ). From the page "Taobao product search (by item id)"."""
        return await self._data(request, **options)

    async def search(self, request: ProductSearchRequest, **options: Unpack[CallOptions]) -> FoundProducts:
        """Products by keyword (READ). From the page "Taobao commodity search interface"."""
        return await self._data(request, **options)
