"""1688's selections through PandaPon v2: no page of them could be read. In the vendor's menu they stand among the products."""

from __future__ import annotations

from ...._models.operation import Effect
from ...service import Service
from ...undocumented import path_unknown


class MarketingService(Service):
    """``panda.v2.alibaba.marketing``. Every method raises what `VendorSession.call` raises."""

    global_selection = path_unknown(
        "v2.alibaba.marketing.global_selection",
        contract_id="alibaba1688_v2.marketing.global_selection",
        method="POST",
        effect=Effect.READ,
        title="Global strictly selected keyword query",
        vendors=("pandapon",),
        missing="path, request, reply",
    )
    strict_selection = path_unknown(
        "v2.alibaba.marketing.strict_selection",
        contract_id="alibaba1688_v2.marketing.strict_selection",
        method="POST",
        effect=Effect.READ,
        title="1688 Strictly select keyword query",
        vendors=("pandapon",),
        missing="path, request, reply",
    )
    hot_list = path_unknown(
        "v2.alibaba.marketing.hot_list",
        contract_id="alibaba1688_v2.marketing.hot_list",
        method="POST",
        effect=Effect.READ,
        title="Hot list query",
        vendors=("pandapon",),
        missing="path, request, reply",
    )
