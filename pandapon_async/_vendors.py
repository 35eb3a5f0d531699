"""The services of each vendor, imported and created on first use, so that creating a session is cheap."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from ._session import VendorSession

if TYPE_CHECKING:
    from .api.pandapon.alibaba import Alibaba
    from .api.pandapon.taobao import Taobao
    from .api.pandapon_v2 import V2
    from .api.xportcn_ka import KaAlibaba, KaTaobao
    from .api.xportcn_ka.wms import WmsService


class PandaPonSession(VendorSession):
    """A session at PandaPon."""

    @cached_property
    def taobao(self) -> Taobao:
        """Taobao: products, orders, refunds, the cart."""
        from .api.pandapon.taobao import Taobao

        return Taobao(self)

    @cached_property
    def alibaba(self) -> Alibaba:
        """1688: products, orders, refunds, the cart, selections."""
        from .api.pandapon.alibaba import Alibaba

        return Alibaba(self)

    @cached_property
    def v2(self) -> V2:
        """The second generation of the API; its ids differ from the first's."""
        from .api.pandapon_v2 import V2

        return V2(self)


class XportcnKaSession(VendorSession):
    """A session at Xportcn as a KA client."""

    @cached_property
    def alibaba(self) -> KaAlibaba:
        """1688: products, orders, messages to sellers, refunds."""
        from .api.xportcn_ka import KaAlibaba

        return KaAlibaba(self)

    @cached_property
    def taobao(self) -> KaTaobao:
        """Taobao: products and orders."""
        from .api.xportcn_ka import KaTaobao

        return KaTaobao(self)

    @cached_property
    def wms(self) -> WmsService:
        """The warehouse: incoming parcels."""
        from .api.xportcn_ka.wms import WmsService

        return WmsService(self)


SESSIONS: Mapping[str, type[VendorSession]] = {"pandapon": PandaPonSession, "xportcn_ka": XportcnKaSession}
"""The session class of each kind of profile."""
