"""1688 products through Xportcn KA."""

from __future__ import annotations

from typing import ClassVar

import attrs

from ..._models.operation import Effect, Evidence, Operation, VendorRequest
from ..paging import Pager
from ..service import Service
from ..shared.alibaba import SEARCH_PAGES, FoundProduct, KeywordQuery, ProductPage
from ..undocumented import path_unknown


@attrs.frozen(kw_only=True)
class ProductSearchRequest(KeywordQuery, VendorRequest[ProductPage]):
    """Look for products by words. Of the page the path was seen; the members are inferred from PandaPon's twin."""

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


class ProductService(Service):
    """``ka.alibaba.products``. Every method raises what `VendorSession.call` raises."""

    def search(self, request: ProductSearchRequest) -> Pager[FoundProduct]:
        """Products by keyword (READ), page by page.

        Request and reply are inferred from PandaPon's twin, whose path is this one without ``/ka``. Of ``filter`` the page
        names ``totalEpScoreLv1``, the overall experience score.
        """
        return self._pages(request, SEARCH_PAGES)

    search_image = path_unknown(
        "alibaba.products.search_image",
        contract_id="ka.product.search_image",
        method="POST",
        effect=Effect.READ,
        title="AlibabaProductImageQuery",
        vendors=("xportcn_ka",),
        missing="path, request, reply",
    )
    categories = path_unknown(
        "alibaba.products.categories",
        contract_id="ka.product.categories",
        method="POST",
        effect=Effect.READ,
        title="AlibabaProductCategory",
        vendors=("xportcn_ka",),
        missing="path, request, reply",
    )
    get = path_unknown(
        "alibaba.products.get",
        contract_id="ka.product.detail",
        method="POST",
        effect=Effect.READ,
        title="AlibabaProductDetail",
        vendors=("xportcn_ka",),
        missing="path, request, reply",
    )
    get_many = path_unknown(
        "alibaba.products.get_many",
        contract_id="ka.product.detail_multi",
        method="POST",
        effect=Effect.READ,
        title="AlibabaProductDetailMulti",
        vendors=("xportcn_ka",),
        missing="path, request, reply",
    )
    estimate_freight = path_unknown(
        "alibaba.products.estimate_freight",
        contract_id="ka.product.freight_estimate",
        method="POST",
        effect=Effect.READ,
        title="AlibabaProductFreightEstimateGet",
        vendors=("xportcn_ka",),
        missing="path, request, reply",
        why="By its title it is 1688's own estimate of the way inside China, not the one overseas (`logistics.estimate_freight`).",
    )
    pool_list = path_unknown(
        "alibaba.products.pool_list",
        contract_id="ka.product.pool_list",
        method="POST",
        effect=Effect.READ,
        title="AlibabaProductPoolList",
        vendors=("xportcn_ka",),
        missing="method (taken as POST), path, request, reply",
        why="It is gone from the newest menu.",
    )
