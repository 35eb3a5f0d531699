"""Which services each vendor has. They are imported and made when first used: a session costs little to make."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from .session import VendorSession

if TYPE_CHECKING:
    from .api.alibaba import Alibaba
    from .api.ka import KaAlibaba, KaTaobao
    from .api.ka.wms import WmsService
    from .api.taobao import Taobao
    from .api.v2 import V2


class PandaPonSession(VendorSession):
    """A session at PandaPon."""

    @cached_property
    def taobao(self) -> Taobao:
        """Taobao: products, orders, refunds, the cart."""
        from .api.taobao import Taobao

        return Taobao(self)

    @cached_property
    def alibaba(self) -> Alibaba:
        """1688: products, orders, refunds, the cart, selections."""
        from .api.alibaba import Alibaba

        return Alibaba(self)

    @cached_property
    def v2(self) -> V2:
        """The second generation; its ids are not those of the first."""
        from .api.v2 import V2

        return V2(self)


class XportcnKaSession(VendorSession):
    """A session at Xportcn as a KA client."""

    @cached_property
    def alibaba(self) -> KaAlibaba:
        """1688: products, orders, messages to sellers, refunds."""
        from .api.ka import KaAlibaba

        return KaAlibaba(self)

    @cached_property
    def taobao(self) -> KaTaobao:
        """Taobao: products and orders."""
        from .api.ka import KaTaobao

        return KaTaobao(self)

    @cached_property
    def wms(self) -> WmsService:
        """The warehouse: parcels that arrive."""
        from .api.ka.wms import WmsService

        return WmsService(self)


SESSIONS: Mapping[str, type[VendorSession]] = {"pandapon": PandaPonSession, "xportcn_ka": XportcnKaSession}
"""The session class of each kind of profile."""
