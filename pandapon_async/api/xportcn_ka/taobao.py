"""Taobao through Xportcn: products, orders, purchases. Some are only in Xportcn's open menu, not the KA one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

import attrs

from ..._models.base import OpenReply, ReplyModel
from ..._models.fields import many, optional
from ..._models.operation import Effect, Evidence, Operation, VendorRequest
from ..paging import Pager, Paging
from ..service import CallOptions, OpenService, Unpack


@attrs.frozen(kw_only=True)
class RecommendedProduct(ReplyModel):
    """A best-selling product."""

    item_id: str | None = optional(number=True)
    """Taobao's id."""
    title: str | None = optional()
    main_image_url: str | None = optional()
    price: Decimal | None = optional()
    """Text on the wire; the unit isn't stated."""
    coupon_price: Decimal | None = optional()
    quantity: int | None = optional()
    shop_name: str | None = optional()
    tags: tuple[str, ...] = many()
    multi_language_info: Any = optional()
    """Translations; their members weren't seen."""
    promotion_displays: tuple[Any, ...] = many()


@attrs.frozen(kw_only=True)
class Recommendations(ReplyModel):
    """A page of products; the total isn't stated."""

    page_no: int | None = optional()
    page_size: int | None = optional()
    data: tuple[RecommendedProduct, ...] = many()


@attrs.frozen(kw_only=True)
class RecommendationsRequest(VendorRequest[Recommendations]):
    """List best-selling products. All of it is from a public client of Xportcn; the page couldn't be read."""

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


class ProductService(OpenService, name="ka.taobao.products"):
    """``ka.taobao.products``. Every method raises what `VendorSession.call` raises."""

    def recommend(self, request: RecommendationsRequest, **options: Unpack[CallOptions]) -> Pager[RecommendedProduct]:
        """Best-selling products, page by page (READ). In Xportcn's open menu, not the KA one; members from a public client."""
        return self._pages(request, _PAGES, **options)


class OrderService(OpenService, name="ka.taobao.orders"):
    """``ka.taobao.orders``."""


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
    """List purchase orders, page by page. Neither body nor reply was seen: the body goes into ``extra``."""

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


class PurchaseService(OpenService, name="ka.taobao.purchases"):
    """``ka.taobao.purchases``. Every method raises what `VendorSession.call` raises; a WRITE in doubt is never sent again."""

    async def list(self, request: PurchaseListRequest, **options: Unpack[CallOptions]) -> PurchasePage:
        """Purchase orders (READ). Path from KA's document on order states, method from Xportcn's open menu."""
        return await self._data(request, **options)
