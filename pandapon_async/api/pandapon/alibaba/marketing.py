"""1688's selections through PandaPon: no page of them could be read."""

from __future__ import annotations

from ...service import OpenService


class MarketingService(OpenService, name="panda.alibaba.marketing"):
    """``panda.alibaba.marketing``. Every method raises what `VendorSession.call` raises."""
