"""Replies on 1688 products that no page of a vendor shows, inferred from 1688's own calls. They refuse nothing: see `InferredReply`."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

import attrs

from ..._models.base import InferredReply
from ..._models.fields import many, optional
from ..._models.inferred_list import InferredList


@attrs.frozen(kw_only=True)
class Category(InferredReply):
    """A category and those below it, inferred from 1688's ``category.translation.getById``. No page shows it."""

    category_id: str | None = optional(number=True)
    """0 is the root."""
    chinese_name: str | None = optional()
    translated_name: str | None = optional()
    language: str | None = optional()
    leaf: bool | None = optional()
    """Whether no category is below it."""
    level: int | None = optional()
    parent_cate_id: str | None = optional(number=True)
    from_cache: bool | None = optional()
    children: tuple[Category, ...] = many()


@attrs.frozen(kw_only=True)
class RelatedPrice(InferredReply):
    """The price of a related product; its unit isn't stated."""

    price: str | None = optional()


@attrs.frozen(kw_only=True)
class RelatedProduct(InferredReply):
    """A product related to another, inferred from 1688's ``product.related.recommend``."""

    offer_id: str | None = optional(number=True)
    image_url: str | None = optional()
    subject: str | None = optional()
    """The Chinese title."""
    subject_trans: str | None = optional()
    price_info: RelatedPrice | None = optional()
    month_sold: int | None = optional()
    seller_identities: tuple[str, ...] = many()
    offer_identities: tuple[str, ...] = many()
    top_category_id: str | None = optional(number=True)
    second_category_id: str | None = optional(number=True)
    third_category_id: str | None = optional(number=True)


@attrs.frozen(kw_only=True)
class RelatedProducts(InferredList[RelatedProduct]):
    """Products related to a product: a list, inferred from 1688's ``product.related.recommend``. No page shows it."""

    item_type: ClassVar[type[RelatedProduct]] = RelatedProduct


@attrs.frozen(kw_only=True)
class RankedProduct(InferredReply):
    """A product of a ranking."""

    item_id: str | None = optional(number=True)
    title: str | None = optional()
    translate_title: str | None = optional()
    img_url: str | None = optional()
    sort: int | None = optional()
    """Its place."""
    service_list: tuple[str, ...] = many()
    buyer_num: int | None = optional()
    sold_out: int | None = optional()
    goods_score: str | None = optional()


@attrs.frozen(kw_only=True)
class Ranking(InferredReply):
    """A ranking of products, inferred from 1688's ``product.topList.query``. No page shows it."""

    rank_id: str | None = optional()
    """A category's id."""
    rank_name: str | None = optional()
    rank_type: str | None = optional()
    """See `RankType`."""
    products: tuple[RankedProduct, ...] = many("rankProductModels")


@attrs.frozen(kw_only=True)
class FreightSku(InferredReply):
    """A variant in a freight estimate."""

    sku_id: str | None = optional()
    single_sku_weight_kg: Decimal | None = optional("singleSkuWeight", number=True)
    """In kilograms."""


@attrs.frozen(kw_only=True)
class ChinaFreight(InferredReply):
    """Freight inside China, inferred from 1688's ``product.freight.estimate``. No page shows it. Overseas it says nothing."""

    offer_id: str | None = optional(number=True)
    freight_yuan: Decimal | None = optional("freight")
    """In yuan (CNY)."""
    free_postage: bool | None = optional()
    template_id: str | None = optional(number=True)
    template_name: str | None = optional()
    template_type: int | None = optional()
    sub_template_name: str | None = optional()
    sub_template_type: int | None = optional()
    first_fee: Decimal | None = optional()
    """For the first unit; the currency's unit isn't stated."""
    first_unit: Decimal | None = optional()
    next_fee: Decimal | None = optional()
    """For each further unit; the currency's unit isn't stated."""
    next_unit: Decimal | None = optional()
    discount: Decimal | None = optional()
    charge_type: int | None = optional()
    """See `ChargeType`."""
    single_product_weight_kg: Decimal | None = optional("singleProductWeight", number=True)
    """In kilograms."""
    single_product_width_cm: Decimal | None = optional("singleProductWidth", number=True)
    """In centimetres."""
    single_product_height_cm: Decimal | None = optional("singleProductHeight", number=True)
    """In centimetres."""
    single_product_length_cm: Decimal | None = optional("singleProductLength", number=True)
    """In centimetres."""
    size_value_type: str | None = optional()
    skus: tuple[FreightSku, ...] = many("productFreightSkuInfoModels")


@attrs.frozen(kw_only=True)
class PooledProduct(InferredReply):
    """A product of a pool, inferred from 1688's ``pool.product.pull``."""

    offer_id: str | None = optional(number=True)
    biz_category_id: str | None = optional(number=True)
    offer_pool_total: int | None = optional()
    """How many products the pool has."""


@attrs.frozen(kw_only=True)
class ProductPool(InferredList[PooledProduct]):
    """A page of a pool of products: a list, inferred from 1688's ``pool.product.pull``. No page shows it."""

    item_type: ClassVar[type[PooledProduct]] = PooledProduct
