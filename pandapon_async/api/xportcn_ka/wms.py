"""Xportcn KA's warehouse: incoming parcels. The vendor marks the group as in development.

It isn't stated whether you call it or a warehouse calls you; here you call it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

import attrs

from ..._models.base import OpenReply
from ..._models.fields import many, optional
from ..._models.operation import Effect, Evidence, Operation, VendorRequest
from ..._models.requests import RequestModel
from ..service import CallOptions, OpenService, Unpack


@attrs.frozen(kw_only=True)
class QualityInspection(RequestModel):
    """The warehouse's inspection result; types and snake_case names from a sample cut off inside ``images``. Units aren't stated."""

    status: str | None = optional()
    """Chinese text, such as 质检通过 (passed)."""
    weight: Decimal | None = optional(number=True)
    length: Decimal | None = optional(number=True)
    width: Decimal | None = optional()
    """Text in the sample, where its neighbours are numbers."""
    height: Decimal | None = optional(number=True)
    failed_remark: str | None = optional("failed_remark")
    images: tuple[str, ...] = many()
    """URLs."""


@attrs.frozen(kw_only=True)
class PackageReceived(OpenReply):
    """The outcome. The page's copy ends before it: read ``value``."""


@attrs.frozen(kw_only=True)
class PackageInboundRequest(VendorRequest[PackageReceived]):
    """Report a parcel that has arrived at the warehouse; on the wire its names are snake_case."""

    operation: ClassVar[Operation[PackageReceived]] = Operation(
        name="wms.package_inbound",
        contract_id="ka.wms.package_inbound",
        title="package inbound",
        method="POST",
        path="/wms/package/inbound",
        effect=Effect.WRITE,
        evidence=Evidence.SEEN,
        reply=PackageReceived,
        vendors=("xportcn_ka",),
        missing="end of the request, reply",
    )

    out_order_id: str | None = optional("out_order_id")
    alibaba_order_id: str | None = optional("alibaba_order_id")
    logistics_tracking_number: str | None = optional("logistics_tracking_number")
    quality_inspection_info: QualityInspection | None = optional("quality_inspection_info")

    def natural_reference(self) -> str | None:
        return self.logistics_tracking_number


class WmsService(OpenService, name="ka.wms"):
    """``ka.wms``. Every method raises what `VendorSession.call` raises; a WRITE in doubt is never sent again."""

    async def package_inbound(self, request: PackageInboundRequest, **options: Unpack[CallOptions]) -> PackageReceived:
        """Report a parcel that has arrived (WRITE: it changes what the warehouse holds). The page says "Developing"."""
        return await self._data(request, **options)
