"""1688 through PandaPon: products, orders, refunds, the cart, selections."""

from __future__ import annotations

from ...service import Group
from .cart import CartService
from .marketing import MarketingService
from .orders import OrderService
from .products import ProductService
from .refunds import RefundService


class Alibaba(Group):
    """``panda.alibaba``: 1688 through PandaPon."""

    products: ProductService
    orders: OrderService
    refunds: RefundService
    cart: CartService
    marketing: MarketingService
