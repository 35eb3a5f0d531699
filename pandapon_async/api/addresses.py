"""The consolidation warehouse's domestic addresses."""

from __future__ import annotations

from typing import ClassVar

import attrs

from .._models.base import OpenReply
from .._models.fields import optional
from .._models.operation import Effect, Evidence, Operation, VendorRequest
from .service import CallOptions, OpenService, Unpack

_BOTH = ("pandapon", "xportcn_ka")


@attrs.frozen(kw_only=True)
class AddressSaved(OpenReply):
    """The reply to saving an address: no data according to the page, not even the new address's id."""


@attrs.frozen(kw_only=True)
class AddressSaveRequest(VendorRequest[AddressSaved]):
    """Add a Chinese address, or change the one with this ``id``. The page shows no required marks.

    PandaPon's second generation lists the path as ``/v2/open/address/addOrUpdate``: set that in the profile's ``paths`` to
    use it.
    """

    operation: ClassVar[Operation[AddressSaved]] = Operation(
        name="addresses.save",
        contract_id="foundations.address.add_or_update",
        title="Address addition and update",
        method="POST",
        path="/open/address/addOrUpdate",
        effect=Effect.WRITE,
        evidence=Evidence.SEEN,
        reply=AddressSaved,
        vendors=_BOTH,
        # The page documents `code` as success, with 0 in its (generated) example; the manual's real example has 200.
        # Both count as success: no other page shows a bare code without data.
        zero_is_success=True,
    )

    id: int | None = optional()
    """The address's id; presumably omitted to add, set to change."""
    name: str | None = optional(personal=True)
    province: str | None = optional()
    city: str | None = optional()
    district: str | None = optional()
    address: str | None = optional(personal=True)
    """Street line."""
    phone: str | None = optional(personal=True)
    """Mobile number."""


class AddressService(OpenService, name="session.addresses"):
    """``session.addresses``. Every method raises what `VendorSession.call` raises."""

    async def save(self, request: AddressSaveRequest, **options: Unpack[CallOptions]) -> AddressSaved:
        """Add an address, or change one (WRITE: sent twice, it may be added twice)."""
        return await self._data(request, **options)
