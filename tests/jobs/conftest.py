"""Accounts of both vendors, and a journal to be made."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pandapon_async import VendorSession
from pandapon_async.testing import FakeVendor
from tests.support import AT_ONCE, session_at


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bookings.db"


@pytest.fixture(params=["pandapon", "xportcn_ka"])
async def account(request: pytest.FixtureRequest, vendor: FakeVendor) -> AsyncIterator[VendorSession]:
    """A session at the fake vendor, of each kind in turn."""
    async with session_at(vendor.profile(request.param, retry=AT_ONCE)) as session:
        yield session
