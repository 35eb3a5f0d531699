"""Taobao through PandaPon's second generation."""

from __future__ import annotations

from ...service import Group
from .cart import CartService
from .orders import OrderService
from .products import ProductService
from .refunds import RefundService


class TaobaoV2(Group):
    """``panda.v2.taobao``: Taobao through PandaPon's second generation."""

    products: ProductService
    orders: OrderService
    refunds: RefundService
    cart: CartService
