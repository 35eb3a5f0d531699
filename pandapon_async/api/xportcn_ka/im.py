"""Messages to 1688 sellers through Xportcn KA."""

from __future__ import annotations

from typing import ClassVar

import attrs

from ..._models.base import OpenReply
from ..._models.fields import optional
from ..._models.operation import Effect, Evidence, Operation, VendorRequest
from ..service import CallOptions, Service, Unpack


@attrs.frozen(kw_only=True)
class DecryptedOpenUid(OpenReply):
    """The seller's decrypted id. The page's copy ends before it: read ``value``."""


@attrs.frozen(kw_only=True)
class DecryptOpenUidRequest(VendorRequest[DecryptedOpenUid]):
    """Look up the chat of a product's seller."""

    operation: ClassVar[Operation[DecryptedOpenUid]] = Operation(
        name="alibaba.im.decrypt_open_uid",
        contract_id="ka.im.decrypt_open_uid",
        title="IM",
        method="POST",
        path="/alibaba/ka/im/openuid/decrypt",
        effect=Effect.READ,
        evidence=Evidence.SEEN,
        reply=DecryptedOpenUid,
        vendors=("xportcn_ka",),
    )

    open_uid: str | None = optional()
    """The seller's encrypted id."""
    offer_id: str | None = optional()
    """The product's id; text here, a number in orders."""


class ImService(Service):
    """``ka.alibaba.im``. Every method raises what `VendorSession.call` raises."""

    async def decrypt_open_uid(
        self, request: DecryptOpenUidRequest, **options: Unpack[CallOptions]
    ) -> DecryptedOpenUid:
        """The chat of a product's seller (READ: it only looks it up)."""
        return await self._data(request, **options)
