"""PandaPon's second generation: its ids are opaque strings, incompatible with the first's."""

from __future__ import annotations

from ..service import Group
from .alibaba import AlibabaV2
from .taobao import TaobaoV2


class V2(Group):
    """``panda.v2``: PandaPon's second generation; its ids never mix with the first's."""

    taobao: TaobaoV2
    alibaba: AlibabaV2
