"""1688's selections through PandaPon: no page of them could be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...service import OpenCall, OpenService
from ...shared.alibaba_products import Ranking


class MarketingService(OpenService, name="panda.alibaba.marketing"):
    """``panda.alibaba.marketing``. Every method raises what `VendorSession.call` raises."""

    if TYPE_CHECKING:
        hot_list: OpenCall[Ranking]
