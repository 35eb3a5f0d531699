"""Taobao through Xportcn: products, orders, purchases. Some are only in Xportcn's open menu, not the KA one."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from ..._models.base import ReplyModel
from ..._models.fields import many, optional
from ..._models.operation import Effect, Evidence, Operation, VendorRequest
from ..paging import Pager, Paging
from ..service import CallOptions, OpenCall, OpenService, Unpack
from ..shared.taobao_orders import CancelStarted, CreatedPurchases, PaidPurchases, PurchaseOrders, RenderedOrder


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
    """``ka.taobao.orders``: Taobao orders through Xportcn; no page of them could be read."""

    if TYPE_CHECKING:
        render: OpenCall[RenderedOrder]
        create: OpenCall[CreatedPurchases]
        list: OpenCall[PurchaseOrders]


@attrs.frozen(kw_only=True)
class PurchasePage(PurchaseOrders):
    """A page of purchase orders. It wasn't seen: its shape is inferred from Taobao Global's ``/purchase/orders/query``.

    `PurchaseStatus` and `RefundStatus` have the states of KA's document on them.
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

    if TYPE_CHECKING:
        render: OpenCall[RenderedOrder]
        render_v2: OpenCall[RenderedOrder]
        create: OpenCall[CreatedPurchases]
        create_v2: OpenCall[CreatedPurchases]
        pay: OpenCall[PaidPurchases]
        cancel: OpenCall[CancelStarted]

    async def list(self, request: PurchaseListRequest, **options: Unpack[CallOptions]) -> PurchasePage:
        """Purchase orders (READ). Path from KA's document on order states, method from Xportcn's open menu."""
        return await self._data(request, **options)
