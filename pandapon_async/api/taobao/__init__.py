"""Taobao through PandaPon: products, orders, refunds, the cart."""

from __future__ import annotations

from ..common import Group


class Taobao(Group):
    """``panda.taobao``. A subject is one line here: ``orders = subject(OrderService)``."""
