"""Xportcn's KA client: 1688, Taobao, the warehouse."""

from __future__ import annotations

from ..service import Group, subject
from . import taobao
from .im import ImService
from .orders import OrderService
from .products import ProductService
from .refunds import RefundService


class KaAlibaba(Group):
    """``ka.alibaba``."""

    products = subject(ProductService)
    orders = subject(OrderService)
    im = subject(ImService)
    refunds = subject(RefundService)


class KaTaobao(Group):
    """``ka.taobao``."""

    products = subject(taobao.ProductService)
    orders = subject(taobao.OrderService)
    purchases = subject(taobao.PurchaseService)
