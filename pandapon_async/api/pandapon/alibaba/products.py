"""1688 products through PandaPon: details, searches, and seller chats."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import attrs

from ...._models.base import OpenReply
from ...._models.fields import optional
from ...._models.operation import Effect, Evidence, Operation, VendorRequest
from ...paging import Pager
from ...service import CallOptions, OpenCall, OpenService, Unpack
from ...shared.alibaba import SEARCH_PAGES, FoundProduct, ImageQuery, KeywordQuery, ProductPage, StoreQuery
from ...shared.alibaba_products import Category, RelatedProducts


@attrs.frozen(kw_only=True)
class Product(OpenReply):
    """A product. The documentation's copy ends inside ``description``; the rest (images, variants, prices) is in ``extra``."""

    offer_id: str | None = optional(number=True)
    category_id: str | None = optional(number=True)
    category_name: str | None = optional()
    subject: str | None = optional()
    """The Chinese title."""
    subject_trans: str | None = optional()
    """The translated title."""
    description: str | None = optional()
    """A piece of HTML."""


@attrs.frozen(kw_only=True)
class ProductRequest(VendorRequest[Product]):
    """Look up a product. No required marks were seen."""

    operation: ClassVar[Operation[Product]] = Operation(
        name="alibaba.products.get",
        contract_id="alibaba1688.product.detail",
        title="Commodity details inquiry",
        method="POST",
        path="/alibaba/product/detail/get",
        effect=Effect.READ,
        evidence=Evidence.SEEN,
        reply=Product,
        vendors=("pandapon",),
    )

    offer_id: str | None = optional(number=True)
    """The product's 1688 id."""
    country: str | None = optional()
    """The language of the reply. The page says to send ``en``; a public client sends ``vi``."""
    out_member_id: str | None = optional()
    """Your own id for the user."""


@attrs.frozen(kw_only=True)
class DecryptedOpenUid(OpenReply):
    """The link to a seller's chat, by the page's title. The page doesn't show its shape: read ``value``."""


@attrs.frozen(kw_only=True)
class DecryptOpenUidRequest(VendorRequest[DecryptedOpenUid]):
    """Look up the chat of a product's seller."""

    operation: ClassVar[Operation[DecryptedOpenUid]] = Operation(
        name="alibaba.products.decrypt_open_uid",
        contract_id="alibaba1688.product.decrypt_open_uid",
        title="Convert and decrypt to Wangwang URL",
        method="POST",
        path="/alibaba/product/openuid/decrypt",
        effect=Effect.READ,
        evidence=Evidence.CLIENT,
        reply=DecryptedOpenUid,
        vendors=("pandapon",),
    )

    offer_id: str | None = optional()
    """The product's id; a public client always sends it. Text, as for Xportcn KA's counterpart."""
    open_uid: str | None = optional()
    """The seller's encrypted id; a public client always sends it."""


@attrs.frozen(kw_only=True)
class ProductSearchRequest(KeywordQuery, VendorRequest[ProductPage]):
    """Search products by keyword."""

    operation: ClassVar[Operation[ProductPage]] = Operation(
        name="alibaba.products.search",
        contract_id="alibaba1688.product.search_keyword",
        title="Commodity keyword query",
        method="POST",
        path="/alibaba/product/keywords/query",
        effect=Effect.READ,
        evidence=Evidence.SEEN,
        reply=ProductPage,
        vendors=("pandapon",),
    )


@attrs.frozen(kw_only=True)
class ImageSearchRequest(ImageQuery, VendorRequest[ProductPage]):
    """Search products by image."""

    operation: ClassVar[Operation[ProductPage]] = Operation(
        name="alibaba.products.search_image",
        contract_id="alibaba1688.product.search_image",
        title="Commodity picture search",
        method="POST",
        path="/alibaba/product/image/query",
        effect=Effect.READ,
        evidence=Evidence.SEEN,
        reply=ProductPage,
        vendors=("pandapon",),
    )


@attrs.frozen(kw_only=True)
class StoreSearchRequest(StoreQuery, VendorRequest[ProductPage]):
    """Search one shop's products."""

    operation: ClassVar[Operation[ProductPage]] = Operation(
        name="alibaba.products.search_store",
        contract_id="alibaba1688.product.search_store",
        title="Commodity store search",
        method="POST",
        path="/alibaba/product/query/selleroffer",
        effect=Effect.READ,
        evidence=Evidence.SEEN,
        reply=ProductPage,
        vendors=("pandapon",),
    )


class ProductService(OpenService, name="panda.alibaba.products"):
    """``panda.alibaba.products``. Every method raises what `VendorSession.call` raises."""

    if TYPE_CHECKING:
        categories: OpenCall[Category]
        related: OpenCall[RelatedProducts]

    async def get(self, request: ProductRequest, **options: Unpack[CallOptions]) -> Product:
        """A product's details (READ)."""
        return await self._data(request, **options)

    async def decrypt_open_uid(
        self, request: DecryptOpenUidRequest, **options: Unpack[CallOptions]
    ) -> DecryptedOpenUid:
        """The chat of a product's seller (READ: it only looks it up).

        Path and members are from one public client; the vendor's page shows only title and method.
        """
        return await self._data(request, **options)

    def search(self, request: ProductSearchRequest, **options: Unpack[CallOptions]) -> Pager[FoundProduct]:
        """Products by keyword (READ), page by page. The reply's shape is inferred from v2's search."""
        return self._pages(request, SEARCH_PAGES, **options)

    def search_image(self, request: ImageSearchRequest, **options: Unpack[CallOptions]) -> Pager[FoundProduct]:
        """Products by image (READ), page by page. Each page sends the image again: there is no upload.

        The reply's shape is inferred from v2's search.
        """
        return self._pages(request, SEARCH_PAGES, **options)

    def search_store(self, request: StoreSearchRequest, **options: Unpack[CallOptions]) -> Pager[FoundProduct]:
        """Products of one shop (READ), page by page. The reply's shape is inferred from v2's search."""
        return self._pages(request, SEARCH_PAGES, **options)
