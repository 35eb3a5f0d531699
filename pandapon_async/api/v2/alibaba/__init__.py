"""1688 through PandaPon's second generation."""

from __future__ import annotations

from ...common import Group


class AlibabaV2(Group):
    """``panda.v2.alibaba``. A subject is one line here: ``orders = subject(OrderService)``."""
