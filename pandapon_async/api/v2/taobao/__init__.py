"""Taobao through PandaPon's second generation."""

from __future__ import annotations

from ...common import Group


class TaobaoV2(Group):
    """``panda.v2.taobao``. A subject is one line here: ``orders = subject(OrderService)``."""
