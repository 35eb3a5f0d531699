"""1688 refunds and returns through Xportcn KA: no page of them could be read."""

from __future__ import annotations

from ..._models.operation import Effect
from ..service import Service
from ..undocumented import path_unknown


class RefundService(Service):
    """``ka.alibaba.refunds``. Every method raises what `VendorSession.call` raises; a WRITE in doubt is never sent again."""

    reasons = path_unknown(
        "alibaba.refunds.reasons",
        contract_id="ka.refund.reasons",
        method="POST",
        effect=Effect.READ,
        title="Refund Reason List",
        vendors=("xportcn_ka",),
        missing="path, request, reply",
    )
    upload_voucher = path_unknown(
        "alibaba.refunds.upload_voucher",
        contract_id="ka.refund.upload_voucher",
        method="POST",
        effect=Effect.WRITE,
        title="upload voucher",
        vendors=("xportcn_ka",),
        missing="path, request, reply",
        why="It stores something at the vendor.",
    )
    create = path_unknown(
        "alibaba.refunds.create",
        contract_id="ka.refund.create",
        method="POST",
        effect=Effect.WRITE,
        title="Create refund",
        vendors=("xportcn_ka",),
        missing="path, request, reply",
        why="It opens a case against the seller, over money.",
    )
    submit_return = path_unknown(
        "alibaba.refunds.submit_return",
        contract_id="ka.refund.submit_return",
        method="POST",
        effect=Effect.WRITE,
        title="Buyer submits refund information",
        vendors=("xportcn_ka",),
        missing="path, request, reply",
        why="It changes the case.",
    )
    logistics_companies = path_unknown(
        "alibaba.refunds.logistics_companies",
        contract_id="ka.refund.logistics_companies",
        method="GET",
        effect=Effect.READ,
        title="List of logistics companies - All logistics companies",
        vendors=("xportcn_ka",),
        missing="path, query, reply",
    )
    get = path_unknown(
        "alibaba.refunds.get",
        contract_id="ka.refund.detail",
        method="POST",
        effect=Effect.READ,
        title="Get Refund Detail",
        vendors=("xportcn_ka",),
        missing="path, request, reply",
    )
    cancel = path_unknown(
        "alibaba.refunds.cancel",
        contract_id="ka.refund.cancel",
        method="POST",
        effect=Effect.WRITE,
        title="cancel refund",
        vendors=("xportcn_ka",),
        missing="path, request, reply",
        why="It ends the case. PandaPon has no twin of it.",
    )
