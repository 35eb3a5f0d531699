"""1688 through PandaPon's second generation."""

from __future__ import annotations

from ...service import Group
from .cart import CartService
from .marketing import MarketingService
from .orders import OrderService
from .products import ProductService
from .refunds import RefundService


class AlibabaV2(Group):
    """``panda.v2.alibaba``: 1688 through PandaPon's second generation."""

    products: ProductService
    orders: OrderService
    refunds: RefundService
    cart: CartService
    marketing: MarketingService
