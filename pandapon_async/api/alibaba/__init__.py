"""1688 through PandaPon: products, orders, refunds, the cart."""

from __future__ import annotations

from ..common import Group


class Alibaba(Group):
    """``panda.alibaba``. A subject is one line here: ``orders = subject(OrderService)``."""
