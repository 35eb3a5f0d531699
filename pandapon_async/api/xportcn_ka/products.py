"""1688 products through Xportcn KA."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import attrs

from ..._models.operation import Effect, Evidence, Operation, VendorRequest
from ..paging import Pager
from ..service import CallOptions, OpenCall, OpenService, Unpack
from ..shared.alibaba import SEARCH_PAGES, FoundProduct, KeywordQuery, ProductPage
from ..shared.alibaba_products import Category, ChinaFreight, ProductPool


@attrs.frozen(kw_only=True)
class ProductSearchRequest(KeywordQuery, VendorRequest[ProductPage]):
    """Search products by keyword. Only the path was seen on the page; the members are inferred from PandaPon's counterpart."""

    operation: ClassVar[Operation[ProductPage]] = Operation(
        name="alibaba.products.search",
        contract_id="ka.product.search_keyword",
        title="AlibabaProductKeywordsQuery",
        method="POST",
        path="/alibaba/ka/product/keywords/query",
        effect=Effect.READ,
        evidence=Evidence.SEEN,
        reply=ProductPage,
        vendors=("xportcn_ka",),
        missing="request, reply",
    )


class ProductService(OpenService, name="ka.alibaba.products"):
    """``ka.alibaba.products``. Every method raises what `VendorSession.call` raises."""

    if TYPE_CHECKING:
        categories: OpenCall[Category]
        estimate_freight: OpenCall[ChinaFreight]
        pool_list: OpenCall[ProductPool]

    def search(self, request: ProductSearchRequest, **options: Unpack[CallOptions]) -> Pager[FoundProduct]:
        """Products by keyword (READ), page by page.

        Request and reply are inferred from PandaPon's counterpart, whose path is this one without ``/ka``. Of ``filter`` the page
        names ``totalEpScoreLv1``, the overall experience score.
        """
        return self._pages(request, SEARCH_PAGES, **options)
