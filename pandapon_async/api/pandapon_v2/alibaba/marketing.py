"""1688's selections through PandaPon v2: no page of them could be read. In the vendor's menu they are listed under products."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...service import OpenCall, OpenService
from ...shared.alibaba_products import Ranking


class MarketingService(OpenService, name="panda.v2.alibaba.marketing"):
    """``panda.v2.alibaba.marketing``. Every method raises what `VendorSession.call` raises."""

    if TYPE_CHECKING:
        hot_list: OpenCall[Ranking]
