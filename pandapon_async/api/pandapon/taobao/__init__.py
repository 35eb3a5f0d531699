"""Taobao through PandaPon: products, orders, refunds, the cart."""

from __future__ import annotations

from ...service import Group
from .cart import CartService
from .orders import OrderService
from .products import ProductService
from .refunds import RefundService


class Taobao(Group):
    """``panda.taobao``: Taobao through PandaPon."""

    products: ProductService
    orders: OrderService
    refunds: RefundService
    cart: CartService
