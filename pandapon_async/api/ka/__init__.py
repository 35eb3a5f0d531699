"""Xportcn's KA client: 1688, Taobao, the warehouse."""

from __future__ import annotations

from ..common import Group


class KaAlibaba(Group):
    """``ka.alibaba``. A subject is one line here: ``orders = subject(OrderService)``."""


class KaTaobao(Group):
    """``ka.taobao``."""
