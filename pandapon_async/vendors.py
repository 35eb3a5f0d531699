"""Which services each vendor has."""

from __future__ import annotations

from collections.abc import Mapping

from .session import VendorSession


class PandaPonSession(VendorSession):
    """A session at PandaPon."""


class XportcnKaSession(VendorSession):
    """A session at Xportcn as a KA client."""


SESSIONS: Mapping[str, type[VendorSession]] = {"pandapon": PandaPonSession, "xportcn_ka": XportcnKaSession}
"""The session class of each kind of profile."""
