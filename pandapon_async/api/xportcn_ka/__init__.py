"""Xportcn's KA client: 1688, Taobao, the warehouse."""

from __future__ import annotations

from ..service import Group
from . import taobao
from .im import ImService
from .orders import OrderService
from .products import ProductService
from .refunds import RefundService


class KaAlibaba(Group):
    """``ka.alibaba``: 1688 through Xportcn KA."""

    products: ProductService
    orders: OrderService
    im: ImService
    refunds: RefundService


class KaTaobao(Group):
    """``ka.taobao``: Taobao through Xportcn."""

    products: taobao.ProductService
    orders: taobao.OrderService
    purchases: taobao.PurchaseService
