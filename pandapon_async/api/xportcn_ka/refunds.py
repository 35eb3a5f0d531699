"""1688 refunds and returns through Xportcn KA: no page of them could be read."""

from __future__ import annotations

from ..service import OpenService


class RefundService(OpenService, name="ka.alibaba.refunds"):
    """``ka.alibaba.refunds``. Every method raises what `VendorSession.call` raises; a WRITE in doubt is never sent again."""
