"""1688 refunds and returns through Xportcn KA: no page of them could be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..service import OpenCall, OpenService
from ..shared.alibaba_refunds import (
    AppliedRefund,
    CaseOutcome,
    LogisticsCompanies,
    RefundReasons,
    RefundSummary,
    UploadedVoucher,
)


class RefundService(OpenService, name="ka.alibaba.refunds"):
    """``ka.alibaba.refunds``. Every method raises what `VendorSession.call` raises; a WRITE in doubt is never sent again."""

    if TYPE_CHECKING:
        reasons: OpenCall[RefundReasons]
        upload_voucher: OpenCall[UploadedVoucher]
        create: OpenCall[AppliedRefund]
        submit_return: OpenCall[CaseOutcome]
        logistics_companies: OpenCall[LogisticsCompanies]
        get: OpenCall[RefundSummary]
        cancel: OpenCall[CaseOutcome]
