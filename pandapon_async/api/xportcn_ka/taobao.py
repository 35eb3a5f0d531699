"""Taobao through Xportcn: products, orders, purchases. Some stand in Xportcn's open menu and not in its KA one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

import attrs

from ..._models.base import OpenReply, ReplyModel
from ..._models.fields import many, optional
from ..._models.operation import Effect, Evidence, Operation, VendorRequest
from ..paging import Pager, Paging
from ..service import Service
from ..undocumented import path_unknown


@attrs.frozen(kw_only=True)
class RecommendedProduct(ReplyModel):
    """A product that sells well."""

    item_id: str | None = optional(number=True)
    """Taobao's id."""
    title: str | None = optional()
    main_image_url: str | None = optional()
    price: Decimal | None = optional()
    """Text on the wire; the unit isn't said."""
    coupon_price: Decimal | None = optional()
    quantity: int | None = optional()
    shop_name: str | None = optional()
    tags: tuple[str, ...] = many()
    multi_language_info: Any = optional()
    """Translations; their members weren't seen."""
    promotion_displays: tuple[Any, ...] = many()


@attrs.frozen(kw_only=True)
class Recommendations(ReplyModel):
    """A page of products; how many there are in all isn't said."""

    page_no: int | None = optional()
    page_size: int | None = optional()
    data: tuple[RecommendedProduct, ...] = many()


@attrs.frozen(kw_only=True)
class RecommendationsRequest(VendorRequest[Recommendations]):
    """Ask for products that sell well. All of it is from a public client of Xportcn; the page couldn't be read."""

    operation: ClassVar[Operation[Recommendations]] = Operation(
        name="taobao.products.recommend",
        contract_id="taobao.product.recommend",
        title="Taobao Hot product recommendation",
        method="POST",
        path="/open/product/recommend",
        effect=Effect.READ,
        evidence=Evidence.CLIENT,
        reply=Recommendations,
        vendors=("xportcn_ka",),
    )

    page_no: int | None = optional(minimum=1)
    page_size: int | None = optional(minimum=1)
    language: str | None = optional()
    """The values aren't listed."""


_PAGES = Paging[Recommendations, RecommendedProduct](
    number="page_no",
    size="page_size",
    items=lambda reply: reply.data,
    current=lambda reply: reply.page_no,
    page_size=lambda reply: reply.page_size,
)


class ProductService(Service):
    """``ka.taobao.products``. Every method raises what `VendorSession.call` raises."""

    def recommend(self, request: RecommendationsRequest) -> Pager[RecommendedProduct]:
        """Products that sell well, page by page (READ). In Xportcn's open menu, not in the KA one; members from a public client."""
        return self._pages(request, _PAGES)

    get = path_unknown(
        "taobao.products.get",
        contract_id="ka.taobao.product_detail",
        method="POST",
        effect=Effect.READ,
        title="TaoBaoProductDetail",
        vendors=("xportcn_ka",),
        missing="method, path, request, reply",
        why="Not in every copy of the KA menu.",
    )
    search = path_unknown(
        "taobao.products.search",
        contract_id="ka.taobao.product_keywords",
        method="POST",
        effect=Effect.READ,
        title="TaoBaoProductKeywordsQuery",
        vendors=("xportcn_ka",),
        missing="method, path, request, reply",
        why="Not in every copy of the KA menu.",
    )
    search_image = path_unknown(
        "taobao.products.search_image",
        contract_id="ka.taobao.product_image",
        method="POST",
        effect=Effect.READ,
        title="TaoBaoProductImageQuery",
        vendors=("xportcn_ka",),
        missing="method, path, request, reply",
        why="Not in every copy of the KA menu.",
    )
    get_v2 = path_unknown(
        "taobao.products.get_v2",
        contract_id="taobao.product.detail_v2",
        method="POST",
        effect=Effect.READ,
        title="Taobao Product Detail V2",
        vendors=("xportcn_ka",),
        missing="method, path, request, reply",
        why="In Xportcn's open menu, not in the KA one.",
    )
    list_spus = path_unknown(
        "taobao.products.list_spus",
        contract_id="taobao.product.spus_list",
        method="POST",
        effect=Effect.READ,
        title="Taobao Spus list query interface",
        vendors=("xportcn_ka",),
        missing="method, path, request, reply",
        why="In Xportcn's open menu, not in the KA one.",
    )
    get_spu = path_unknown(
        "taobao.products.get_spu",
        contract_id="taobao.product.spus_detail",
        method="POST",
        effect=Effect.READ,
        title="Taobao Spus Details Query Interface",
        vendors=("xportcn_ka",),
        missing="method, path, request, reply",
        why="In Xportcn's open menu, not in the KA one.",
    )


