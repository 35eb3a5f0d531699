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
    """What saving an address answers: no data, says the page; the new address's id is not returned."""


@attrs.frozen(kw_only=True)
class AddressSaveRequest(VendorRequest[AddressSaved]):
    """Add a Chinese address, or change the one with ``id``. The page shows no required marks.

    PandaPon's second generation prints the path as ``/v2/open/address/addOrUpdate``: give that in the profile's ``paths`` to
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
        # The page describes `code` as success and its (generated) example has 0; the manual's real example has 200.
        # Both are taken as yes: no other page shows a bare code without data.
        zero_is_success=True,
    )

    id: int | None = optional()
    """The address's id; presumably left out to add and given to change."""
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
        """Add an address, or change one (WRITE: sent twice, it may stand there twice)."""
        return await self._data(request, **options)
