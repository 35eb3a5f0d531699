"""1688 products through PandaPon v2: searches and related products."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import attrs

from ...._models.base import ReplyModel
from ...._models.fields import many, optional
from ...._models.operation import Effect, Evidence, Operation, VendorRequest
from ...paging import Pager, Paging
from ...service import CallOptions, OpenCall, OpenService, Unpack
from ...shared.alibaba import ImageQuery, KeywordQuery, StoreQuery
from ...shared.alibaba_products import Category, RelatedProducts

# --- pages ---------------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class FoundProduct(ReplyModel):
    """A product that a search found (vendor: ``AlibabaProductListInfoV2VO``). Two of its 8 members were seen."""

    image_url: str | None = optional()
    subject: str | None = optional()
    """The title."""


@attrs.frozen(kw_only=True)
class StoreProduct(ReplyModel):
    """A shop's product (vendor: ``ProductSearchQuerySellerOfferListV2VO``). One of its 9 members was seen."""

    image_url: str | None = optional()


@attrs.frozen(kw_only=True)
class SearchPage(ReplyModel):
    """The common members of all search pages."""

    total_records: int | None = optional()
    total_page: int | None = optional()
    """One too high in the keyword search's example: 401 pages of 5 for 2000 products."""
    page_size: int | None = optional()
    current_page: int | None = optional()


@attrs.frozen(kw_only=True)
class ProductPage(SearchPage):
    """A page of products."""

    data: tuple[FoundProduct, ...] = many()


@attrs.frozen(kw_only=True)
class StorePage(SearchPage):
    """A page of a shop's products."""

    data: tuple[StoreProduct, ...] = many()


_PRODUCTS = Paging[ProductPage, FoundProduct](
    number="begin_page",
    size="page_size",
    items=lambda page: page.data,
    total=lambda page: page.total_records,
    current=lambda page: page.current_page,
    page_size=lambda page: page.page_size,
)
_STORE = Paging[StorePage, StoreProduct](
    number="begin_page",
    size="page_size",
    items=lambda page: page.data,
    total=lambda page: page.total_records,
    current=lambda page: page.current_page,
    page_size=lambda page: page.page_size,
)


# --- requests ------------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class ProductSearchRequest(KeywordQuery, VendorRequest[ProductPage]):
    """Search products by keyword."""

    operation: ClassVar[Operation[ProductPage]] = Operation(
        name="v2.alibaba.products.search",
        contract_id="alibaba1688_v2.product.search_keyword",
        title="1688 Product keyword query",
        method="POST",
        path="/v2/alibaba/product/keywords/query",
        effect=Effect.READ,
        evidence=Evidence.SEEN,
        reply=ProductPage,
        vendors=("pandapon",),
    )


@attrs.frozen(kw_only=True)
class ImageSearchRequest(ImageQuery, VendorRequest[ProductPage]):
    """Search products by image."""

    operation: ClassVar[Operation[ProductPage]] = Operation(
        name="v2.alibaba.products.search_image",
        contract_id="alibaba1688_v2.product.search_image",
        title="1688 Product image search",
        method="POST",
        path="/v2/alibaba/product/image/query",
        effect=Effect.READ,
        evidence=Evidence.SEEN,
        reply=ProductPage,
        vendors=("pandapon",),
    )


@attrs.frozen(kw_only=True)
class StoreSearchRequest(StoreQuery, VendorRequest[StorePage]):
    """Search one shop's products."""

    operation: ClassVar[Operation[StorePage]] = Operation(
        name="v2.alibaba.products.search_store",
        contract_id="alibaba1688_v2.product.search_store",
        title="1688 multilingual store search",
        method="POST",
        path="/v2/alibaba/product/query/selleroffer",
        effect=Effect.READ,
        evidence=Evidence.SEEN,
        reply=StorePage,
        vendors=("pandapon",),
    )


@attrs.frozen(kw_only=True)
class RelatedProductsRequest(VendorRequest[RelatedProducts]):
    """Look up products related to a product. No required marks were seen."""

    operation: ClassVar[Operation[RelatedProducts]] = Operation(
        name="v2.alibaba.products.related",
        contract_id="alibaba1688_v2.product.related",
        title="Related product recommendation",
        method="POST",
        path="/v2/alibaba/product/productRelatedRecommendQuery",
        effect=Effect.READ,
        evidence=Evidence.SEEN,
        reply=RelatedProducts,
        vendors=("pandapon",),
        limits={"pageSize": 10},
    )

    offer_id: str | None = optional()
    """The product's encoded id, not 1688's number."""
    page_no: int | None = optional(minimum=1)
    """The page number, from 1."""
    page_size: int | None = optional(minimum=1)
    """1688 is known to take at most 10."""
    language: str | None = optional()
    """``en`` or ``vi``."""


# --- methods -------------------------------------------------------------------------------------------------------------


class ProductService(OpenService, name="panda.v2.alibaba.products"):
    """``panda.v2.alibaba.products``. Every method raises what `VendorSession.call` raises."""

    if TYPE_CHECKING:
        categories: OpenCall[Category]

    def search(self, request: ProductSearchRequest, **options: Unpack[CallOptions]) -> Pager[FoundProduct]:
        """Products by keyword (READ), page by page."""
        return self._pages(request, _PRODUCTS, **options)

    def search_image(self, request: ImageSearchRequest, **options: Unpack[CallOptions]) -> Pager[FoundProduct]:
        """Products by image (READ), page by page. Each page sends the image again: there is no upload."""
        return self._pages(request, _PRODUCTS, **options)

    def search_store(self, request: StoreSearchRequest, **options: Unpack[CallOptions]) -> Pager[StoreProduct]:
        """Products of one shop (READ), page by page."""
        return self._pages(request, _STORE, **options)

    async def related(self, request: RelatedProductsRequest, **options: Unpack[CallOptions]) -> RelatedProducts:
        """Products related to a product (READ), one page. The page's copy ends before the reply, which is inferred from 1688's."""
        return await self._data(request, **options)
