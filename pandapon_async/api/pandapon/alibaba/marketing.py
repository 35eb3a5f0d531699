"""1688's selections through PandaPon: no page of them could be read."""

from __future__ import annotations

from ...._models.operation import Effect
from ...service import Service
from ...undocumented import path_unknown


class MarketingService(Service):
    """``panda.alibaba.marketing``. Every method raises what `VendorSession.call` raises."""

    global_selection = path_unknown(
        "alibaba.marketing.global_selection",
        contract_id="alibaba1688.marketing.global_selection",
        method="POST",
        effect=Effect.READ,
        title="Global strict selection",
        vendors=("pandapon",),
        missing="method (POST, as in v2), path, request, reply",
    )
    strict_selection = path_unknown(
        "alibaba.marketing.strict_selection",
        contract_id="alibaba1688.marketing.strict_selection",
        method="POST",
        effect=Effect.READ,
        title="1688 Strict Selection",
        vendors=("pandapon",),
        missing="method (POST, as in v2), path, request, reply",
    )
    hot_list = path_unknown(
        "alibaba.marketing.hot_list",
        contract_id="alibaba1688.marketing.hot_list",
        method="POST",
        effect=Effect.READ,
        title="Hot selling list",
        vendors=("pandapon",),
        missing="method (POST, as in v2), path, request, reply",
    )