class OrderService(Service):
    """``ka.taobao.orders``."""

    render = path_unknown(
        "taobao.orders.render",
        contract_id="ka.taobao.order_render",
        method="POST",
        effect=Effect.READ,
        title="TaoBaoOrderRender",
        vendors=("xportcn_ka",),
        missing="path, request, reply",
        why="By its title it shows an order, and places none.",
    )
    create = path_unknown(
        "taobao.orders.create",
        contract_id="ka.taobao.order_create",
        method="POST",
        effect=Effect.WRITE,
        title="TaoBaoOrderCreate",
        vendors=("xportcn_ka",),
        missing="path, request, reply",
        why="Sent twice, it orders twice.",
    )
    list = path_unknown(
        "taobao.orders.list",
        contract_id="ka.taobao.order_list",
        method="POST",
        effect=Effect.READ,
        title="TaoBaoOrderList",
        vendors=("xportcn_ka",),
        missing="path, request, reply",
        inferred_path="/open/purchase/page",
        why="KA's document on Taobao order states names it; `ka.taobao.purchases.list` calls the same path.",
    )


@attrs.frozen(kw_only=True)
class PurchasePage(OpenReply):
    """A page of purchase orders. It wasn't seen: read ``value``.

    States, by KA's document on them: 12 being made, 0 to be paid, 1 paid or proof uploaded, 2 accepted and 3 refused by
    finance, 5 to be paid by finance, 10 to be shipped, 11 shipped, 4 cancelled, 9 any other. A sub-order's
    ``refundStatus``: 0 none asked, 10 asked, 20 the seller agrees, 30 sent back, 100 refunded, -10 the seller refuses,
    -20 closed.
    """


@attrs.frozen(kw_only=True)
class PurchaseListRequest(VendorRequest[PurchasePage]):
    """Ask for purchase orders, page by page. Neither body nor reply was seen: what goes into the body stands in ``extra``."""

    operation: ClassVar[Operation[PurchasePage]] = Operation(
        name="taobao.purchases.list",
        contract_id="taobao.purchase.page",
        title="purchase order page list",
        method="POST",
        path="/open/purchase/page",
        effect=Effect.READ,
        evidence=Evidence.SEEN,
        reply=PurchasePage,
        vendors=("xportcn_ka",),
        missing="request, reply",
    )


class PurchaseService(Service):
    """``ka.taobao.purchases``. Every method raises what `VendorSession.call` raises; a WRITE in doubt is never sent again."""

    async def list(self, request: PurchaseListRequest) -> PurchasePage:
        """Purchase orders (READ). The path is from KA's document on order states, the method from Xportcn's open menu."""
        return await self._data(request)

    render = path_unknown(
        "taobao.purchases.render",
        contract_id="taobao.purchase.render",
        method="POST",
        effect=Effect.READ,
        title="purchase order render",
        vendors=("xportcn_ka",),
        missing="path, request, reply",
        why="By its title it shows an order, and places none. In Xportcn's open menu, not in the KA one.",
    )
    render_v2 = path_unknown(
        "taobao.purchases.render_v2",
        contract_id="taobao.purchase.render_v2",
        method="POST",
        effect=Effect.READ,
        title="purchase order render v2",
        vendors=("xportcn_ka",),
        missing="path, request, reply",
        why="By its title it shows an order, and places none. In Xportcn's open menu, not in the KA one.",
    )
    create = path_unknown(
        "taobao.purchases.create",
        contract_id="taobao.purchase.create",
        method="POST",
        effect=Effect.WRITE,
        title="purchase order create",
        vendors=("xportcn_ka",),
        missing="path, request, reply",
        why="Sent twice, it orders twice. In Xportcn's open menu, not in the KA one.",
    )
    create_v2 = path_unknown(
        "taobao.purchases.create_v2",
        contract_id="taobao.purchase.create_v2",
        method="POST",
        effect=Effect.WRITE,
        title="purchase order create V2",
        vendors=("xportcn_ka",),
        missing="path, request, reply",
        why="Sent twice, it orders twice. In Xportcn's open menu, not in the KA one.",
    )
    pay = path_unknown(
        "taobao.purchases.pay",
        contract_id="taobao.purchase.pay",
        method="POST",
        effect=Effect.WRITE,
        title="purchase order pay",
        vendors=("xportcn_ka",),
        missing="path, request, reply",
        why="It moves money. In Xportcn's open menu, not in the KA one.",
    )
    cancel = path_unknown(
        "taobao.purchases.cancel",
        contract_id="taobao.purchase.cancel",
        method="POST",
        effect=Effect.WRITE,
        title="purchase order cancel",
        vendors=("xportcn_ka",),
        missing="path, request, reply",
        why="It ends the order. In Xportcn's open menu, not in the KA one.",
    )
